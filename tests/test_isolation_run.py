"""Plugins that break in the middle of a run: one sentence that names plugin, distribution and fault, and earlier steps stay."""

import gc
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_distributions import Site

import darkframe
from darkframe import DataError, PluginError, UserError, api
from darkframe.errors import OutOfMemoryError
from darkframe.progress import QuietProgress

SUPPORT = Path(__file__).parent / "support"
DECOMPOSER, CLUSTERER, SOURCE = (
    f"The {kind} of faulty-dist 0.7 "
    for kind in ("decomposer 'faulty-pca'", "clusterer 'faulty-signs'", "source 'faulty-source'")
)
SMALL = {
    "source": {"held": 1500, "d_model": 18},
    "decomposer": {},
    "clusterer": {},
    "study": {"seeds": (42,), "nulls": 1, "null_directions": 10, "interpret": 1, "examples": 2},
    "taxonomy": {"embedding_rows": 0, "curve": (), "nulls": 1, "orders": 1, "keep_model": False},
}
LATE = {
    "extra": "import a_package_nobody_has\n",
    "exits": "raise SystemExit(0)\n",
    "own": "class Own(BaseException): pass\nraise Own('late')\n",
    "leaves_marks": "import torch; torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)\nclass Thing: pass\n",
    "talks": "import os; print('by print', flush=True); os.write(1, b'by write')\nclass Thing: pass\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("faulty") / "site")
    files = {f"faulty_late_{name}.py": source for name, source in LATE.items()}
    site.install("faulty-dist", {"faulty": "faulty"}, files, version="0.7")
    return site


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """The activations that decomposers are tried on, collected once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def workplace(site, tmp_path, shared_cache, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(shared_cache))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SUPPORT))
    without_pictures(monkeypatch)
    with site.active():
        yield


def without_pictures(patch):
    """Plots and pages, which have nothing to do with plugins, are not drawn."""
    for study in ("dark_matter", "taxonomy"):
        patch.setattr(f"darkframe.api.studies._{study}_pictures", lambda results, run: 0)


def options(kind="", fault="", **changes):
    """Settings of a run in which the plugin of that kind has that fault."""
    settings = {name: dict(values) for name, values in SMALL.items()}
    if kind:
        settings[kind]["fault"] = fault
    for name, value in changes.items():
        settings[kind or "study"][name] = value
    return settings


def run(settings, decomposer=None, clusterer=None, **more):
    used = {"source": True, "decomposer": decomposer == "faulty-pca", "clusterer": clusterer == "faulty-signs"}
    used |= {"study": decomposer is not None, "taxonomy": clusterer is not None}
    settings = {kind: values for kind, values in settings.items() if used[kind]}
    return darkframe.run("faulty-source", decomposer, clusterer, set=settings, **more)


def failure(settings, decomposer=None, clusterer=None):
    """The exception of a run, which is one of darkframe's."""
    with pytest.raises(Exception) as caught:
        run(settings, decomposer, clusterer)
    return caught.value


def kept(error):
    """The run that an exception left, after what must hold of any such run."""
    path = api.run_path_of(error)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["status"] == "failed" and str(error) in manifest["error"]
    assert not list(path.rglob(".*.unfinished")) or (path / "log.txt").is_file()
    return path


def steps(path):
    return {folder.name for folder in (path / "steps").iterdir() if not folder.name.startswith(".")}


# ------------------------------------------------------------ whatever the kind

ANYWHERE = {
    "raises": "failed in fit(): ValueError: no luck.",
    "mute": "failed in fit(): Mute.",
    "exits": "failed in fit(): SystemExit: 0.",
    "exits-with-words": "failed in fit(): SystemExit: enough of it.",
    "generator-exit": "failed in fit(): GeneratorExit.",
    "stops": "failed in fit(): StopIteration: 3.",
    "own-exception": "failed in fit(): Own: something.",
    "recursion": "failed in fit(): RecursionError: maximum recursion depth exceeded.",
}
IN_DECOMPOSERS = ANYWHERE | {
    "none": "breaks its contract: fit() gave None, not a Decomposition.",
    "text": "breaks its contract: fit() gave a str, not a Decomposition.",
    "patterns-wide": "breaks its contract: its patterns have shape (6, 36), not (6, 18).",
    "patterns-flat": "breaks its contract: its patterns have shape (18,), not an array (components, 18).",
    "patterns-nan": "breaks its contract: its patterns hold NaN.",
    "patterns-infinite": "breaks its contract: its patterns hold NaN.",
    "patterns-text": "breaks its contract: its patterns are an array of <U32, not of real numbers.",
    "patterns-list": "breaks its contract: its patterns are a list, not an array (components, 18).",
    "patterns-complex": "breaks its contract: its patterns are an array of complex128, not of real numbers.",
    "filters-few": "breaks its contract: its filters have shape (1, 18), not (6, 18).",
    "mean-none": "breaks its contract: its mean is None, not an array of shape (18,).",
    "no-components": "breaks its contract: it gave no components.",
    "explained-few": "breaks its contract: its explained has shape (1,), not (6,).",
    "explained-nan": "breaks its contract: its explained holds NaN.",
    "explained-negative": "of the variance, a negative share.",
    "total-nan": "breaks its contract: its explained_total is nan.",
    "total-large": "breaks its contract: its explained_total is 1.5, a share above 1.",
    "total-text": "breaks its contract: its explained_total is a str, not a number.",
    "diagnostics-none": "breaks its contract: its diagnostics are None, not a Diagnostics record.",
    "converged-text": "breaks its contract: its diagnostics' converged is a str, not True or False.",
    "iterations-none": "breaks its contract: its diagnostics' iterations are None, not a whole number from 0 up.",
    "warnings-text": "breaks its contract: its diagnostics' warnings are a str, not a tuple of sentences.",
    "identifiability-few": "breaks its contract: its diagnostics' identifiability has 1 numbers for 6 components.",
    "details-object": "breaks its contract: its diagnostics' details cannot be written as JSON: TypeError: object",
    "details-list": "breaks its contract: its diagnostics' details are a list, not a mapping.",
}
IN_CLUSTERERS = ANYWHERE | {
    "none": "breaks its contract: fit() gave None, not a Clustering.",
    "text": "breaks its contract: fit() gave a str, not a Clustering.",
    "labels-list": "breaks its contract: its labels are a list, not an array.",
    "labels-flat": "breaks its contract: its labels have shape (64,), not (levels, 64).",
    "labels-few": "breaks its contract: its labels have shape (2, 63), not (levels, 64).",
    "labels-none": "breaks its contract: its labels have shape (0, 64), not (levels, 64).",
    "labels-float": "breaks its contract: its labels are float64, not integers.",
    "labels-nan": "breaks its contract: its labels are float64 and hold NaN, not integers.",
    "labels-object": "breaks its contract: its labels are object, not integers.",
    "labels-bool": "breaks its contract: its labels are bool, not integers.",
    "labels-low": "breaks its contract: a label is -2; they count from 0, and -1 is noise.",
    "labels-huge": "breaks its contract: level 0 has 1,000,000,000,001 clusters of 64 rows; labels count from 0.",
    "clusters-huge": "breaks its contract: level 0 has 1,000,000,000,000 clusters of 64 rows; labels count from 0.",
    "clusters-many": "breaks its contract: its clusters has 3 entries for 2 levels.",
    "does-not-nest": "breaks its contract: level 1 does not nest in level 0: a row's cluster has another parent than the row.",
    "parents-missing": "breaks its contract: it gave 2 levels of labels and 0 of parents, not one fewer.",
    "parents-few": "breaks its contract: level 1 has a label 3, but 1 parents.",
    "parents-float": "breaks its contract: its parents[0] is an array of float64, not an array (clusters,) of integers.",
    "parents-list": "breaks its contract: its parents[0] is a list, not an array (clusters,) of integers.",
    "match-nan": "breaks its contract: its match of a row that is no noise is NaN or infinite.",
    "match-infinite": "breaks its contract: its match of a row that is no noise is NaN or infinite.",
    "match-wide": "breaks its contract: its match has shape (2, 63), not (2, 64).",
    "match-text": "breaks its contract: its match is an array of <U32, not an array of numbers or None.",
    "margin-infinite": "breaks its contract: a margin is infinite.",
    "vigilance-text": "breaks its contract: its vigilance is a tuple, not a tuple of numbers.",
    "diagnostics-none": "breaks its contract: its diagnostics are None, not a Diagnostics record.",
    "details-endless": "breaks its contract: its diagnostics' details cannot be written as JSON: RecursionError",
    "writes": "failed in fit(): ValueError: assignment destination is read-only.",
    "writes-into-base": "breaks its contract: fit() changed the vectors that it was given.",
    "writes-by-torch": "breaks its contract: fit() changed the vectors that it was given.",
    "unlocks": "breaks its contract: fit() changed the vectors that it was given.",
}


@pytest.mark.parametrize("fault", IN_DECOMPOSERS)
def test_a_fault_of_a_decomposer_is_one_sentence_and_what_came_before_stays(fault):
    error = failure(options("decomposer", fault), "faulty-pca")
    assert isinstance(error, PluginError), error
    assert error.message.startswith(DECOMPOSER) and IN_DECOMPOSERS[fault] in error.message
    assert steps(kept(error)) == {"doctor", "diagnose", "pca"}


@pytest.mark.parametrize("fault", IN_CLUSTERERS)
def test_a_fault_of_a_clusterer_is_one_sentence_and_what_came_before_stays(fault):
    error = failure(options("clusterer", fault), None, "faulty-signs")
    assert isinstance(error, PluginError), error
    assert error.message.startswith(CLUSTERER) and IN_CLUSTERERS[fault] in error.message
    assert steps(kept(error)) == {"taxonomy-lens", "taxonomy-rows"}


@pytest.mark.parametrize("kind", ["decomposer", "clusterer"])
def test_memory_that_runs_out_in_a_plugin_names_it_and_what_to_lower(kind):
    chosen = ("faulty-pca", None) if kind == "decomposer" else (None, "faulty-signs")
    error = failure(options(kind, "memory"), *chosen)
    assert isinstance(error, OutOfMemoryError)
    assert f"({kind} 'faulty-" in error.message and "3.00 GiB more were wanted" in error.message and error.hint
    kept(error)


# ------------------------------------------------------------ sources

IN_SOURCES = {
    "card:raises": "failed in card(): ValueError: no luck.",
    "card:exits": "failed in card(): SystemExit: 0.",
    "card:none": "breaks its contract: card() gave None, not a SourceCard.",
    "card:text-for-a-number": "breaks its contract: its card's d_model is a str, not a whole number.",
    "card:no-dimensions": "breaks its contract: its card's d_model is 0, which is below 1.",
    "card:no-fingerprint": "breaks its contract: its card's fingerprint is None, not text.",
    "card:not-json": "breaks its contract: its card's details cannot be written as JSON: TypeError: object cannot be written",
    "card:wider": "breaks its contract: its dictionary's W_dec is a tensor of shape (64, 18), not (64, 19)",
    "card:fewer-features": "breaks its contract: its dictionary's W_dec is a tensor of shape (64, 18), not (63, 18)",
    "available_tokens:text": "breaks its contract: available_tokens() gave a str, not a whole number from 0 up or None.",
    "available_tokens:negative": "breaks its contract: available_tokens() gave an int, not a whole number from 0 up or None.",
    "batches:raises": "failed in batches(): ValueError: no luck.",
    "batches:exits": "failed in batches(): SystemExit: 0.",
    "batches:generator-exit": "failed in batches(): GeneratorExit.",
    "batches:own-exception": "failed in batches(): Own: something.",
    "batches:none": "breaks its contract: batch 0 is None, not a Batch.",
    "batches:x-wide": "breaks its contract: the activations x of batch 0 have shape (256, 36), not (tokens, 18).",
    "batches:x-flat": "breaks its contract: the activations x of batch 0 have shape (18,), not (tokens, 18).",
    "batches:x-array": "breaks its contract: the activations x of batch 0 are an array of float32, not a tensor.",
    "batches:x-whole": "breaks its contract: the activations x of batch 0 are int64, not float32.",
    "batches:tokens-few": "breaks its contract: the tokens of batch 0 have shape (255,), but there are 256 activations.",
    "batches:tokens-float": "breaks its contract: the tokens of batch 0 are float64, not int32.",
    "batches:special-whole": "breaks its contract: the special of batch 0 are int64, not bool.",
    "dictionary:none": "failed in dictionary(): AttributeError: 'NoneType' object has no attribute 'W_dec'.",
    "dictionary:raises": "failed in dictionary(): OSError: no such file.",
    "dictionary:narrow": "breaks its contract: its dictionary's W_dec is a tensor of shape (64, 17), not (64, 18)",
    "encode:raises": "failed in encode(): ValueError: no luck.",
    "encode:exits": "failed in encode(): SystemExit: 0.",
    "encode:text": "breaks its contract: encode() gave a str, not Codes.",
    "encode:beyond": ", but there are 64.",
    "encode:negative": "breaks its contract: its codes name the feature -",
    "encode:values-nan": "breaks its contract: the values of its codes hold NaN or infinity.",
    "encode:values-few": "breaks its contract: its codes of 256 tokens have 257 offsets, ",
    "encode:offsets-few": "breaks its contract: its codes of 256 tokens have 256 offsets, ",
    "encode:offsets-mixed": "breaks its contract: the offsets of its codes do not rise from 0 to their ",
    "encode:features": "breaks its contract: its codes are of 65 features, but its card says 64.",
    "encode:indices-float": "breaks its contract: the indices of its codes are float32, not int64.",
    "decode:raises": "failed in decode(): ValueError: no.",
    "decode:narrow": "breaks its contract: decode() gave a tensor of shape (256, 17), not (256, 18).",
    "decode:few": "breaks its contract: decode() gave a tensor of shape (255, 18), not (256, 18).",
    "decode:array": "breaks its contract: decode() gave an array of float32, not a tensor of shape (256, 18).",
    "decode:whole": "breaks its contract: decode() gave a tensor of int64, not of floating-point numbers.",
}
IN_TAXONOMIES = {
    "unembedding:text": "breaks its contract: unembedding() gave a str, which has no logits().",
    "logits:flat": "breaks its contract: logits() gave a tensor of shape (1001,), not a tensor of shape (1, vocabulary).",
    "logits:few": "breaks its contract: logits() gave a tensor of shape (0, 1001), not a tensor of shape (1, vocabulary).",
    "logits:nan": "breaks its contract: its logits hold NaN or infinity.",
    "logits:none": "breaks its contract: logits() gave None, not a tensor of shape (1, vocabulary).",
    "decode_tokens:few": "texts for ",
    "decode_tokens:bytes": "breaks its contract: decode_tokens() gave a bytes among its texts.",
    "decode_tokens:none": "breaks its contract: decode_tokens() gave None, not a list of texts.",
}


@pytest.mark.parametrize("fault", IN_SOURCES)
def test_a_fault_of_a_source_is_one_sentence(fault, tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    error = failure(options("source", fault), "pca")
    assert isinstance(error, PluginError), error
    assert error.message.startswith(SOURCE) and IN_SOURCES[fault] in error.message
    kept(error)


@pytest.mark.parametrize("fault", IN_TAXONOMIES)
def test_a_fault_of_a_source_in_a_taxonomy_is_one_sentence(fault):
    error = failure(options("source", fault), None, "faulty-signs")
    assert isinstance(error, PluginError), error
    assert error.message.startswith(SOURCE) and IN_TAXONOMIES[fault] in error.message
    kept(error)


def test_what_a_source_lacks_is_to_be_a_mapping():
    error = failure(options("source", "lacks:list"), None, "faulty-signs")
    assert error.message == f"{SOURCE}breaks its contract: lacks() gave a list, not a mapping of parts to sentences."
    assert api.run_path_of(error) is None  # seen before there is a run


def test_nan_activations_name_the_source_and_their_place(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    error = failure(options("source", "batches:x-nan", batch=3), "pca")
    assert isinstance(error, DataError)
    assert error.message.startswith("The activations of the source 'faulty-source' of faulty-dist 0.7 hold NaN or infinity")
    assert "in batch 3, first at document" in error.message
    kept(error)


# ------------------------------------------------------------ late faults

LATE_FAULTS = {
    "late-extra": "cannot be loaded: No module named 'a_package_nobody_has'.",
    "late-exits": "cannot be loaded: SystemExit: 0.",
    "late-own": "cannot be loaded: Own: late.",
    "function": "cannot be loaded: its target is faulty:function, but the module has something else than a class as 'function'.",
    "absent": "cannot be loaded: its target is faulty:Absent, but the module has no 'Absent'.",
    "wordless": "failed in Wordless(params): TypeError: Wordless.__init__() takes 1 positional argument but 2 were given.",
    "raising": "failed in Raising(params): RuntimeError: no weights.",
    "exiting": "failed in Exiting(params): SystemExit.",
    "importing": "failed in Importing(params): ModuleNotFoundError: No module named 'a_package_nobody_has'.",
    "empty": "breaks its contract: Empty has no fit().",
    "prickly": "failed in Prickly(params): RuntimeError: not yet.",
    "late-leaves-marks": "failed in Thing(params): TypeError: Thing() takes no arguments.",
    "late-talks": "failed in Thing(params): TypeError: Thing() takes no arguments.",
}


@pytest.mark.parametrize("name", LATE_FAULTS)
def test_a_plugin_that_cannot_be_made_is_one_sentence_and_leaves_no_run(name, capfd):
    error = failure(options(), name)
    assert isinstance(error, PluginError)
    assert error.message == f"The decomposer {name!r} of faulty-dist 0.7 {LATE_FAULTS[name]}"
    hints = {"late-extra": "pip install 'faulty-dist[extra]'", "importing": "pip install it"}
    assert error.hint == (f"To install what it needs: {hints[name]}" if name in hints else "")
    assert not Path("runs").exists()
    assert capfd.readouterr().out == ""
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["wordless", "raising", "exiting", "empty", "prickly"])
def test_so_is_a_clusterer(name):
    error = failure(options(), None, name)
    assert isinstance(error, PluginError)
    assert error.message == f"The clusterer {name!r} of faulty-dist 0.7 {LATE_FAULTS[name]}"
    assert not Path("runs").exists()


# ------------------------------------------------------------ what a run is not to be harmed by


def state_of_the_process():
    return {
        "numpy": np.geterr(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "folder": Path.cwd(),
        "collector": gc.isenabled(),
        "ctrl-c": signal.getsignal(signal.SIGINT),
        "filters": list(warnings.filters),
        "python": random.getstate(),
        "legacy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
    }


def run_both(kind="", fault=""):
    """Both studies, begun with a random state of the process's own."""
    settings = options(kind, fault)
    return run(settings, "faulty-pca", "faulty-signs")


@pytest.fixture(scope="module")
def clean(site, shared_cache, tmp_path_factory):
    """Results of a run in which nothing goes wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DARKFRAME_CACHE", str(shared_cache))
        patch.chdir(tmp_path_factory.mktemp("clean"))
        patch.syspath_prepend(str(SUPPORT))  # undone last: it puts back the path as it finds it here
        without_pictures(patch)
        with site.active():
            return run_both()


def same_results(result, other):
    assert set(result.arrays) == set(other.arrays)
    for name in result.arrays:
        np.testing.assert_array_equal(result.arrays[name], other.arrays[name], err_msg=name)


@pytest.mark.parametrize("kind", ["decomposer", "clusterer"])
def test_what_a_plugin_leaves_changed_reaches_neither_later_steps_nor_the_caller(kind, clean):
    random.seed(11), np.random.seed(12), torch.manual_seed(13)  # noqa: NPY002
    before = state_of_the_process()
    result = run_both(kind, "marks")
    after = state_of_the_process()
    assert {name for name in before if before[name] != after[name]} == set()
    same_results(result, clean)
    assert result.results.decompose.details == clean.results.decompose.details  # drawn from the global generators, under the seed


def files_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_decomposer_that_writes_to_its_rows_writes_to_its_own(clean, shared_cache):
    before = files_of(shared_cache / "collections")
    result = run(options("decomposer", "writes-into-blocks"), "faulty-pca")
    assert files_of(shared_cache / "collections") == before
    np.testing.assert_array_equal(result.arrays["directions"], clean.arrays["directions"])
    np.testing.assert_array_equal(result.arrays["component_kurtosis"], clean.arrays["component_kurtosis"])


def test_batches_that_are_others_each_time_are_read_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    result = run(options("source", "", unsteady=True), "pca")
    again = run(options("source", "", unsteady=True), "pca")
    np.testing.assert_array_equal(result.arrays["residual_kurtosis"], again.arrays["residual_kurtosis"])
    assert again.results.collect.reused


@pytest.mark.parametrize(("kind", "fault"), [("decomposer", "exits"), ("clusterer", "labels-nan")])
def test_a_run_goes_on_once_the_fault_is_put_right(kind, fault, clean, tmp_path):
    path = kept(failure(options(kind, fault, cured=str(tmp_path / "cured")), "faulty-pca", "faulty-signs"))
    begun = {name: (path / "steps" / name / "record.json").stat().st_mtime_ns for name in steps(path)}
    (tmp_path / "cured").touch()
    result = darkframe.run(resume=path)
    assert result.path == path and json.loads((path / "manifest.json").read_text())["status"] == "done"
    for name, time in begun.items():
        assert (path / "steps" / name / "record.json").stat().st_mtime_ns == time
    same_results(result, clean)


class Labels(QuietProgress):
    """The labels of the tasks."""

    def __init__(self):
        self.labels = []

    def task(self, label, total, unit):
        self.labels.append(label)
        return super().task(label, total, unit)


def test_what_a_source_gave_before_it_failed_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("darkframe.studies.passing.PILOT_TOKENS", 300)
    settings = options("source", "batches:exits", cured=str(tmp_path / "cured"), held=4000, batch=12)
    path = kept(failure(settings, "pca"))
    (tmp_path / "cured").touch()
    progress = Labels()
    result = darkframe.run(resume=path, progress=progress)
    assert "collect (going on at 2,976 tokens)" in progress.labels
    assert result.results.collect.tokens_kept == 4000 and not result.results.collect.reused


# ------------------------------------------------------------ the command


def command(site, name, *arguments):
    """``darkframe NAME --source faulty-source ARGUMENTS`` in a process of its own."""
    words = [sys.executable, "-m", "darkframe", name, "--source", "faulty-source", *arguments, "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site.path), str(SUPPORT)]), "COLUMNS": "200"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_sys_exit_in_a_fit_does_not_end_the_command_in_silence(site):
    done = command(site, "run", "--clusterer", "faulty-signs", "--set", "clusterer.fault=exits", "--out", "run")
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert f"Error: {CLUSTERER}failed in fit(): SystemExit: 0." in done.stderr
    assert "What was computed is kept; once that is put right, go on with: darkframe run --resume run" in done.stderr


def test_a_plugin_that_talks_and_closes_stdout_leaves_the_results_to_the_command(site):
    done = command(site, "doctor", "--set", "source.fault=encode:talks", "--set", "source.held=500")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tokens"] == 500
    for words in ("by print", "by write", "by printf"):  # the last two pass Python by
        assert words in done.stderr


def test_a_refusal_of_the_user_is_no_fault_of_a_plugin():
    with pytest.raises(UserError):
        run(options("source", "nowhere", held=-1), "pca")
