"""``darkframe.run``: a study from options to a finished run directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from darkframe.api.log import Shown, log_warnings, logged, logger
from darkframe.api.places import new_run, refuse_used
from darkframe.api.plan import new_plan, recorded_plan, refuse_contradictions
from darkframe.api.studies import Opened, open_plan, take_studies
from darkframe.config import RunOptions, Settings, build, merge, parse_set, read_file, read_mapping
from darkframe.errors import OutputError, UserError
from darkframe.progress import Progress, QuietProgress
from darkframe.registry import Registry
from darkframe.result import RunResult, load
from darkframe.store.atomic import remove_tree
from darkframe.store.run import RunDir
from darkframe.store.tracking import is_tracking

_RUN_PATH = "_darkframe_run"


def run(
    source: str | None = None,
    decomposer: str | None = None,
    clusterer: str | None = None,
    *,
    tokens: int | str | None = None,
    seed: int | None = None,
    device: str | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    quick: bool | None = None,
    strict: bool | None = None,
    force: bool | None = None,
    resume: str | Path | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run the dark-matter study (what an SAE leaves behind), the taxonomy study (how its features are organised), or both.

    What is None comes from the config file, or else is the default.

    Args:
        source: Where activations and the SAE come from; default ``tiny``.
        decomposer: What splits the residual; default ``fastica``, or with a clusterer none.
        clusterer: What groups the SAE's features, for the taxonomy study; with a decomposer both studies are run, and the
            dark components are placed in the taxonomy.
        tokens: Tokens to collect, or ``"all"``; default: the source's own.
        seed: Of everything random; default 42.
        device: ``auto`` (the default), ``cpu``, ``cuda`` or ``cuda:N``.
        set: Parameters: ``{"decomposer.n_components": 32}``, ``{"decomposer": {"n_components": 32}}``, or strings
            ``"kind.key=value"``.
        config: A TOML file with the tables ``[run]``, ``[source]``, ``[decomposer]``, ``[clusterer]``, ``[study]`` and
            ``[taxonomy]``; what is given here overrides it. Relative paths in it start from its folder, others from the
            working folder.
        out: A folder that does not exist yet or is empty; default ``runs/<study>-<source>-<plugins>-<n>``.
        quick: Lower the defaults that are not set, for a first look.
        strict: Fail where the text holds fewer tokens than asked for, instead of going on with those.
        force: Run although the check before the run finds that the SAE does not fit the activations.
        resume: A run to finish; everything else comes from it, and may be left out.
        progress: Where to report; default: nowhere.

    Returns:
        The finished run.

    Raises:
        UserError: Something cannot be done as asked (unknown plugin or parameter, an output folder in use, …).
        PluginError: A plugin failed.
        DarkframeError: Anything else that went wrong; what was computed stays in the run directory, to be resumed.
    """
    options = {
        "source": source,
        "decomposer": decomposer,
        "clusterer": clusterer,
        "tokens": tokens,
        "seed": seed,
        "device": device,
    }
    options |= {"quick": quick, "strict": strict, "force": force}
    settings = read_settings(config, set, options)
    shown = Shown(progress or QuietProgress())
    place = None if out is None else Path(out)
    if resume is not None:
        return _resume(Path(resume), settings, place, shown)
    if place is not None:
        refuse_used(place)
    opened = open_plan(new_plan(settings, Registry.discover()), shown)
    return _execute(opened, new_run(opened.plan.config, place), shown)


def run_path_of(error: BaseException) -> Path | None:
    """The run directory that an exception out of ``run`` left behind, which ``resume`` goes on with; None where it left none."""
    path = getattr(error, _RUN_PATH, None)
    return path if isinstance(path, Path) else None


def read_settings(
    config: str | Path | None, given: Mapping[str, Any] | Iterable[str] | None, options: Mapping[str, Any]
) -> Settings:
    """Settings of a config file, of what is given over it, and of the options over both; options that are None say nothing."""
    file = read_file(Path(config)) if config is not None else {}
    chosen = read_mapping(given) if isinstance(given, Mapping) else parse_set([given] if isinstance(given, str) else given or ())
    return merge(file, chosen, {"run": {name: value for name, value in options.items() if value is not None}})


def _resume(path: Path, settings: Settings, out: Path | None, progress: Progress) -> RunResult:
    if out is not None and out.absolute() != path.absolute():
        raise OutputError(f"The run {path} is resumed where it lies; it cannot be written to {out}.", hint="Leave --out out.")
    run = RunDir.open(path)
    if is_tracking(run):
        raise UserError(f"{path} is a tracking, no run of a study.", hint=f"Finish it with `darkframe track --resume {path}`.")
    plan = recorded_plan(run.manifest.get("config") or {}, Registry.discover())
    refuse_contradictions(settings, plan, path)
    if run.manifest.get("status") == "done":
        return load(path)
    if build(RunOptions, settings["run"], kind="run", owner="run").force:
        plan = replace(plan, config=replace(plan.config, force=True))
    return _execute(open_plan(plan, progress), run, progress)


def _execute(opened: Opened, run: RunDir, progress: Progress) -> RunResult:
    """Carry out the plan in the run directory, and leave there how it ended."""
    try:
        run.update(status="running", error=None, api=opened.plan.api)
        with logged(run.path / "log.txt"):
            log_warnings(opened.plan.deprecations)
            try:
                take_studies(opened, run, progress)
            except Exception:
                logger.exception("The run failed.")
                raise
        run.update(status="done")
    except BaseException as error:
        leave_run(run, error)
        raise
    finally:
        run.close()
    return load(run.path)


def leave_run(run: RunDir, error: BaseException, command: str = "run") -> None:
    """Note in the manifest how the run ended, and on the exception where it lies; a refused one leaves nothing."""
    if isinstance(error, UserError) and not run.arrays():  # nothing to go on from: the command is to be given anew, put right
        remove_tree(run.path)
        return
    interrupted = not isinstance(error, Exception)
    with contextlib.suppress(Exception):
        run.update(status="interrupted" if interrupted else "failed", error=f"{type(error).__name__}: {error}")
    setattr(error, _RUN_PATH, run.path)
    error.add_note(f"What was computed is kept in {run.path}; darkframe.{command}(resume={str(run.path)!r}) goes on from there.")
