"""From what the user set to one resolved configuration and the plugins that carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.config import (
    PluginChoice,
    RunConfig,
    RunOptions,
    Settings,
    StudyParams,
    build,
    quick_study,
    quick_tokens,
    resolve_device,
)
from darkframe.errors import StoreError, UserError
from darkframe.plugin import SourceInfo
from darkframe.registry import Found, Registry


@dataclass(frozen=True)
class Plan:
    """A resolved configuration and its plugins."""

    config: RunConfig
    source: Found
    decomposer: Found


def new_plan(settings: Settings, registry: Registry) -> Plan:
    """Resolve a new run.

    Args:
        settings: Merged over all layers.
        registry: The plugins there are.

    Raises:
        UserError: Something that was set cannot be used; says what can.
    """
    options = build(RunOptions, settings["run"], kind="run", owner="run")
    _refuse_clusterer(options.clusterer, settings["clusterer"], registry)
    source = registry.get("source", options.source)
    decomposer = registry.get("decomposer", options.decomposer)
    study = (quick_study(settings["study"]) if options.quick else {}) | settings["study"]
    config = RunConfig(
        source=_choice(source, settings["source"]),
        decomposer=_choice(decomposer, settings["decomposer"]),
        study=build(StudyParams, study, kind="study", owner="study"),
        tokens=_tokens(options, source),
        seed=options.seed,
        device=resolve_device(options.device),
        strict=options.strict,
        quick=options.quick,
        force=options.force,
    )
    return Plan(config, source, decomposer)


def recorded_plan(record: Mapping[str, Any], registry: Registry) -> Plan:
    """The plan of a run that was begun, from the record in its manifest.

    Raises:
        UserError: A plugin it used is not installed any more, or in another version.
        StoreError: The record is damaged.
    """
    try:
        found = {
            kind: registry.get(kind, f"{record[kind]['distribution']}:{record[kind]['name']}")
            for kind in ("source", "decomposer")
        }
        versions = {kind: record[kind]["version"] for kind in found}
    except (KeyError, TypeError) as error:
        raise StoreError(f"The configuration kept with the run is damaged: {error!r}.") from error
    for kind, plugin in found.items():
        if plugin.version != versions[kind]:
            raise UserError(
                f"The run was begun with the {kind} {plugin.name!r} of {plugin.distribution} {versions[kind]}, but version "
                f"{plugin.version} is installed now; the two would not give one result.",
                hint=f"Install {plugin.distribution}=={versions[kind]}, or start a new run.",
            )
    source, decomposer = found["source"], found["decomposer"]
    config = RunConfig.from_record(record, source=source.info.params, decomposer=decomposer.info.params)
    resolve_device(config.device)
    return Plan(config, source, decomposer)


def refuse_contradictions(settings: Settings, plan: Plan, run: Path) -> None:
    """See that what is set on resuming is what the run was begun with.

    Raises:
        UserError: Something differs; names the first.
    """
    for name, asked, begun in _compared(settings, plan):
        if asked != begun:
            raise UserError(
                f"The run {run} was begun with {name} = {_told(begun)}; it cannot be resumed with {_told(asked)}.",
                hint="Leave that option out to finish the run, or start a new one without --resume.",
            )


def _compared(settings: Settings, plan: Plan) -> list[tuple[str, Any, Any]]:
    """(name, value set now, value of the run) of everything that is set."""
    config, options = plan.config, build(RunOptions, settings["run"], kind="run", owner="run")
    names = {"source": _names(plan.source), "decomposer": _names(plan.decomposer)}
    pairs: list[tuple[str, Any, Any]] = []
    for key in (key for key in settings["run"] if key != "force"):  # which may be given where the check stopped the run
        asked, begun = getattr(options, key), getattr(config, key, None)
        if key in names:
            begun = asked if asked in names[key] else names[key][0]
        elif key == "device":
            asked = begun if asked == "auto" else resolve_device(asked)
        elif key == "tokens" and (asked is None or asked == "all"):
            asked = begun if asked is None else None
        pairs.append((key, asked, begun))
    for kind, params in (("source", config.source.params), ("decomposer", config.decomposer.params), ("study", config.study)):
        given = build(type(params), settings[kind], kind=kind, owner=kind)
        pairs += [(f"{kind}.{key}", getattr(given, key), getattr(params, key)) for key in settings[kind]]
    return pairs + [(f"clusterer.{key}", value, None) for key, value in settings["clusterer"].items()]


def _names(found: Found) -> tuple[str, str]:
    return found.name, found.qualified


def _told(value: Any) -> str:
    return "none" if value is None else str(value)


def _choice(found: Found, values: Mapping[str, Any]) -> PluginChoice:
    params = build(found.info.params, values, kind=found.kind, owner=f"{found.kind} {found.name!r}")
    return PluginChoice(found.kind, found.name, found.distribution, found.version, params)


def _tokens(options: RunOptions, source: Found) -> int | None:
    if isinstance(options.tokens, int):
        return options.tokens
    if options.tokens == "all":
        return None
    default = source.info.default_tokens if isinstance(source.info, SourceInfo) else None
    return quick_tokens(default) if options.quick else default


def _refuse_clusterer(clusterer: str | None, params: Mapping[str, Any], registry: Registry) -> None:
    if clusterer is not None:
        names = ", ".join(found.name for found in registry.plugins("clusterer")) or "none"
        raise UserError(
            f"Clusterer {clusterer!r} cannot be used: the taxonomy study is not part of this version of darkframe "
            f"(clusterers installed: {names}).",
            hint="Leave --clusterer out to run the dark-matter study.",
        )
    if params:
        keys = ", ".join(f"clusterer.{key}" for key in params)
        raise UserError(f"{keys} is set, but the run has no clusterer.", hint="Leave it out: the dark-matter study uses none.")
