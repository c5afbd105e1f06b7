"""``pca`` against scikit-learn in float64."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.decomposition import PCA as Reference
from support.mixtures import planted

from darkframe import DataError, FitContext, ParameterError
from darkframe.numerics.rows import ArrayRows
from darkframe.testing import check_decomposer
from darkframe_pca.pca import PCA
from darkframe_pca.plugin import PCAParams


def fit(rows, wanted=None, **context):
    return PCA(PCAParams(wanted)).fit(ArrayRows(rows), FitContext(**context))


@pytest.mark.parametrize("mean", [0.0, 300.0])
def test_agrees_with_scikit_learn(mean):
    rows = planted(20_000, 8, 40, mean=mean).rows
    ours, theirs = fit(rows, 8), Reference(8, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_allclose(ours.explained_total, theirs.explained_variance_ratio_.sum(), rtol=1e-5)
    np.testing.assert_allclose(ours.mean, theirs.mean_, rtol=1e-6, atol=1e-6)
    for k in (1, 3, 8):
        assert np.sin(scipy.linalg.subspace_angles(ours.patterns[:k].T, theirs.components_[:k].T)).max() < 1e-4
    assert ours.diagnostics.converged
    assert ours.diagnostics.iterations == 0


def test_sources_are_white_and_rebuild_the_rows():
    rows = planted(5000, 6, 12, noise=0.0, mean=20.0).rows
    result = fit(rows, 6)
    sources = result.transform(rows)
    np.testing.assert_allclose(np.cov(sources.T), np.eye(6), atol=1e-4)
    np.testing.assert_allclose(result.mean + sources @ result.patterns, rows, atol=2e-4)
    np.testing.assert_allclose(result.filters @ result.patterns.T, np.eye(6), atol=1e-9)


def test_the_recommended_number_is_taken_and_clamped():
    rows = planted(500, 6, 12).rows
    assert len(fit(rows, n_components=5).patterns) == 5
    assert len(fit(rows, n_components=100).patterns) == 12
    total = fit(rows).explained
    assert total.sum() >= 0.9 > total[:-1].sum()


def test_more_components_than_there_can_be():
    rows = planted(500, 6, 12).rows
    with pytest.raises(ParameterError, match="n_components = 13 is too many: the rows have only 12 dimensions"):
        fit(rows, 13)
    with pytest.raises(ParameterError, match="10 rows have only 9 independent directions"):
        fit(rows[:10], 10)


def test_fewer_directions_than_asked_for():
    flat = planted(500, 3, 12, noise=0.0).rows.astype(np.float64) @ np.diag([1.0] * 3 + [0.0] * 9)
    result = fit(flat.astype(np.float32), 5)
    assert len(result.patterns) == 3
    assert "Only 3 of the 5 components" in result.diagnostics.warnings[0]


def test_a_direction_that_is_only_rounding_is_left_out():
    rows = planted(20_000, 24, 24).rows
    rows -= rows.mean(axis=1, keepdims=True)  # as centred weights leave the residual stream
    assert len(fit(rows, 24).patterns) == 23


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite(bad):
    rows = planted(500, 6, 12).rows
    rows[17, 3] = bad
    with pytest.raises(DataError, match="NaN or infinite"):
        fit(rows, 3)


def test_rows_without_variance():
    with pytest.raises(DataError, match="no variance"):
        fit(np.full((50, 4), 2.5, np.float32), 2)
    with pytest.raises(DataError, match="at least two rows"):
        fit(np.ones((1, 4), np.float32), 1)


def test_keeps_the_contract():
    check_decomposer(PCA)
