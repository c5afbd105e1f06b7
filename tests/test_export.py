"""Export under the notebook's file names: the right files, the right keys, the right numbers."""

import dataclasses
import json

import numpy as np
import pytest
from support.fake_results import K, copied_run, fake_results, finished_run
from support.synthetic import SyntheticParams, SyntheticSource

from darkframe.config import StudyParams
from darkframe.errors import OutputError
from darkframe.progress import QuietProgress
from darkframe.report import export as export_module
from darkframe.report.export import NAMES
from darkframe.report.notebook_json import notebook_results
from darkframe.result import load
from darkframe.studies.collect import collect

NOTEBOOK_KEYS = {
    "model": None,
    "sae": None,
    "sae_id": None,
    "layer": None,
    "tokens_analyzed": None,
    "d_model": None,
    "n_ica_components": None,
    "variance_analysis": {"total_activation_variance", "residual_variance", "fraction_unexplained_by_sae"},
    "residual_kurtosis": {"mean", "std", "min", "max"},
    "pca": {"n_components_90pct_variance", "n_components_95pct_variance", "n_components_99pct_variance"},
    "ica": {"n_components", "iterations_to_converge", "fraction_residual_variance_explained"},
    "ica_sae_similarity": {
        "mean_max_cosine",
        "median_max_cosine",
        "high_similarity_count_gt_0.8",
        "medium_similarity_count_0.3_to_0.8",
        "low_similarity_count_lt_0.3",
    },
    "kurtosis_comparison": {
        "ica_component_kurtosis_mean",
        "ica_component_kurtosis_median",
        "sae_feature_kurtosis_mean",
        "sae_feature_kurtosis_median",
    },
}
NOTEBOOK_FILES = {
    "residuals.npy",
    "activations.npy",
    "tokens.npy",
    "ica_directions.npy",
    "ica_activations.npy",
    "residual_kurtosis.png",
    "residual_pca.png",
    "ica_sae_similarity.png",
    "ica_vs_sae_kurtosis.png",
    "ica_dark_matter_results.json",
}


def collected(cache, **study):
    source = SyntheticSource(SyntheticParams(held=500))
    return collect(source, tokens=None, study=StudyParams(**study), strict=False, cache=cache, progress=QuietProgress())[0]


@pytest.fixture(scope="module")
def result():
    return load(finished_run())


@pytest.fixture(scope="module")
def exported(result, tmp_path_factory):
    return result.export(tmp_path_factory.mktemp("out") / "notebook")


def test_every_file_of_the_notebook_is_there(exported):
    assert set(NAMES) == NOTEBOOK_FILES == {path.name for path in exported.path.iterdir()}
    assert not exported.missing and dict(exported.files) == {p.name: p.stat().st_size for p in exported.path.iterdir()}


def test_arrays_are_the_runs_own(exported, result):
    for name in ("residuals", "activations", "tokens"):
        np.testing.assert_array_equal(np.load(exported.path / f"{name}.npy", allow_pickle=False), result.collection.array(name))
    np.testing.assert_array_equal(np.load(exported.path / "ica_directions.npy"), result.arrays["directions"])
    np.testing.assert_array_equal(np.load(exported.path / "ica_activations.npy"), result.arrays["sources"])


def test_json_has_the_notebooks_keys_and_the_results_numbers(exported, result):
    record = json.loads((exported.path / "ica_dark_matter_results.json").read_text())
    for key, inner in NOTEBOOK_KEYS.items():
        assert key in record
        assert inner is None or set(record[key]) == inner
    results = result.results
    assert record["layer"] == 2 and record["tokens_analyzed"] == results.collect.tokens_kept
    assert record["n_ica_components"] == record["ica"]["n_components"] == K
    variances = record["variance_analysis"]
    assert variances["fraction_unexplained_by_sae"] == pytest.approx(1 - 0.83)
    assert variances["residual_variance"] / variances["total_activation_variance"] == pytest.approx(1 - 0.83)
    assert record["residual_kurtosis"]["std"] == results.diagnose.kurtosis.sd
    similar = record["ica_sae_similarity"]
    counts = (
        similar["low_similarity_count_lt_0.3"],
        similar["medium_similarity_count_0.3_to_0.8"],
        similar["high_similarity_count_gt_0.8"],
    )
    assert counts == (results.match.novel, results.match.partial, results.match.known) and sum(counts) == K
    assert record["darkframe"]["components_that_beat_the_null"] == results.conclusion.beat_null
    assert record["darkframe"]["converged"] is False


def test_a_folder_with_such_files_is_kept_unless_forced(exported, result):
    before = (exported.path / "residuals.npy").read_bytes()
    (exported.path / "residuals.npy").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"already holds residuals.npy.*--force"):
        result.export(exported.path)
    assert (exported.path / "residuals.npy").read_bytes() == b"mine"
    result.export(exported.path, force=True)
    assert (exported.path / "residuals.npy").read_bytes() == before


def test_other_files_in_the_folder_do_not_matter(result, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    result.export(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine" and (tmp_path / "tokens.npy").exists()


def test_activations_that_were_not_kept_are_named_and_the_rest_is_written(tmp_path):
    kept = collected(tmp_path / "cache", keep_activations=False)
    result = load(copied_run(tmp_path / "run", collection={"key": kept.key, "path": str(kept.path)}))
    exported = result.export(tmp_path / "out")
    assert {path.name for path in exported.path.iterdir()} == NOTEBOOK_FILES - {"activations.npy"}
    assert len(exported.missing) == 1 and "activations.npy was not written" in exported.missing[0]
    assert "study.keep_activations=true" in exported.missing[0]


def test_a_deleted_cache_entry_is_named_and_the_rest_is_written(tmp_path):
    result = load(copied_run(tmp_path / "run", collection={"path": str(tmp_path / "gone")}))
    exported = result.export(tmp_path / "out")
    assert {path.name for path in exported.path.iterdir()} == NOTEBOOK_FILES - {"residuals.npy", "activations.npy", "tokens.npy"}
    assert "gone" in exported.missing[0] and "Run the study with the same options again" in exported.missing[0]


def test_a_file_in_the_way_is_refused(result, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is not a folder"):
        result.export(tmp_path / "file")


def test_arrays_are_copied_in_blocks(result, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "_BLOCK", 1000)
    seen = []

    class Task:
        def advance(self, amount=1):
            seen.append(amount)

        def note(self, text):
            pass

    class Progress(QuietProgress):
        def task(self, label, total, unit):
            import contextlib

            seen.append(("total", total))
            return contextlib.nullcontext(Task())

    result.export(tmp_path / "out", progress=Progress())
    amounts = [item for item in seen if not isinstance(item, tuple)]
    assert max(amounts) <= 1000 and seen[0] == ("total", sum(amounts))


def test_layer_is_read_off_the_site():
    results = fake_results()
    assert notebook_results(results)["layer"] == 2
    for hook, layer in {"hook_embed": None, "layers.11": 11, "blocks.6.hook_resid_pre": 6}.items():
        assert notebook_results(dataclasses.replace(results, source={**results.source, "hook_point": hook}))["layer"] == layer


def test_plots_that_were_never_saved_are_drawn(tmp_path):
    path = copied_run(tmp_path / "run")
    (path / "figures" / "residual_pca.png").unlink()
    load(path).export(tmp_path / "out")
    assert (tmp_path / "out" / "residual_pca.png").read_bytes().startswith(b"\x89PNG")
