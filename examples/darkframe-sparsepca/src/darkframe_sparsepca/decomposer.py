"""The decomposer: sparse PCA of any number of rows in the memory of their covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from darkframe import Decomposition, Diagnostics, FitContext, Rows, UserError
from darkframe.numerics.components import fit_whitening
from darkframe.numerics.whitening import principal_components

from darkframe_sparsepca.learning import Learned, learn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe_sparsepca.plugin import SparsePCAParams

    F64 = NDArray[np.float64]


class SparsePCA:
    """Sparse principal components (Zou, Hastie & Tibshirani 2006, as scikit-learn's ``SparsePCA`` states the problem).

    Of N centred rows X (N, d) it minimises ½ ‖X − U V‖² + α ‖V‖₁ over U (N, k) with columns of length ≤ 1 and V (k, d), whose
    rows, at length 1, are the components: **patterns** P. Only XᵀX counts: the best U lies in the span of X's columns, so that a
    rotation of the rows, which leaves every term as it is, turns X into any S with SᵀS = XᵀX. The symmetric root of the
    covariance is such an S. So the rows are not gone through at all, and neither time nor memory grows with N.

    - ``alpha`` is in units of the rows' root mean variance, whatever their number: scikit-learn's is √(N tr C / d) times as much.
    - **filters** are those of scikit-learn's ``transform``: ridge regression on the components, (P Pᵀ + ridge_alpha I)⁻¹ P.
    - Components are in the order of the variance along them, pᵀC p, the largest loading positive. **explained** is what a
      component adds to the span of those before it, qᵀC q / tr C with q what is left of p, at length 1, once its part within
      that span is taken away: never negative, and in sum the share of all of them together without a ridge.
    - **explained_total** is the share that ``mean + sources @ patterns`` explains: (2 tr(F C Pᵀ) − tr(F C Fᵀ P Pᵀ)) / tr C.
    """

    def __init__(self, params: SparsePCAParams) -> None:
        self.params = params

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows, by their mean and covariance alone.

        Raises:
            ParameterError: More components than the rows have dimensions or rows.
            DataError: Fewer than two rows, NaN or infinite values, no variance.
            UserError: ``alpha`` leaves no component anything.
        """
        params = self.params
        k = fit_whitening(rows, params.n_components, context).k
        covariance = np.asarray(rows.covariance, np.float64)
        total = float(np.trace(covariance))
        scale = np.sqrt(total / len(covariance))
        learned = learn(_root(covariance) / scale, k, params, context)
        patterns = _ordered(learned.components, covariance)
        if not len(patterns):
            raise UserError(
                f"alpha = {params.alpha:g} leaves none of {k} components any loading.", hint="Lower decomposer.alpha."
            )
        filters = _filters(patterns, params.ridge_alpha)
        return Decomposition(
            mean=np.asarray(rows.mean, np.float64),
            patterns=patterns,
            filters=filters,
            explained=_added(patterns, covariance) / total,
            explained_total=_together(patterns, filters, covariance) / total,
            diagnostics=self._diagnostics(learned, patterns, k, params.n_components or context.n_components or k),
        )

    def _diagnostics(self, learned: Learned, patterns: F64, k: int, wanted: int) -> Diagnostics:
        import sklearn

        said = list(learned.warnings)
        if k < wanted:
            said.append(f"Only {k} of the {wanted} components asked for have any variance; the rest were left out.")
        if len(patterns) < k:
            said.append(f"{k - len(patterns)} of {k} components have no loading left at alpha = {self.params.alpha:g}.")
        details = {
            "objective": learned.objective,
            "zero loadings": f"{(patterns == 0).mean():.1%}",
            "loadings a component": f"{np.count_nonzero(patterns, axis=1).mean():.1f} of {patterns.shape[1]} on average",
            "scikit-learn": sklearn.__version__,
        }
        return Diagnostics(learned.converged, learned.iterations, tuple(said), details=details)


def _root(covariance: F64) -> F64:
    """The symmetric matrix whose square it is."""
    variances, axes = principal_components(covariance)
    root: F64 = (axes.T * np.sqrt(variances)) @ axes
    return root


def _ordered(components: F64, covariance: F64) -> F64:
    """Components of length 1 with any loading, largest variance first, their largest loading positive."""
    live = components[np.any(components != 0, axis=1)]
    unit = live / np.linalg.norm(live, axis=1, keepdims=True)
    along = np.einsum("kd,kd->k", unit @ covariance, unit)
    unit = unit[np.argsort(-along, kind="stable")]
    largest = np.abs(unit).argmax(axis=1)
    ordered: F64 = unit * np.sign(unit[np.arange(len(unit)), largest])[:, None] + 0.0  # no negative zeros
    return ordered


def _filters(patterns: F64, ridge: float) -> F64:
    """(P Pᵀ + ridge I)⁻¹ P, by the singular values, so that dependent components do no harm without a ridge."""
    left, values, right = np.linalg.svd(patterns, full_matrices=False)
    kept = values > values[0] * len(patterns) * np.finfo(np.float64).eps
    gain = np.where(kept, values / np.where(kept, values**2 + ridge, 1.0), 0.0)
    filters: F64 = (left * gain) @ right
    return filters


def _added(patterns: F64, covariance: F64) -> F64:
    """Variance that each component adds to the span of those before it, (k,)."""
    added, basis = np.zeros(len(patterns)), np.zeros_like(patterns)
    for i, pattern in enumerate(patterns):
        left = pattern
        for _ in range(2):  # once leaves rounding behind when little is left
            left = left - basis[:i].T @ (basis[:i] @ left)
        length = float(np.linalg.norm(left))
        if length > 1e-7:  # else it lies within them
            basis[i] = left / length
            added[i] = basis[i] @ covariance @ basis[i]
    return added


def _together(patterns: F64, filters: F64, covariance: F64) -> float:
    """Variance that ``mean + sources @ patterns`` takes away."""
    read = filters @ covariance
    return float(2 * np.sum(read * patterns) - np.sum((read @ filters.T) * (patterns @ patterns.T)))
