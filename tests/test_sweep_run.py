"""``darkframe sweep`` from start to end: cells in worker processes, what fails, what is stopped, what goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from fake_distributions import Site

import darkframe
from darkframe import UserError
from darkframe.cli.group import darkframe as group
from darkframe.errors import OutputError
from darkframe.progress import QuietProgress

SUPPORT = Path(__file__).parent / "support"
PATHS = (str(SUPPORT), str(SUPPORT.parent))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Installed sources: rehearsed runs, and planted activations."""
    made = Site(tmp_path_factory.mktemp("site"))
    made.install("rehearsal-dist", {"rehearsal": "rehearsal"})
    made.install("synthetic-dist", {"synthetic": "synthetic"})
    with pytest.MonkeyPatch.context() as patch, made.active():
        for path in PATHS:
            patch.syspath_prepend(path)
        yield made


@pytest.fixture(autouse=True)
def workplace(site, tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()


class Lines(QuietProgress):
    """Progress that keeps what it is told."""

    def __init__(self):
        self.lines, self.tasks, self.open = [], [], 0

    def step(self, name, text):
        self.lines.append(f"{name}: {text}")

    @contextmanager
    def task(self, label, total, unit):
        self.tasks.append(label)
        self.open += 1
        with super().task(label, total, unit) as task:
            yield task
        self.open -= 1


def rehearse(*faults, progress=None, **options):
    source = {"faults": faults, "cured": str(Path("cured").absolute()), "notes": str(Path("notes").absolute())}
    options = {"grid": {"decomposer.n_components": [2, 3], "seed": [1, 2]}, "out": "swept", "device": "cpu", **options}
    return darkframe.sweep("rehearsal", "pca", set={"source": source}, progress=progress, **options)


def statuses(result):
    return [cell.status for cell in result.cells]


def processes():
    """Those of the workers and what they started that are alive."""
    numbers = [int(path.name.partition("-")[2]) for path in Path("notes").glob("process-*")]
    return [number for number in numbers if psutil.pid_exists(number) and psutil.Process(number).status() != "zombie"]


def gone(seconds=10.0):
    """Whether they all end within some seconds."""
    end = time.monotonic() + seconds
    while processes() and time.monotonic() < end:
        time.sleep(0.05)
    return not processes()


def manifest(path="swept"):
    return json.loads((Path(path) / "sweep.json").read_text())


# ---------------------------------------------------------------- a whole sweep


def test_a_sweep_with_a_failing_value_from_start_to_end_and_again(capfd):
    told = Lines()
    result = rehearse("3-data", progress=told)
    assert statuses(result) == ["done", "done", "failed", "failed"]
    assert [dict(cell.values) for cell in result.cells][1] == {"decomposer.n_components": "2", "run.seed": "2"}
    assert [cell.error for cell in result.failed] == ["Document 3 is empty. Fill it."] * 2
    with pytest.raises(UserError, match=r"Cell 3 \(decomposer.n_components=3, run.seed=1\) has no result. Document 3 is empty"):
        _ = result.cells[2].result

    # every cell is a run of its own
    first = result.cells[0].result
    assert first.path == Path("swept/cells/001-n-components-2-seed-1").absolute()
    assert darkframe.load(first.path).results.decompose.n_components == 2
    assert json.loads((first.path / "manifest.json").read_text())["config"]["seed"] == 1

    # one comparison, four ways
    table = result.table
    assert table["n_components"].tolist() == [2, 2, 3, 3] and table["seed"].tolist() == [1, 2, 1, 2]
    assert table["explained"].tolist()[:2] == [0.02, 0.02] and table["explained"].isna().tolist() == [False, False, True, True]
    assert table["error"].tolist()[2:] == ["Document 3 is empty. Fill it."] * 2
    with Path("swept/sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["components"] for row in rows] == ["2", "2", "", ""] and rows[3]["status"] == "failed"
    assert manifest()["table"] == json.loads(result.json())["cells"]
    assert manifest()["status"] == "failed"
    assert "FAILED" in result.summary() and "Document 3 is empty" in result.summary(60) and "swept" in result._repr_html_()
    saved = {path.name for path in Path("swept/figures").iterdir() if path.stat().st_size > 3000}
    assert saved == {f"{name}.{kind}" for name in result.figures for kind in ("png", "svg")} and "overview" in result.figures

    # what is said meanwhile: a line a cell, and nothing of what libraries print
    assert len([line for line in told.lines if line.startswith("cell ")]) == 4
    assert any(line.startswith("cell 3: n_components=3, seed=1: FAILED. Document 3 is empty. Fill it.") for line in told.lines)
    assert told.tasks[0] == "sweep" and "1: rehearsal" in told.tasks and told.open == 0
    assert "what libraries print" in (first.path / "log.txt").read_text()
    assert "libraries" not in "".join(capfd.readouterr())
    assert gone(0)

    # equal steps are computed once for each seed, and taken over by cells begun later
    computed = {path.name for path in Path("notes").glob("computed-*")}
    assert computed == {"computed-001-n-components-2-seed-1", "computed-002-n-components-2-seed-2"}

    shown = CliRunner().invoke(group, ["show", "swept"])
    assert shown.exit_code == 0 and "Comparison of the cells" in shown.output and "Document 3 is empty" in shown.output
    assert json.loads(CliRunner().invoke(group, ["show", "swept", "--table", "cells", "--json"]).output) == manifest()["table"]
    whole = CliRunner(env={"COLUMNS": "80"}).invoke(group, ["show", "swept", "--table", "cells"]).output
    assert all(f"cell {number}" in whole for number in (1, 2, 3, 4)) and max(map(len, whole.splitlines())) <= 80
    assert whole.count("explained") == 2 and "Document 3 is empty. Fill it." in " ".join(
        whole.split()
    )  # two cells beside each other
    assert CliRunner().invoke(group, ["show", "swept", "--table", "nothing"]).exit_code == 2

    # and again: the finished ones are kept, the failed ones tried again
    Path("cured").touch()
    changed = (first.path / "results.json").stat().st_mtime_ns
    again = darkframe.sweep(resume="swept", jobs=2)
    assert statuses(again) == ["done"] * 4 and manifest()["status"] == "done"
    assert (first.path / "results.json").stat().st_mtime_ns == changed
    np.testing.assert_array_equal(again.cells[3].result.arrays["shared"], [0, 1])
    shutil.rmtree("swept/cells/002-n-components-2-seed-2")
    assert statuses(darkframe.load("swept")) == ["done", "waiting", "done", "done"]
    refused_on_resuming()


def refused_on_resuming():
    for options, sentence in [
        ({"seed": 1}, "run.seed is what the sweep swept goes over"),
        ({"decomposer": "fastica"}, "The sweep swept was begun with decomposer = pca; it cannot be resumed with fastica"),
        ({"set": ["source.faults=3-kill"]}, "was begun with source.faults = "),
        ({"grid": ["decomposer.n_components=2,4"]}, "was begun with the grid decomposer.n_components=2,3 and run.seed=1,2"),
    ]:
        with pytest.raises(UserError, match=sentence):
            darkframe.sweep(resume="swept", **options)
    with pytest.raises(OutputError, match="resumed where it lies"):
        darkframe.sweep(resume="swept", out="elsewhere")
    with pytest.raises(OutputError, match="is not empty"):
        rehearse()
    with pytest.raises(OutputError, match=r"is not a sweep: it has no sweep.json"):
        darkframe.sweep(resume="notes")


def test_what_ends_a_worker_ends_one_cell():
    result = rehearse("3-kill", "4-exit", "5-crash", grid=["decomposer.n_components=2,3,4,5,6"], jobs=2)
    assert statuses(result) == ["done", "failed", "failed", "failed", "done"]
    assert [cell.error for cell in result.failed] == [
        "Its process was killed (SIGKILL), most likely because memory ran out: lower --jobs, or make the cell smaller.",
        "Its process ended by itself with exit code 7; the sweep's log says what it printed.",
        "darkframe failed unexpectedly: ZeroDivisionError: by zero",
    ]
    assert gone(0)


# ---------------------------------------------------------------- the command, stopped


REHEARSED = ("--source", "rehearsal", "--decomposer", "pca", "--device", "cpu", "--grid", "decomposer.n_components=2,3,4")
REHEARSED += ("--out", "swept")


def command(site, *arguments, faults=""):
    line = [sys.executable, "-m", "darkframe", "sweep", *arguments]
    if faults:
        settings = {"faults": faults, "notes": Path("notes").absolute(), "cured": Path("cured").absolute()}
        line += [part for key, value in settings.items() for part in ("--set", f"source.{key}={value}")]
    environment = site.environment(PYTHONPATH=os.pathsep.join([str(site.path), *PATHS]))
    return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hanging(process):
    """Wait until the process hangs in cell 2, cell 1 being finished."""
    while process.poll() is None:
        if Path("notes/hanging-3").exists() and manifest()["cells"][0]["status"] == "done":
            Path("notes/hanging-3").unlink()
            return
        time.sleep(0.05)
    raise AssertionError(process.communicate())


def test_a_sweep_that_is_killed_and_then_interrupted_leaves_no_process_and_goes_on(site):
    process = command(site, *REHEARSED, faults="3-children")
    hanging(process)
    assert len(processes()) == 2  # the worker, and what it has started
    process.kill()
    process.communicate()
    assert gone()

    process = command(site, "--resume", "swept")
    hanging(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, ""), err
    said = "Interrupted. What was computed is kept; go on with: darkframe sweep --resume swept"
    assert err.strip().splitlines()[-1] == said
    assert gone(0)
    assert manifest()["status"] == "interrupted"
    assert [cell["status"] for cell in manifest()["cells"]] == ["done", "waiting", "waiting"]

    Path("cured").touch()
    process = command(site, "--resume", "swept", "--jobs", "2", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [cell["status"] for cell in json.loads(out)["cells"]] == ["done"] * 3
    assert len([line for line in err.splitlines() if line.startswith("✓ cell")]) == 2  # the first one is kept


def test_the_command_exits_with_1_where_a_cell_failed_and_with_2_before_anything_runs(site):
    process = command(site, *REHEARSED, faults="2-data,3-data,4-data")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "FAILED n_components=3: Document 3 is empty. Fill it." in out
    process = command(site, "--decomposer", "pca", "--grid", "decomposer.n_component=2")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "Did you mean 'n_components'?" in err
    assert not Path("sweeps").exists()


# ---------------------------------------------------------------- real studies


def test_a_cell_is_what_a_run_of_its_own_is():
    small = {"source": {"held": 0, "d_model": 18, "n_features": 60}, "clusterer": {}}
    small["taxonomy"] = {"embedding_rows": 0, "curve": (), "nulls": 1, "orders": 2}
    result = darkframe.sweep("synthetic", clusterer="gpu-fuzzyart", grid=["clusterer.rho=0.6"], set=small)
    assert statuses(result) == ["done"], [cell.error for cell in result.failed]
    assert result.path == Path("sweeps/taxonomy-synthetic-gpu-fuzzyart-1").absolute()
    alone = darkframe.run("synthetic", clusterer="gpu-fuzzyart", set={**small, "clusterer": {"rho": 0.6}})
    in_sweep = result.cells[0].result
    for name in ("taxonomy_labels", "taxonomy_features"):
        np.testing.assert_array_equal(in_sweep.arrays[name], alone.arrays[name])
    level = alone.taxonomy.levels[0]
    row = result.table.iloc[0]
    assert (row["clusters_L0"], row["largest_share_L0"]) == (level.clusters, level.largest_share)
    assert row["silhouette_L0"] == level.quality.silhouette and row["stability_L0"] == level.quality.stability
    draws = [[draw.silhouette for draw in null.draws] for null in level.nulls]
    assert row["silhouette_null_L0"] == pytest.approx(max(np.mean(null) for null in draws))
    assert (row["dims"], row["variance"], row["verdict"]) == (18, 1.0, alone.taxonomy.conclusion.verdict)
