"""``darkframe.api.doctor``: is an SAE wired as it wants to be? And its short form, before every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.api.guard_sources import open_source
from darkframe.api.parts import require_parts
from darkframe.api.places import cache_root
from darkframe.api.plan import new_plan
from darkframe.config import Settings, merge, parse_set, read_file, read_mapping
from darkframe.errors import ParameterError, WiringError
from darkframe.interfaces import Source, SourceContext
from darkframe.progress import Progress, QuietProgress
from darkframe.registry import Registry
from darkframe.results.doctor import DOUBTFUL, WRONG, Examination
from darkframe.store.atomic import plain
from darkframe.store.records import record_from_plain

if TYPE_CHECKING:
    from darkframe.config import RunConfig
    from darkframe.store.run import RunDir

VERSION = 1
"""Raised when the short form's checks change, so that a resumed run is looked at again."""

NEEDS = ("activations", "dictionary", "encoder")
"""Parts of a source that there is nothing to examine without."""


def doctor(
    source: str | None = None,
    *,
    tokens: int | str | None = None,
    device: str | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    config: str | Path | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Examine how a source uses its SAE, against the SAE's metadata, its publisher's figures, and what the numbers say.

    Args:
        source: As for ``run``.
        tokens: Tokens to examine, or ``"all"``; default 2048.
        device: As for ``run``.
        set: Parameters of the source, as for ``run``.
        config: As for ``run``; only what concerns the source is read.
        progress: Where to report; default: nowhere.

    Returns:
        Every check with its verdict.

    Raises:
        UserError: Something cannot be done as asked.
        DarkframeError: The source cannot be opened, or gives what cannot be examined.
    """
    from darkframe.studies.doctor.examine import FULL_TOKENS, examine

    chosen = read_mapping(set) if isinstance(set, Mapping) else parse_set([set] if isinstance(set, str) else set or ())
    _refuse_others(chosen)
    options = {"source": source, "device": device, "tokens": FULL_TOKENS if tokens is None else tokens}
    given = {name: value for name, value in options.items() if value is not None}
    plan = new_plan(merge(_of_source(config), chosen, {"run": given}), Registry.discover(), decomposer=None)
    told, settings = progress or QuietProgress(), plan.config
    context = SourceContext(device=settings.device, seed=settings.seed, cache=cache_root() / "sources", progress=told)
    opened = open_source(plan.source, plan.source.load(), settings.source.params, context)
    require_parts(opened, plan.source.name, "examination", NEEDS)
    return examine(opened, opened.batches(), tokens=settings.tokens, full=True, progress=told)


def _refuse_others(chosen: Settings) -> None:
    for kind in chosen:
        if kind not in ("source", "run"):
            key = next(iter(chosen[kind]), "…")
            raise ParameterError(f"{kind}.{key} means nothing here: darkframe doctor takes parameters of the source.")


def _of_source(config: str | Path | None) -> Settings:
    file = read_file(Path(config)) if config is not None else {}
    run = {name: value for name, value in file.get("run", {}).items() if name in ("source", "device", "seed")}
    return {"run": run, "source": file.get("source", {})}


# ---------------------------------------------------------------- before a run


def check_before(
    config: RunConfig, source: Source, run: RunDir, *, cache: Path, progress: Progress
) -> tuple[Source, Examination]:
    """The short form, once for each run; what it says goes into the run directory and to ``progress``.

    Args:
        config: The run's configuration.
        source: Its source, opened.
        run: Its directory.
        cache: Root of the cache: where the activations were collected before, their recorded ledger is examined.
        progress: Where to report.

    Returns:
        The source to collect from, which gives the batches read here without making them again; and the examination.

    Raises:
        WiringError: FVU is beyond 0.9 or L0 off by more than half, and the run is not forced.
    """
    from darkframe.studies.doctor.replayed import Replayed

    replayed = Replayed(source)
    step = run.step("doctor", {"version": VERSION, "fingerprint": source.card().fingerprint})
    if not step.done:
        step.save({"result": plain(_short(config, source, replayed.peek(), cache, progress))})
    examination = record_from_plain(Examination, step.load()[0]["result"])
    if examination.stops:
        if not config.force:
            raise _stopped(examination, config.source.name)
        examination = replace(examination, forced=True)
    _tell(examination, progress)
    return replayed, examination


def _short(config: RunConfig, source: Source, batches: Iterable[Any], cache: Path, progress: Progress) -> Examination:
    from darkframe.studies.collect import find_collection
    from darkframe.studies.doctor.examine import SHORT_TOKENS, examine, examine_recorded

    collection = find_collection(source, tokens=config.tokens, study=config.study, cache=cache)
    if collection is not None:
        return examine_recorded(source, collection)
    wanted = SHORT_TOKENS if config.tokens is None else min(SHORT_TOKENS, config.tokens)
    return examine(source, batches, tokens=wanted, full=False, progress=progress)


def _stopped(examination: Examination, name: str) -> WiringError:
    reasons = "; ".join(examination.stops)
    causes = [check for check in (*examination.having(WRONG), *examination.having(DOUBTFUL)) if check.cause]
    likely = next((c.cause for c in causes if c.name not in _FIGURES), next((c.cause for c in causes), ""))
    return WiringError(
        f"The SAE does not fit the activations it is given: {reasons}. Likely cause: {likely}",
        hint=f"'darkframe doctor --source {name}' with the same --set says more; --force runs all the same.",
    )


_FIGURES = ("fvu", "l0", "explained-variance", "spliced-loss")


def _tell(examination: Examination, progress: Progress) -> None:
    amiss = examination.diagnosis()
    known = f"FVU {examination.metric('fvu'):.3f}, L0 {examination.metric('l0'):.1f} on {examination.tokens:,} tokens"
    if not amiss:
        progress.step("doctor", f"the SAE fits: {known}" if examination.tokens else "no tokens to examine the SAE on")
    for line in amiss:
        progress.step("doctor", line)
