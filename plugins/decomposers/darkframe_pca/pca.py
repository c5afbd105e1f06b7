"""Principal component analysis from the exact streamed covariance: one float64 eigendecomposition, no pass over the rows."""

from __future__ import annotations

import numpy as np

from darkframe import Decomposition, Diagnostics, FitContext, Rows
from darkframe.numerics.components import fewer_components, fit_whitening
from darkframe_pca.plugin import PCAParams


class PCA:
    """Principal components, scaled so that every source has unit variance.

    With covariance V diag(λ) Vᵀ: pattern k is √λ_k v_k, filter k is v_k / √λ_k, and component k explains λ_k / Σλ of the
    variance. The largest entry of each v_k is positive; components come in the order of λ.
    """

    def __init__(self, params: PCAParams | None = None) -> None:
        self.params = params or PCAParams()

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows.

        Args:
            rows: (N, d) rows; only their mean and covariance are used.
            context: Gives the recommended number of components.

        Raises:
            ParameterError: More components asked for than dimensions or rows allow.
            DataError: Rows that are not finite, fewer than two, or all the same.
        """
        whitening = fit_whitening(rows, self.params.n_components, context)
        identity = np.eye(whitening.k)
        explained = whitening.variances / whitening.total_variance
        return Decomposition(
            mean=whitening.mean,
            patterns=whitening.patterns(identity),
            filters=whitening.filters(identity),
            explained=explained,
            explained_total=float(min(explained.sum(), 1.0)),
            diagnostics=Diagnostics(
                converged=True,
                iterations=0,
                warnings=fewer_components(self.params.n_components, whitening, context),
                details={"variances": whitening.variances.tolist(), "total_variance": whitening.total_variance},
            ),
        )
