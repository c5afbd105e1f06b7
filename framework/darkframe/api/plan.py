"""From what the user set to one resolved configuration and the plugins that carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.api.deprecations import changed, warn_of_deprecated
from darkframe.config import (
    PluginChoice,
    RunConfig,
    RunOptions,
    Settings,
    StudyParams,
    TaxonomyParams,
    build,
    quick_study,
    quick_taxonomy,
    quick_tokens,
    resolve_device,
)
from darkframe.errors import StoreError, UserError
from darkframe.plugin import API_VERSION, SourceInfo
from darkframe.registry import Found, Registry

DECOMPOSER = "fastica"
"""The decomposer of a run that names neither a decomposer nor a clusterer."""


@dataclass(frozen=True)
class Plan:
    """A resolved configuration and its plugins.

    Attributes:
        deprecations: What the user was warned of, in sentences.
    """

    config: RunConfig
    source: Found
    decomposer: Found | None
    clusterer: Found | None
    registry: Registry
    deprecations: tuple[str, ...] = ()

    @property
    def plugins(self) -> dict[str, Found]:
        """The chosen plugins by kind."""
        chosen = {"source": self.source, "decomposer": self.decomposer, "clusterer": self.clusterer}
        return {kind: found for kind, found in chosen.items() if found is not None}

    @property
    def api(self) -> dict[str, int]:
        """Versions of the contracts: this darkframe's, and what each plugin is written against."""
        return {"darkframe": API_VERSION} | {kind: found.info.api for kind, found in self.plugins.items()}


def new_plan(settings: Settings, registry: Registry, *, decomposer: str | None = DECOMPOSER) -> Plan:
    """Resolve a new run.

    Args:
        settings: Merged over all layers.
        registry: The plugins there are.
        decomposer: What decomposes where neither a decomposer nor a clusterer is named; None: nothing, as where no study is run.

    Raises:
        UserError: Something that was set cannot be used; says what can.
    """
    options = build(RunOptions, settings["run"], kind="run", owner="run")
    source = registry.get("source", options.source)
    chosen = _optional("decomposer", options.decomposer or (None if options.clusterer else decomposer), registry)
    clusterer = _optional("clusterer", options.clusterer, registry)
    if chosen is not None or clusterer is not None:
        _refuse_unused(settings, chosen, clusterer)
    study = (quick_study(settings["study"]) if options.quick else {}) | settings["study"]
    taxonomy = (quick_taxonomy(settings["taxonomy"]) if options.quick else {}) | settings["taxonomy"]
    config = RunConfig(
        source=_choice(source, settings["source"]),
        decomposer=None if chosen is None else _choice(chosen, settings["decomposer"]),
        clusterer=None if clusterer is None else _choice(clusterer, settings["clusterer"]),
        study=build(StudyParams, study, kind="study", owner="study"),
        taxonomy=build(TaxonomyParams, taxonomy, kind="taxonomy", owner="taxonomy study"),
        tokens=_tokens(options, source),
        seed=options.seed,
        device=resolve_device(options.device),
        strict=options.strict,
        quick=options.quick,
        force=options.force,
    )
    used = [found for found in (source, chosen, clusterer) if found is not None]
    return Plan(config, source, chosen, clusterer, registry, warn_of_deprecated(used, settings))


def recorded_plan(record: Mapping[str, Any], registry: Registry) -> Plan:
    """The plan of a run that was begun, from the record in its manifest.

    Raises:
        UserError: A plugin it used is not installed any more, or in another version.
        StoreError: The record is damaged.
    """
    try:
        found = {
            kind: registry.get(kind, f"{record[kind]['distribution']}:{record[kind]['name']}")
            for kind in ("source", "decomposer", "clusterer")
            if kind in record
        }
        source, others = found.pop("source"), dict(found)
        versions = {kind: record[kind]["version"] for kind in ("source", *others)}
    except (KeyError, TypeError) as error:
        raise StoreError(f"The configuration kept with the run is damaged: {error!r}.") from error
    for kind, plugin in {"source": source, **others}.items():
        if plugin.version != versions[kind]:
            raise UserError(
                f"The run was begun with the {kind} {plugin.name!r} of {plugin.distribution} {versions[kind]}, but version "
                f"{plugin.version} is installed now; the two would not give one result.",
                hint=f"Install {plugin.distribution}=={versions[kind]}, or start a new run.",
            )
    params = {kind: plugin.info.params for kind, plugin in others.items()}
    config = RunConfig.from_record(
        record, source=source.info.params, decomposer=params.get("decomposer"), clusterer=params.get("clusterer")
    )
    resolve_device(config.device)
    given: dict[str, list[str]] = {"study": changed(config.study), "taxonomy": changed(config.taxonomy)}
    choices = (config.source, config.decomposer, config.clusterer)
    given |= {choice.kind: changed(choice.params) for choice in choices if choice is not None}
    deprecations = warn_of_deprecated([source, *others.values()], given)
    return Plan(config, source, others.get("decomposer"), others.get("clusterer"), registry, deprecations)


def refuse_contradictions(settings: Settings, plan: Plan, run: Path, what: str = "run") -> None:
    """See that what is set on resuming is what the run (or the ``what`` it belongs to) was begun with.

    Raises:
        UserError: Something differs; names the first.
    """
    for name, asked, begun in _compared(settings, plan):
        if asked != begun:
            raise UserError(
                f"The {what} {run} was begun with {name} = {_told(begun)}; it cannot be resumed with {_told(asked)}.",
                hint="Leave that option out to finish the run, or start a new one without --resume.",
            )


def _compared(settings: Settings, plan: Plan) -> list[tuple[str, Any, Any]]:
    """(name, value set now, value of the run) of everything that is set."""
    config, options = plan.config, build(RunOptions, settings["run"], kind="run", owner="run")
    names = {kind: _names(found) for kind, found in plan.plugins.items()}
    pairs: list[tuple[str, Any, Any]] = []
    for key in (key for key in settings["run"] if key != "force"):  # which may be given where the check stopped the run
        asked, begun = getattr(options, key), getattr(config, key, None)
        if key in ("source", "decomposer", "clusterer"):
            begun = None if key not in names else asked if asked in names[key] else names[key][0]
        elif key == "device":
            asked = begun if asked == "auto" else resolve_device(asked)
        elif key == "tokens" and (asked is None or asked == "all"):
            asked = begun if asked is None else None
        pairs.append((key, asked, begun))
    chosen = {"source": config.source, "decomposer": config.decomposer, "clusterer": config.clusterer}
    records = {kind: choice.params for kind, choice in chosen.items() if choice is not None}
    if config.decomposer is not None:
        records["study"] = config.study
    if config.clusterer is not None:
        records["taxonomy"] = config.taxonomy
    for kind in ("source", "decomposer", "study", "clusterer", "taxonomy"):
        if (params := records.get(kind)) is None:
            pairs += [(f"{kind}.{key}", value, None) for key, value in settings[kind].items()]
            continue
        given = build(type(params), settings[kind], kind=kind, owner=kind)
        pairs += [(f"{kind}.{key}", getattr(given, key), getattr(params, key)) for key in settings[kind]]
    return pairs


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


def _optional(kind: str, name: str | None, registry: Registry) -> Found | None:
    return None if name is None else registry.get(kind, name)


def _refuse_unused(settings: Settings, decomposer: Found | None, clusterer: Found | None) -> None:
    """Refuse what is set for a study that the run does not have.

    Raises:
        UserError: Names what is set, and what would use it.
    """
    unused = {"clusterer": "clusterer", "taxonomy": "clusterer"} if clusterer is None else {}
    if decomposer is None:
        unused |= {"decomposer": "decomposer", "study": "decomposer"}
    for kind, lacking in unused.items():
        if settings[kind]:
            keys = ", ".join(f"{kind}.{key}" for key in settings[kind])
            raise UserError(
                f"{keys} is set, but the run has no {lacking}.", hint=f"Name one with --{lacking}, or leave {kind}.* out."
            )
    for key in ("tokens", "strict"):
        if decomposer is None and settings["run"].get(key) not in (None, False):
            raise UserError(
                f"--{key} is given, but the taxonomy study reads no text: it organises the SAE's decoder directions.",
                hint="Leave it out, or name a --decomposer to run the dark-matter study too.",
            )
