from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_distributions import Site

import darkframe
from darkframe import DataError, PluginError, UserError, api
from darkframe.errors import OutputError, StoreError
from darkframe.progress import QuietProgress

SUPPORT = Path(__file__).parent / "support"  # has the module of the planted source "synthetic"

SMALL = {
    "source": {"held": 2500, "d_model": 18},
    "decomposer": {"n_components": 2},
    "study": {"seeds": (42, 1), "nulls": 1, "null_directions": 10, "interpret": 1, "examples": 2},
}

FAILING = """
import logging, sys, warnings
from dataclasses import dataclass
import darkframe
from darkframe.interfaces import SourceCard

@dataclass(frozen=True)
class Params:
    fault: str = darkframe.param("none", help="What goes wrong, and where.")

class Source:
    def __init__(self, params, context):
        self.params, self.context = params, context
        if params.fault == "constructor":
            raise RuntimeError("no weights")
        if params.fault == "contract":
            self.batches = None
    def card(self):
        print("a library prints")
        print("a library complains", file=sys.stderr)
        warnings.warn("a library warns")
        logging.getLogger("some.library").warning("a library logs")
        if self.params.fault == "card":
            return {}["missing"]
        if self.params.fault == "interrupt":
            raise KeyboardInterrupt
        if self.params.fault == "data":
            raise darkframe.DataError("Document 3 is empty.")
        return SourceCard("m", "s", "blocks.0", 4, 8, 16, "packed", "text", "f")
    def available_tokens(self): return 10
    def batches(self, start=0): raise NotImplementedError
    def dictionary(self): raise ValueError("bad\\n  dictionary")
    def unembedding(self): return None
    def decode_tokens(self, tokens): return [str(t) for t in tokens]

@darkframe.hookimpl
def darkframe_sources():
    yield darkframe.SourceInfo(name="failing", target="failing_source:Source", summary="Fails.", params=Params)
"""


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """A working folder, a cache and installed test sources of its own."""
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SUPPORT))
    site = Site(tmp_path / "site")
    site.install("failing-dist", {"failing": "failing_source"}, {"failing_source.py": FAILING}, version="3.1")
    site.install("synthetic-dist", {"synthetic": "synthetic"})
    with site.active():
        yield site


def fail(fault, **options):
    with pytest.raises(BaseException) as caught:
        darkframe.run("failing", "pca", set={"source.fault": fault}, **options)
    return caught.value


def manifest(path):
    return json.loads((Path(path) / "manifest.json").read_text())


# ---------------------------------------------------------------- faults of plugins


@pytest.mark.parametrize(
    "fault, sentence",
    [
        ("constructor", "The source 'failing' of failing-dist 3.1 failed in Source(params, context): RuntimeError: no weights."),
        ("contract", "The source 'failing' of failing-dist 3.1 breaks its contract: Source has no batches()."),
    ],
)
def test_a_plugin_that_cannot_be_opened_leaves_no_run(fault, sentence):
    error = fail(fault)
    assert isinstance(error, PluginError)
    assert error.message == sentence
    assert api.run_path_of(error) is None
    assert not Path("runs").exists()


def test_what_is_refused_before_anything_was_computed_leaves_no_run():
    settings = {**SMALL, "decomposer": {"n_components": 19}}
    with pytest.raises(UserError, match="n_components is 19, but the activations have only 18 dimensions") as caught:
        darkframe.run("synthetic", "pca", set=settings)
    assert api.run_path_of(caught.value) is None  # resuming could not put it right: its configuration is fixed
    assert not list(Path("runs").iterdir())


def test_an_exception_of_a_plugin_names_it_and_keeps_the_traceback_in_the_log():
    error = fail("card")
    assert isinstance(error, PluginError)
    assert error.message == "The source 'failing' of failing-dist 3.1 failed in card(): KeyError: 'missing'."
    assert isinstance(error.__cause__, KeyError)
    run = api.run_path_of(error)
    assert run == Path("runs/dark-matter-failing-pca-1").absolute()
    log = (run / "log.txt").read_text()
    assert 'return {}["missing"]' in log
    assert (manifest(run)["status"], "KeyError" in manifest(run)["error"]) == ("failed", True)
    assert "resume=" in error.__notes__[0]


def test_what_libraries_print_warn_and_log_goes_to_the_log(capfd):
    log = (api.run_path_of(fail("card")) / "log.txt").read_text()
    said = capfd.readouterr()
    for words in ("a library prints", "a library complains", "a library warns", "a library logs"):
        assert words in log
        assert words not in said.out + said.err


def test_an_error_of_darkframe_passes_as_it_is():
    error = fail("data")
    assert isinstance(error, DataError)
    assert error.message == "Document 3 is empty."


def test_ctrl_c_leaves_an_interrupted_run():
    error = fail("interrupt")
    assert isinstance(error, KeyboardInterrupt)
    assert manifest(api.run_path_of(error))["status"] == "interrupted"


def test_the_default_folders_are_numbered():
    paths = [api.run_path_of(fail("card")).name for _ in range(2)]
    assert paths == ["dark-matter-failing-pca-1", "dark-matter-failing-pca-2"]


class Printing:
    """Progress that prints."""

    def task(self, label, total, unit):
        print(f"TASK {label}")
        return QuietProgress().task(label, total, unit)

    def step(self, name, text):
        print(f"STEP {name}")


# ---------------------------------------------------------------- finishing, resuming


def test_a_run_from_start_to_end_and_again(capsys):
    result = darkframe.run("synthetic", "pca", set=SMALL, out="mine", quick=True, progress=Printing())
    told = capsys.readouterr().out  # the libraries are silenced, the caller's own progress is not
    assert "TASK plots and page" in told
    assert "STEP report" in told
    assert (result.path / "report.html").is_file()
    assert result.path == Path("mine").absolute()
    record = manifest("mine")
    assert record["status"] == "done"
    config = record["config"]
    assert (config["quick"], config["tokens"], config["source"]["distribution"]) == (True, 50_000, "synthetic-dist")
    assert config["study"]["seeds"] == [42, 1]  # set explicitly, so not lowered
    assert config["study"]["null_directions"] == 10
    assert config["decomposer"]["params"]["n_components"] == 2
    assert result.arrays["directions"].shape == (2, 18)

    changed = (Path("mine") / "results.json").stat().st_mtime_ns
    again = darkframe.run(resume="mine")  # done already: nothing is computed
    np.testing.assert_array_equal(again.arrays["directions"], result.arrays["directions"])
    assert (Path("mine") / "results.json").stat().st_mtime_ns == changed
    darkframe.run(
        "synthetic-dist:synthetic", resume="mine", tokens=50_000, seed=42, device="cpu", set={"study.nulls": 1}, out="mine"
    )

    for options, name in [
        ({"source": "tiny"}, "source = synthetic"),
        ({"decomposer": "fastica"}, "decomposer = pca"),
        ({"seed": 7}, "seed = 42"),
        ({"tokens": 3}, "tokens = 50000"),
        ({"strict": True}, "strict = False"),
        ({"set": {"source.held": 99}}, "source.held = 2500"),
        ({"set": {"study.nulls": 3}}, "study.nulls = 1"),
    ]:
        with pytest.raises(UserError, match=f"was begun with {name}; it cannot be resumed with"):
            darkframe.run(resume="mine", **options)
    with pytest.raises(OutputError, match="resumed where it lies"):
        darkframe.run(resume="mine", out="elsewhere")
    with pytest.raises(OutputError, match="is not empty"):
        darkframe.run("synthetic", "pca", out="mine")


def test_a_run_of_another_version_of_its_plugin_is_not_resumed(workplace):
    run = api.run_path_of(fail("card"))
    (workplace.path / "failing_dist-3.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: failing-dist\nVersion: 4.0\n"
    )
    with pytest.raises(UserError, match=r"begun with the source 'failing' of failing-dist 3.1, but version 4.0 is installed"):
        darkframe.run(resume=run)


def test_a_damaged_manifest_is_told():
    run = api.run_path_of(fail("card"))
    record = manifest(run)
    del record["config"]["source"]["name"]
    (run / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match="configuration kept with the run is damaged"):
        darkframe.run(resume=run)


def test_ctrl_c_in_a_real_process_and_resume(workplace, tmp_path):
    settings = ["source.held=3000", "source.d_model=18", "source.pause=0.1", "decomposer.n_components=2"]
    settings += ["study.seeds=42", "study.nulls=1", "study.null_directions=10", "study.interpret=1"]
    command = [sys.executable, "-m", "darkframe", "run", "--source", "synthetic", "--decomposer", "pca", "--out", "stopped"]
    command += [part for setting in settings for part in ("--set", setting)]
    paths = os.pathsep.join([str(workplace.path), str(SUPPORT)])
    environment = {**os.environ, "PYTHONPATH": paths}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "cache").rglob("*residuals*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert err.strip().splitlines()[-1] == ("Interrupted. What was computed is kept; go on with: darkframe run --resume stopped")
    assert manifest("stopped")["status"] == "interrupted"
    told = subprocess.run(
        [*command[:4], "--resume", "stopped", "--json"], env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)
    assert manifest("stopped")["status"] == "done"
