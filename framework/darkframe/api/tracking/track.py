"""``darkframe.track``: a taxonomy over an SAE's training checkpoints, from options to a finished run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.api.clusterers import Maker
from darkframe.api.guard_sources import open_source
from darkframe.api.log import Shown, log_warnings, logged, logger
from darkframe.api.parts import TAXONOMY, require_parts
from darkframe.api.places import cache_root, numbered_run, refuse_used
from darkframe.api.running import leave_run, read_settings
from darkframe.api.tracking.plan import recorded_tracking, refuse_other, require_grows, tracking_plan
from darkframe.api.tracking.result import TrackResult, load_tracking
from darkframe.errors import OutputError
from darkframe.interfaces import Source, SourceContext
from darkframe.lm.memory import memory_words
from darkframe.progress import Progress, QuietProgress
from darkframe.registry import Registry
from darkframe.store.run import RunDir

if TYPE_CHECKING:
    from darkframe.api.tracking.plan import TrackPlan
    from darkframe.studies.tracking.start import Start


def track(
    source: str | None = None,
    clusterer: str | None = None,
    *,
    over: str | Mapping[str, Sequence[Any]] | None = None,
    model: str | Path | None = None,
    seed: int | None = None,
    device: str | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    quick: bool | None = None,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> TrackResult:
    """Follow a taxonomy over an SAE's training: fit it to the first checkpoint, go on with the others.

    What is None comes from the config file, or else is the default.

    Args:
        source: Where the SAE comes from; default ``tiny``.
        clusterer: One that can go on learning; default ``smart``, or the one of ``model``.
        over: The source's parameter that names the checkpoint, and its values in training order:
            ``"source.checkpoint=0,1,2"`` or ``{"source.checkpoint": [0, 1, 2]}``; default: what the source declares.
        model: A finished run with a taxonomy; begin from its fitted model instead of fitting one to the first checkpoint.
        seed: Of everything random; default 42.
        device: ``auto`` (the default), ``cpu``, ``cuda`` or ``cuda:N``.
        set: Parameters of the source, the clusterer and the taxonomy study, as for ``run``.
        config: A TOML file, as for ``run``.
        out: A folder that does not exist yet or is empty; default ``runs/track-<source>-<clusterer>-<n>``.
        quick: Track a sample of the features, with fewer nulls.
        resume: A tracking to finish; everything else comes from it, and may be left out.
        progress: Where to report; default: nowhere.

    Returns:
        The finished tracking.

    Raises:
        UserError: Something cannot be done as asked (one checkpoint alone, checkpoints of different shapes, a clusterer that
            cannot go on learning, a model of other dimensions, …).
        PluginError: A plugin failed.
        DarkframeError: Anything else that went wrong; what was computed stays in the run directory, to be resumed.
    """
    options = {"source": source, "clusterer": clusterer, "seed": seed, "device": device, "quick": quick}
    settings = read_settings(config, set, options)
    shown, place = Shown(progress or QuietProgress()), None if out is None else Path(out)
    begin = None if model is None else Path(model)
    if resume is not None:
        path = Path(resume)
        if place is not None and place.absolute() != path.absolute():
            raise OutputError(
                f"The run {path} is resumed where it lies; it cannot be written to {place}.", hint="Leave --out out."
            )
        run = RunDir.open(path)
        plan = recorded_tracking(run, Registry.discover())
        refuse_other(settings, plan, over, begin, path)
        if run.manifest.get("status") == "done":
            return load_tracking(path)
        return _execute(plan, *_opened(plan, shown), run, shown)
    if place is not None:
        refuse_used(place)
    plan = tracking_plan(settings, over, begin, Registry.discover())
    opened = _opened(plan, shown)
    names = (plan.plan.source.name, plan.clusterer.name)
    return _execute(plan, *opened, numbered_run("-".join(["track", *names]), plan.config.record(), place), shown)


def _opened(plan: TrackPlan, progress: Progress) -> tuple[list[Callable[[], Source]], Maker]:
    """Openers of every checkpoint's source, each tried, and the clusterer: what they refuse comes before there is a run."""
    make = Maker(plan.clusterer, plan.config.run.clustering.params, plan.plan.registry)
    require_grows(make, plan)
    openers = [partial(_open, plan, step, progress) for step in range(len(plan.config.values))]
    for opener in openers:
        opener()
    return list(openers), make


def _open(plan: TrackPlan, step: int, progress: Progress) -> Source:
    """The source at one checkpoint."""
    config, found = plan.config.run, plan.plan.source
    context = SourceContext(device=config.device, seed=config.seed, cache=cache_root() / "sources", progress=progress)
    source = open_source(found, found.load(), plan.config.source_params(step), context)
    require_parts(source, found.name, "tracking of a taxonomy", TAXONOMY)
    return source


def _execute(
    plan: TrackPlan, openers: Sequence[Callable[[], Source]], make: Maker, run: RunDir, progress: Progress
) -> TrackResult:
    """Carry out the plan in the run directory, and leave there how it ended."""
    try:
        run.update(status="running", study="tracking", error=None, api=plan.plan.api)
        with logged(run.path / "log.txt"):
            log_warnings(plan.plan.deprecations)
            try:
                _study(plan, openers, make, run, progress)
            except Exception:
                logger.exception("The tracking failed.")
                raise
        run.update(status="done")
    except BaseException as error:
        leave_run(run, error, "track")
        raise
    finally:
        run.close()
    return load_tracking(run.path)


def _study(plan: TrackPlan, openers: Sequence[Callable[[], Source]], make: Maker, run: RunDir, progress: Progress) -> None:
    from darkframe.report.tracking.figures import save_tracking_figures
    from darkframe.report.tracking.page import write_tracking_page
    from darkframe.report.tracking.tables import write_tables
    from darkframe.store.tracking import write_tracking
    from darkframe.studies.tracking.run import run_tracking
    from darkframe.studies.tracking.start import start_from

    start: Start | None = None if plan.config.model is None else start_from(plan.config.model)
    with memory_words("a step of the tracking was computed", "Free memory, or track fewer features with taxonomy.sample."):
        results = run_tracking(plan.config, openers, make, run, start=start, progress=progress)
    write_tracking(run, results)
    with progress.task("plots and page", None, "") as task:
        task.note("tables")
        write_tables(run, results)
        task.note("plots")
        figures = save_tracking_figures(results, run)
        task.note("page")
        page = write_tracking_page(results, run)
    progress.step("report", f"{len(figures)} plots and {page.name} in {run.path}")
