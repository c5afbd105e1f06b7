"""From what the user set to the resolved configuration of a tracking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.api.clusterers import Maker
from darkframe.api.plan import Plan, new_plan, recorded_plan, refuse_contradictions
from darkframe.config import Settings, TaxonomyParams, build, parameters, parse_name, to_record
from darkframe.config.grid import parse_values, read_values
from darkframe.config.parameters import as_text
from darkframe.config.tracking import FITTED, TRACKED, TrackConfig, recorded_track
from darkframe.errors import DarkframeError, ParameterError, UserError
from darkframe.interfaces import Grows, Keeps
from darkframe.plugin import SourceInfo
from darkframe.store.run import RunDir

if TYPE_CHECKING:
    from darkframe.registry import Found, Registry

CLUSTERER = "smart"
"""The clusterer of a tracking that names none."""

Over = str | Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class TrackPlan:
    """A resolved configuration and the plugins that carry it out."""

    config: TrackConfig
    plan: Plan

    @property
    def clusterer(self) -> Found:
        """The clusterer."""
        assert self.plan.clusterer is not None
        return self.plan.clusterer


def tracking_plan(settings: Settings, over: Over | None, model: Path | None, registry: Registry) -> TrackPlan:
    """Resolve a new tracking.

    Args:
        settings: Merged over all layers; its decomposer and study are refused.
        over: The source's parameter and its values; None: those that the source declares.
        model: The run to begin from, or None.
        registry: The plugins there are.

    Raises:
        UserError: Something that was set cannot be used; says what can.
    """
    _refuse_unused(settings)
    settings = _with_model(settings, model) if model is not None else settings
    if settings["run"].get("clusterer") is None:
        settings = settings | {"run": settings["run"] | {"clusterer": CLUSTERER}}
    plan = new_plan(settings, registry)
    key, values = _over(over, plan.source)
    _check_values(f"source.{key}", values, model)
    if key in settings["source"]:
        raise UserError(
            f"source.{key} is set, but it is what is tracked over.", hint="Leave it out, or name another with --over."
        )
    return TrackPlan(TrackConfig(plan.config, key, values, None if model is None else model.absolute()), plan)


def recorded_tracking(run: RunDir, registry: Registry) -> TrackPlan:
    """The plan of a tracking that was begun.

    Raises:
        UserError: The run is no tracking, or a plugin it used is not installed any more or in another version.
        StoreError: The record is damaged.
    """
    record = run.manifest.get("config") or {}
    if "track" not in record:
        raise UserError(f"The run {run.path} is no tracking.", hint=f"Finish a study with `darkframe run --resume {run.path}`.")
    key, values, model = recorded_track(record)
    plan = recorded_plan(record, registry)
    return TrackPlan(TrackConfig(plan.config, key, _read(plan.source, key, values), model), plan)


def refuse_other(settings: Settings, plan: TrackPlan, over: Over | None, model: Path | None, run: Path) -> None:
    """See that what is set on resuming is what the tracking was begun with.

    Raises:
        UserError: Something differs; names the first.
    """
    refuse_contradictions(settings, plan.plan, run)
    asked: list[tuple[str, Any, Any]] = []
    if over is not None:
        asked.append(("--over", _over(over, plan.plan.source), (plan.config.key, plan.config.values)))
    if model is not None:
        asked.append(("--model", model.absolute(), plan.config.model))
    for name, now, begun in asked:
        if now != begun:
            raise UserError(
                f"The tracking {run} was begun with another {name}; it cannot be resumed with this one.",
                hint="Leave that option out to finish it, or start a new one without --resume.",
            )


def require_grows(make: Maker, plan: TrackPlan) -> None:
    """See that the clusterer can go on learning, and take up a model where there is one to begin from.

    Raises:
        UserError: It cannot; names those installed that can.
    """
    clusterer = make()
    if not isinstance(clusterer, Grows):
        raise UserError(
            f"The clusterer {make.info.name!r} cannot be tracked: it does not go on learning (it has no partial_fit).",
            hint=f"Those installed that do: {', '.join(_growing(plan.plan.registry)) or 'none'}.",
        )
    if plan.config.model is not None and not isinstance(clusterer, Keeps):
        raise UserError(f"The clusterer {make.info.name!r} does not open kept models.", hint="Leave --model out.")


def _growing(registry: Registry) -> list[str]:
    """Names of the clusterers installed that can go on learning."""
    names = []
    for found in registry.plugins("clusterer"):
        try:
            params = build(found.info.params, {}, kind="clusterer", owner=f"clusterer {found.name!r}")
            if isinstance(Maker(found, params, registry)(), Grows):
                names.append(found.name)
        except DarkframeError:  # a broken one is none that helps
            continue
    return names


def _over(over: Over | None, source: Found) -> tuple[str, tuple[Any, ...]]:
    """The source's parameter that names the checkpoint, and its values."""
    if over is None:
        declared = source.info.over if isinstance(source.info, SourceInfo) else ""
        if not declared:
            raise UserError(
                f"The source {source.name!r} does not say which of its parameters names a checkpoint.",
                hint="Say it with --over, such as --over source.revision=step1000,step2000.",
            )
        over = declared
    if isinstance(over, str):
        kind, key, values = parse_values(over, "--over")
        return _of_source(kind, key), _read(source, key, values)
    if len(over) != 1:
        raise ParameterError(f"over takes one parameter and its values, not {len(over)}.")
    ((name, given),) = over.items()
    kind, key = parse_name(name)
    return _of_source(kind, key), _read(source, key, given)


def _of_source(kind: str, key: str) -> str:
    if kind != "source":
        raise ParameterError(
            f"--over takes a parameter of the source, such as source.checkpoint=0,1,2; {kind}.{key} belongs to the {kind}.",
            hint="For a grid over other parameters there is darkframe sweep.",
        )
    return key


def _read(source: Found, key: str, values: str | Sequence[Any]) -> tuple[Any, ...]:
    """Values of one of the source's parameters."""
    declared = parameters(source.info.params)
    if key not in declared:
        build(source.info.params, {key: ""}, kind="source", owner=f"source {source.name!r}")  # says what there is
    return read_values(declared[key], values, f"source.{key}")


def _check_values(name: str, values: tuple[Any, ...], model: Path | None) -> None:
    told = [as_text(value) for value in values]
    twice = sorted({text for text in told if told.count(text) > 1})
    if twice:
        raise UserError(f"--over names {name}={twice[0]} twice.", hint="Name each checkpoint once, in training order.")
    if len(values) < 2 and model is None:
        raise UserError(
            f"--over names one checkpoint alone, {name}={told[0]}; there is nothing to follow it to.",
            hint="Name two or more, in training order; or begin from the model of a finished taxonomy with --model.",
        )


def _refuse_unused(settings: Settings) -> None:
    """Refuse what tracking has no use for.

    Raises:
        UserError: Names it.
    """
    others = [f"{kind}.{key}" for kind in ("decomposer", "study") for key in settings[kind]]
    others += [f"taxonomy.{key}" for key in settings["taxonomy"] if key in parameters(TaxonomyParams) and key not in TRACKED]
    others += [f"--{key}" for key in ("decomposer", "tokens", "strict", "force") if settings["run"].get(key) not in (None, False)]
    if others:
        used = ", ".join(f"taxonomy.{name}" for name in TRACKED)
        raise UserError(
            f"{', '.join(others)} is set, but darkframe track has no use for it.",
            hint=f"Leave it out. Beside those of the source and the clusterer it takes {used}.",
        )


def _with_model(settings: Settings, model: Path) -> Settings:
    """The settings, with the clusterer and what is settled by the model that tracking begins from.

    Raises:
        UserError: Something else is asked for than the model was fitted with.
    """
    record = RunDir.open(model).manifest.get("config") or {}
    fitted = record.get("clusterer")
    if not isinstance(fitted, Mapping) or "track" in record:
        raise UserError(
            f"The run {model} has no taxonomy study, so that it has no model to begin from.",
            hint="Give --model the directory of a run that was made with --clusterer.",
        )
    name = f"{fitted['distribution']}:{fitted['name']}"
    asked = settings["run"].get("clusterer")
    if asked is not None and asked not in (name, fitted["name"]):
        raise UserError(
            f"The model in {model} is one of the clusterer {fitted['name']!r}; {asked!r} cannot go on with it.",
            hint="Leave --clusterer out.",
        )
    chosen = settings | {"run": settings["run"] | {"clusterer": name}}
    taxonomy = to_record(TaxonomyParams()) | dict(record.get("taxonomy", {}))
    for kind, known, settled in (("clusterer", fitted["params"], tuple(fitted["params"])), ("taxonomy", taxonomy, FITTED)):
        for key in settings[kind]:
            if key in settled and as_text(settings[kind][key]) != as_text(known[key]):
                raise UserError(
                    f"The model in {model} was fitted with {kind}.{key}={as_text(known[key])}; it cannot go on with "
                    f"{as_text(settings[kind][key])}.",
                    hint="Leave it out.",
                )
        chosen[kind] = settings[kind] | {key: known[key] for key in settled}
    return chosen


__all__ = ["TrackPlan", "recorded_tracking", "refuse_other", "require_grows", "tracking_plan"]
