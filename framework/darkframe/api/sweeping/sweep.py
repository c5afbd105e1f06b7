"""``darkframe.sweep``: from a grid to a finished sweep directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.api.places import numbered, refuse_used
from darkframe.api.plan import recorded_plan, refuse_contradictions
from darkframe.api.running import _RUN_PATH
from darkframe.api.sweeping.board import Board
from darkframe.api.sweeping.cells import SweepPlan, plan_sweep
from darkframe.api.sweeping.grid import Given, Raw, raw_grid, swept
from darkframe.api.sweeping.pool import Job, Pool, cores
from darkframe.api.sweeping.result import SweepResult
from darkframe.config import Settings, merge, parse_set, read_file, read_mapping
from darkframe.errors import OutputError, ParameterError, UserError
from darkframe.progress import Progress, QuietProgress
from darkframe.registry import Registry
from darkframe.report.sweep.gather import axis_of, cell_figures, is_done, sweep_results
from darkframe.report.sweep.table import csv_text, full_table, outcome, records
from darkframe.results.sweep import DONE, FAILED, WAITING
from darkframe.store.atomic import write_bytes
from darkframe.store.sweep import SweepDir

SHARED = ("taxonomy-lens", "taxonomy-rows", "taxonomy-embedding", "diagnose", "pca", "decompose", "fit-*")
"""Steps that cells take over from one another where all inputs are equal: they take long, and what they keep is small."""


@dataclass(frozen=True)
class _Asked:
    """What the user asked for: all settings merged, those given explicitly, and the grid."""

    settings: Settings
    chosen: Settings
    raw: Raw
    jobs: int


def sweep(
    source: str | None = None,
    decomposer: str | None = None,
    clusterer: str | None = None,
    *,
    grid: Given | None = None,
    tokens: int | str | None = None,
    seed: int | None = None,
    device: str | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    quick: bool | None = None,
    strict: bool | None = None,
    force: bool | None = None,
    jobs: int | str | None = None,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Run every combination of some parameters' values, and compare the runs.

    Each cell is a run of its own in a worker process. A cell that fails does not end the others; it is among ``failed``. What is
    not described here is as for ``darkframe.run``.

    Args:
        source: Of every cell, unless ``run.source`` is swept; so with the two others.
        decomposer: For the dark-matter study.
        clusterer: For the taxonomy study.
        grid: Parameter to its values: ``{"clusterer.rho": [0.1, 0.3], "pca_dims": [None, 32]}``, or strings
            ``"clusterer.rho=0.1,0.3"``; plugins are swept as ``{"clusterer": ["smart", "gpu-fuzzyart"]}``. The config file's
            table ``[grid]`` holds the same.
        tokens: Tokens to collect, once for all cells that use the same.
        seed: Of everything random.
        device: Where to compute.
        set: Parameters that all cells share.
        config: A TOML file.
        out: The sweep's directory; default ``sweeps/<study>-<source>-<plugins>-<n>``.
        quick: Lower the defaults that are not set.
        strict: Fail where the text holds fewer tokens than asked for.
        force: Run although the check before a run finds that the SAE does not fit.
        jobs: Cells that run at once, or ``"auto"``: one a core; default 1. Each has its share of the cores.
        resume: A sweep to go on with: finished cells are kept, unfinished ones gone on with, failed ones tried again.
        progress: Where to report; default: nowhere.

    Returns:
        The sweep, failed cells included.

    Raises:
        UserError: Something cannot be done as asked; nothing has run.
        DarkframeError: The sweep's directory cannot be written.
    """
    options = {"source": source, "decomposer": decomposer, "clusterer": clusterer, "tokens": tokens, "seed": seed}
    options |= {"device": device, "quick": quick, "strict": strict, "force": force}
    asked = _asked(options, set, config, grid, jobs)
    place, registry = None if out is None else Path(out), Registry.discover()
    if resume is not None:
        made = _resumed(Path(resume), place, asked, registry)
    else:
        if place is not None:
            refuse_used(place)
        made = _new(plan_sweep(asked.settings, asked.chosen, asked.raw, registry), place)
    try:
        _carry_out(made, asked, progress or QuietProgress())
    finally:
        made.close()
    return SweepResult(SweepDir.open(made.path))


def _asked(
    options: Mapping[str, Any],
    given: Mapping[str, Any] | Iterable[str] | None,
    config: str | Path | None,
    grid: Given | None,
    jobs: int | str | None,
) -> _Asked:
    file = read_file(Path(config), besides="grid") if config is not None else {}
    table = file.pop("grid", {})
    own = read_mapping(given) if isinstance(given, Mapping) else parse_set([given] if isinstance(given, str) else given or ())
    chosen = merge(own, {"run": {name: value for name, value in options.items() if value is not None}})
    return _Asked(merge(file, chosen), chosen, raw_grid(grid, table), _jobs(jobs))


def _jobs(jobs: int | str | None) -> int:
    if jobs is None:
        return 1
    if jobs == "auto":
        return cores()
    try:
        number = int(jobs)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(jobs, bool | float):
        raise ParameterError(f"--jobs must be an integer ≥ 1 or auto, not {jobs!r}.")
    return number


def _new(plan: SweepPlan, place: Path | None) -> SweepDir:
    """The directory, with the plan in it."""
    import darkframe

    axes = [{"name": a.name, "title": a.title, "values": a.values, "texts": a.texts} for a in plan.axes]
    record = {"darkframe": darkframe.__version__, "base": plan.base, "axes": axes, "cells": plan.records()}
    return numbered("sweeps", plan.stem, place, lambda path: SweepDir.create(path, record))


def _resumed(path: Path, out: Path | None, asked: _Asked, registry: Registry) -> SweepDir:
    """The sweep to go on with; what is asked for must be what it was begun with."""
    if out is not None and out.absolute() != path.absolute():
        raise OutputError(f"The sweep {path} is resumed where it lies; it cannot be written to {out}.", hint="Leave --out out.")
    made = SweepDir.open(path)
    axes = [axis_of(record) for record in made.manifest["axes"]]
    for kind, values in asked.settings.items():
        for key in values:
            if f"{kind}.{key}" in {axis.name for axis in axes}:
                raise UserError(f"{kind}.{key} is what the sweep {path} goes over; it cannot be set.", hint="Leave it out.")
    for cell in made.cells:
        if cell["config"] is not None:
            refuse_contradictions(asked.settings, recorded_plan(cell["config"], registry), path, "sweep")
    if asked.raw:
        settings = merge({"run": dict(made.manifest["base"])}, asked.settings)
        given = {each.axis.name: each.axis.texts for each in swept(asked.raw, settings, registry)}
        if given != {axis.name: axis.texts for axis in axes}:
            begun = " and ".join(f"{axis.name}={','.join(axis.texts)}" for axis in axes)
            raise UserError(
                f"The sweep {path} was begun with the grid {begun}; it cannot be resumed with another.",
                hint="Leave --grid out to finish it, or start a new sweep without --resume.",
            )
    return made


def _carry_out(made: SweepDir, asked: _Asked, progress: Progress) -> None:
    """Run what is left to run, and write the comparison; whatever ends it is noted in the manifest."""
    try:
        made.own()
        work = _left(made, force=bool(asked.chosen["run"].get("force")))
        if work:
            made.update(status="running")
            _run(made, work, min(asked.jobs, len(work)), progress)
        _conclude(made, progress)
    except BaseException as error:
        with suppress(Exception):
            made.update(status="interrupted" if not isinstance(error, Exception) else "failed")
        setattr(error, _RUN_PATH, made.path)
        error.add_note(f"Finished cells are kept in {made.path}; darkframe.sweep(resume={str(made.path)!r}) goes on from there.")
        raise


def _left(made: SweepDir, *, force: bool) -> list[Job]:
    """The cells to run, in order: all but those whose finished run is there and those that cannot run at all."""
    work: list[Job] = []
    cells = []
    for cell in made.cells:
        if cell["config"] is None:
            cells.append(cell)
        elif is_done(made.cell_path(cell)):
            cells.append(cell | {"status": DONE, "error": ""})
        else:
            cells.append(cell | {"status": WAITING, "error": "", "seconds": None})
            config = cell["config"] | ({"force": True} if force else {})
            of = {"number": cell["number"], "values": cell["values"], "run": str(made.cell_path(cell))}
            work.append({**of, "config": config, "force": force or None, "shares": SHARED})
    if cells != made.cells:
        made.update(cells=cells)
    return work


def _run(made: SweepDir, work: list[Job], jobs: int, progress: Progress) -> None:
    axes = [axis_of(record) for record in made.manifest["axes"]]
    made.log(f"{len(work)} cells to run, {jobs} at once")
    with Board(progress, axes, len(work), jobs) as board, Pool(jobs, made.path / "log.txt") as pool:
        for job, message in pool.run(work):
            if job is None or message["event"] != "end":
                board.hear(job, message)
                continue
            status = FAILED if message["error"] else DONE
            made.update_cell(job["number"], status=status, error=message["error"], seconds=message["seconds"])
            made.log(f"cell {job['number']} {status} after {message['seconds']:.1f} s. {message['error']}")
            board.end(job, job["values"], message["seconds"], _told(made, job["number"]))


def _told(made: SweepDir, number: int) -> str:
    cell = cell_figures(made, next(record for record in made.cells if record["number"] == number))
    return f"FAILED. {cell.error}" if cell.status == FAILED else outcome(cell)


def _conclude(made: SweepDir, progress: Progress) -> None:
    """Write table and plots, and say that it is over."""
    from darkframe.report.sweep.figures import save_figures

    results = sweep_results(made)
    table = full_table(results)
    write_bytes(made.path / "sweep.csv", csv_text(results).encode("utf-8", "backslashreplace"))
    with progress.task("plots", None, "") as task:
        task.note("plots")
        figures = save_figures(results, made.path / "figures")
    columns = {column.name: column.help or column.title for column in table.columns}
    status = "failed" if results.failed else "done"
    made.update(status=status, columns=columns, table=records(table))
    progress.step(
        "sweep", f"{len(results.cells)} cells, {len(results.failed)} failed; table and {len(figures)} plots in {made.path}"
    )
