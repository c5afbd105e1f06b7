from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fake_distributions import Site
from sklearn import decomposition

from darkframe import DataError, FitContext, PluginError, UserError, param
from darkframe.adapters import SklearnDecomposer
from darkframe.numerics.rows import ArrayRows
from darkframe.registry import Registry

DOCS = Path(__file__).parent.parent / "docs" / "sklearn-plugins.md"


def adapter(name, **attributes):
    return type(name, (SklearnDecomposer,), {"estimator": f"sklearn.decomposition:{name}", **attributes})


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = rng.laplace(size=(4000, 4)) @ rng.normal(size=(4, 12)) + rng.uniform(0.1, 0.5, 12) * rng.normal(size=(4000, 12)) + 50
    return ArrayRows(x.astype(np.float32))


@pytest.fixture(scope="module")
def centred(rows):
    return np.asarray(rows, np.float64) - rows.mean


def share(centred, fitted, components=slice(None)):
    """Share of variance, by taking the reconstruction away from every row."""
    filters, patterns = fitted.filters[components], fitted.patterns[components]
    return 1 - ((centred - centred @ filters.T @ patterns) ** 2).sum() / (centred**2).sum()


@pytest.mark.parametrize("name", ["PCA", "FactorAnalysis", "FastICA", "TruncatedSVD", "IncrementalPCA"])
def test_the_maps_are_the_estimators_own(rows, centred, name):
    fitted = adapter(name)().fit(rows, FitContext(seed=3, n_components=4))
    model = getattr(decomposition, name)(n_components=4, **({"random_state": 3} if name != "IncrementalPCA" else {})).fit(centred)
    np.testing.assert_allclose(centred @ fitted.filters.T, model.transform(centred), atol=1e-8)
    np.testing.assert_allclose(fitted.transform(np.asarray(rows)), model.transform(centred), atol=2e-3)
    if hasattr(model, "inverse_transform"):
        sources = model.transform(centred)
        np.testing.assert_allclose(sources @ fitted.patterns, model.inverse_transform(sources), atol=1e-8)


def test_factor_analysis_gives_its_posterior_mean(rows, centred):
    fitted = adapter("FactorAnalysis")().fit(rows, FitContext(n_components=4))
    model = decomposition.FactorAnalysis(n_components=4, random_state=42).fit(centred)
    loadings, noise = model.components_, model.noise_variance_
    posterior = np.linalg.inv(np.eye(4) + (loadings / noise) @ loadings.T) @ (loadings / noise)
    np.testing.assert_allclose(fitted.filters, posterior, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(fitted.patterns, loadings)


@pytest.mark.parametrize("name", ["PCA", "FactorAnalysis", "FastICA"])
def test_explained_shares_are_what_the_reconstruction_leaves(rows, centred, name):
    fitted = adapter(name)().fit(rows, FitContext(n_components=4))
    assert fitted.explained_total == pytest.approx(share(centred, fitted), abs=1e-6)
    for i in range(4):
        assert fitted.explained[i] == pytest.approx(share(centred, fitted, [i]), abs=1e-6)


def test_whitened_pca_keeps_patterns_and_filters_apart(rows, centred):
    @dataclass(frozen=True)
    class Whiten:
        whiten: bool = param(True, help="Unit variance.")

    fitted = adapter("PCA")(Whiten()).fit(rows, FitContext(n_components=4))
    assert (centred @ fitted.filters.T).std(axis=0, ddof=1) == pytest.approx(1)
    assert fitted.explained_total == pytest.approx(share(centred, fitted), abs=1e-6)
    np.testing.assert_allclose(fitted.filters @ fitted.patterns.T, np.eye(4), atol=1e-9)


def test_not_converging_is_told(rows):
    @dataclass(frozen=True)
    class Short:
        max_iter: int = param(1, help="Iterations.")

    diagnostics = adapter("FastICA")(Short()).fit(rows, FitContext(n_components=4)).diagnostics
    assert not diagnostics.converged
    assert diagnostics.iterations == 1
    assert any("converge" in sentence for sentence in diagnostics.warnings)
    assert adapter("FastICA")().fit(rows, FitContext(n_components=4)).diagnostics.converged


class Clipping:
    def __init__(self, n_components=2):
        self.n_components = n_components

    def get_params(self):
        return {"n_components": self.n_components}

    def fit(self, x):
        self.components_ = np.linalg.svd(x, full_matrices=False)[2][: self.n_components]
        return self

    def transform(self, x):
        return np.maximum(x @ self.components_.T, 0)


def test_a_transform_that_is_not_linear_is_refused_or_replaced(rows, centred):
    class Refused(SklearnDecomposer):
        estimator = Clipping

    class Replaced(Refused):
        filters_from = "pinv"

    with pytest.raises(PluginError, match="not linear") as caught:
        Refused().fit(rows, FitContext(n_components=2))
    assert "pinv" in caught.value.hint
    fitted = Replaced().fit(rows, FitContext(n_components=2))
    sources = np.linalg.lstsq(fitted.patterns.T, centred.T, rcond=None)[0].T
    np.testing.assert_allclose(centred @ fitted.filters.T, sources, atol=1e-8)
    assert "least-squares" in fitted.diagnostics.warnings[0]


def test_a_parameter_the_estimator_does_not_take_is_told(rows):
    @dataclass(frozen=True)
    class Wrong:
        colour: str = param("red", help="No such thing.")

    with pytest.raises(PluginError, match="PCA takes no colour"):
        adapter("PCA")(Wrong()).fit(rows, FitContext())


def test_more_components_than_dimensions_is_the_users_mistake(rows):
    with pytest.raises(UserError, match="13 components were asked for, but 4000 rows of 12 dimensions have 12 at most"):
        adapter("PCA")().fit(rows, FitContext(n_components=13))


def test_nan_rows_are_refused():
    x = np.zeros((10, 3), np.float32)
    x[4, 1] = np.nan
    with pytest.raises(DataError, match="NaN"):
        adapter("PCA")().fit(ArrayRows(x), FitContext(n_components=2))


def test_the_seed_decides_and_the_rows_stay_as_they_are(rows):
    before = np.array(rows)
    fits = [adapter("FastICA")().fit(rows, FitContext(seed=seed, n_components=4)).patterns for seed in (1, 1, 2)]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])
    np.testing.assert_array_equal(np.array(rows), before)


def test_the_documented_plugin_works_as_it_stands(tmp_path, rows, centred):
    (module,) = [
        text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "FactorAnalysisParams" in text
    ]
    entry_point = re.findall(r"\[project.entry-points.darkframe\]\n(.*?) = \"(.*?)\"", DOCS.read_text())[1]
    site = Site(tmp_path / "site")
    site.install("darkframe-factor-analysis", dict([entry_point]), {f"{entry_point[1]}.py": module})
    with site.active():
        registry = Registry.discover({"DARKFRAME_PLUGINS": "darkframe-factor-analysis"})
        assert registry.problems == []
        found = registry.get("decomposer", "factor-analysis")
        fitted = found.load()(found.info.params(n_components=4)).fit(rows, FitContext())
    assert fitted.diagnostics.converged
    model = decomposition.FactorAnalysis(4, tol=1e-4, max_iter=1000, random_state=42).fit(centred)
    np.testing.assert_allclose(centred @ fitted.filters.T, model.transform(centred), atol=1e-8)
    told = site.command("describe", "decomposer", "factor-analysis")
    assert "decomposer.tol = 0.0001" in told.stdout
    assert "darkframe-factor-analysis 1.0" in told.stdout


@pytest.mark.parametrize("name", ["PCA", "FactorAnalysis"])
def test_adapted_estimators_pass_the_conformance_checks(name):
    from darkframe.testing import check_decomposer

    assert check_decomposer(adapter(name))
