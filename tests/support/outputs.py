"""What a finished dark-matter study must have left."""

import json

import numpy as np

from darkframe.result import load

FIGURES = {
    "overview",
    "components_vs_null",
    "ica_sae_similarity",
    "ica_vs_sae_kurtosis",
    "residual_kurtosis",
    "residual_pca",
    "stability",
}
NOTEBOOK = {"residuals.npy", "activations.npy", "tokens.npy", "ica_directions.npy", "ica_activations.npy"}
NOTEBOOK |= {f"{name}.png" for name in FIGURES - {"overview", "components_vs_null", "stability"}}
STEPS = {"collect", "diagnose", "pca", "decompose", "stability", "match", "interpret", "compare", "conclusion", "doctor"}


def check_every_output(run, tokens, exported):
    """Every figure, array, record and page of a run of so many tokens is there, and its export holds the notebook's files."""
    results = json.loads((run / "results.json").read_text())
    assert results.keys() >= STEPS and all(results[step] for step in STEPS)
    assert results["collect"]["tokens_kept"] == tokens
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "done"
    pictures = {path.name for path in (run / "figures").iterdir() if path.stat().st_size > 5000}
    assert pictures >= {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")}
    assert "</html>" in (run / "report.html").read_text() and (run / "log.txt").is_file()
    result = load(run)
    k, d = result.arrays["directions"].shape
    assert d == manifest["source"]["d_model"]
    np.testing.assert_allclose(np.linalg.norm(result.arrays["directions"], axis=1), 1, atol=1e-5)
    assert len(result.tables["components"]) == k
    result.export(exported)
    assert {path.name for path in exported.iterdir()} >= NOTEBOOK | {"ica_dark_matter_results.json"}
    assert np.load(exported / "residuals.npy", mmap_mode="r").shape == (tokens, d)
    assert np.load(exported / "ica_activations.npy", mmap_mode="r").shape == (tokens, k)
    return manifest
