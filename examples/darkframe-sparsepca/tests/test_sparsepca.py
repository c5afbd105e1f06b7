"""Against scikit-learn's own estimators on all rows, and against sparse directions that were planted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from darkframe import DataError, Decomposition, FitContext, ParameterError, UserError
from darkframe.numerics.rows import ArrayRows
from numpy.typing import NDArray
from sklearn import decomposition

from darkframe_sparsepca.decomposer import SparsePCA
from darkframe_sparsepca.plugin import SparsePCAParams

Array = NDArray[Any]
K, D, N = 5, 30, 4000


def planted(seed: int = 0) -> tuple[Array, Array]:
    """(N, D) rows about a mean, and the (K, D) sparse directions of length 1 that they are sums of."""
    rng = np.random.default_rng(seed)
    directions = np.zeros((K, D))
    for row in directions:
        row[rng.choice(D, 5, replace=False)] = rng.choice([-1, 1], 5) * rng.uniform(0.5, 1, 5)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rows = rng.normal(size=(N, K)) * np.linspace(3, 2, K) @ directions + 0.2 * rng.normal(size=(N, D)) + 7
    return rows.astype(np.float32), directions


def fit(rows: Array, *, k: int = K, **parameters: Any) -> Decomposition:
    return SparsePCA(SparsePCAParams(n_components=k, **parameters)).fit(ArrayRows(rows), FitContext())


def best(found: Array, wanted: Array) -> Array:
    """Largest |cos| of each wanted direction with a found one."""
    return np.asarray(np.abs(wanted @ found.T).max(axis=1))


def scikit_learns_alpha(rows: Array, alpha: float) -> float:
    """Of an alpha in units of the rows' root mean variance: its own counts every row."""
    return float(alpha * np.sqrt((len(rows) - 1) * rows.var(axis=0, ddof=1, dtype=np.float64).mean()))


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_components_are_those_of_scikit_learns_estimator_on_all_rows(alpha: float) -> None:
    rows, _ = planted()
    found = fit(rows, alpha=alpha, tol=1e-9)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    model = decomposition.SparsePCA(
        K, alpha=scikit_learns_alpha(rows, alpha), method="cd", tol=1e-9, random_state=0, ridge_alpha=0.01
    ).fit(centred)
    order = np.abs(found.patterns @ model.components_.T).argmax(axis=1)
    signs = np.sign(np.einsum("kd,kd->k", found.patterns, model.components_[order]))[:, None]
    np.testing.assert_allclose(found.patterns, signs * model.components_[order], atol=2e-4)
    sources = model.transform(centred[:100])[:, order] * signs[:, 0]
    np.testing.assert_allclose(centred[:100] @ found.filters.T, sources, atol=5e-3)
    objective = scikit_learns_alpha(rows, 1) ** 2
    assert found.diagnostics.details["objective"] == pytest.approx(model.error_[-1] / objective, rel=1e-4)


def test_sparse_directions_are_found_where_principal_axes_are_not_them() -> None:
    rows, directions = planted()
    assert best(fit(rows, alpha=0.1).patterns, directions).min() > 0.97
    assert best(decomposition.PCA(K).fit(rows).components_, directions).min() < 0.9


def test_alpha_decides_how_many_loadings_there_are() -> None:
    rows, _ = planted()
    counts = [np.count_nonzero(fit(rows, alpha=alpha).patterns) for alpha in (0, 0.02, 0.1, 0.3)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == K * D
    assert counts[-1] < K * 10


def test_alpha_means_the_same_whatever_the_number_and_the_scale_of_the_rows() -> None:
    rows, _ = planted()
    found = fit(rows, alpha=0.1)
    np.testing.assert_allclose(fit(rows * np.float32(64), alpha=0.1).patterns, found.patterns, atol=1e-6)
    np.testing.assert_allclose(fit(np.vstack([rows, rows]), alpha=0.1).patterns, found.patterns, atol=1e-4)


def test_shares_are_those_of_spans_and_of_the_reconstruction() -> None:
    rows, _ = planted()
    found = fit(rows, alpha=0.1)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    total, before = float((centred**2).sum()), 0.0
    for i, explained in enumerate(found.explained):
        basis = np.linalg.qr(found.patterns[: i + 1].T)[0]
        within = float(((centred @ basis) ** 2).sum()) / total
        assert explained == pytest.approx(within - before, abs=1e-6)
        before = within
    rest = centred - centred @ found.filters.T @ found.patterns
    assert found.explained_total == pytest.approx(1 - float((rest**2).sum()) / total, abs=1e-6)
    assert found.explained_total == pytest.approx(found.explained.sum(), abs=1e-3)  # the ridge is small


def test_without_a_ridge_dependent_components_do_no_harm() -> None:
    rows, _ = planted()
    found = fit(rows, k=12, alpha=0.1, ridge_alpha=0.0)
    assert np.isfinite(found.filters).all()
    assert found.explained_total <= 1 + 1e-9


def test_components_come_by_variance_their_largest_loading_positive() -> None:
    rows, _ = planted()
    found = fit(rows, alpha=0.1)
    along = (((rows - rows.mean(axis=0)) @ found.patterns.T) ** 2).mean(axis=0)
    assert (np.diff(along) <= 0).all()
    assert (found.patterns[np.arange(len(along)), np.abs(found.patterns).argmax(axis=1)] > 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.patterns, axis=1), 1)


def test_stopping_early_is_told() -> None:
    rows, _ = planted()
    short = fit(rows, alpha=0.1, max_iter=2).diagnostics
    assert not short.converged and short.iterations == 2
    assert short.warnings == ("Sparse PCA stopped at max_iter = 2.",)
    whole = fit(rows, alpha=0.1).diagnostics
    assert whole.converged and whole.warnings == () and 2 < whole.iterations < 1000


def test_components_without_loadings_are_left_out_and_told() -> None:
    rows, _ = planted()
    found = fit(rows, k=20, alpha=0.5)
    assert len(found.patterns) < 20
    assert f"{20 - len(found.patterns)} of 20 components have no loading left at alpha = 0.5." in found.diagnostics.warnings
    with pytest.raises(UserError, match="leaves none of 5 components any loading") as caught:
        fit(rows, alpha=1e6)
    assert "alpha" in caught.value.hint


def test_rows_are_never_gone_through() -> None:
    """Only their mean and covariance are asked for, so that memory does not grow with their number."""
    rows, _ = planted()

    class Untouched(ArrayRows):
        def blocks(self, size: int = 8192) -> Iterator[Any]:
            raise AssertionError("the rows were gone through")

        def sample(self, n: int, seed: int) -> Any:
            raise AssertionError("rows were drawn")

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            raise AssertionError("all rows were asked for")

    class Given(Untouched):
        mean = rows.mean(axis=0, dtype=np.float64)
        covariance = np.cov(rows.astype(np.float64), rowvar=False)

    found = SparsePCA(SparsePCAParams(n_components=K)).fit(Given(rows), FitContext())
    np.testing.assert_allclose(found.patterns, fit(rows).patterns, atol=1e-5)


def test_progress_is_told_and_ctrl_c_comes_through() -> None:
    from darkframe.testing.watching import InterruptingProgress

    rows, _ = planted()
    progress = InterruptingProgress(at=4)  # within the iterations, not before them
    with pytest.raises(KeyboardInterrupt):
        SparsePCA(SparsePCAParams()).fit(ArrayRows(rows), FitContext(n_components=3, progress=progress))
    assert progress.tasks[0].closed


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (np.ones((10, 8), np.float32), DataError, "All 10 rows are the same"),
        (np.full((10, 8), np.nan, np.float32), DataError, "NaN"),
        (np.eye(4, dtype=np.float32), ParameterError, "n_components = 5 is too many"),
    ],
)
def test_rows_that_cannot_be_decomposed_are_refused(rows: Array, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit(rows)


def test_declaring_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, darkframe_sparsepca.plugin; print([m for m in ('numpy', 'sklearn', 'scipy', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
