"""Bayesian ART (Vigdor & Lerner 2007): Gaussians with a full covariance, whose volume vigilance bounds from above."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe import UserError
from darkframe_artlib.plugin import BayesianARTParams
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, Bool

_MOST_DIMS = 386  # (2π)^d, which artlib takes as a Python number, overflows above


class BayesianART(Growing[BayesianARTParams]):
    """artlib's Bayesian ART, in Python. Its vigilance is inverted: a row joins where det(covariance) stays at or below rho.

    A category's weight is its mean (d), its covariance (d · d) and its number of rows.
    """

    name: ClassVar[str] = "bayesianart"
    params_type: ClassVar[type[Any]] = BayesianARTParams
    match_text: ClassVar[str] = (
        "det of the cluster's covariance once the row is added (rho_of=dimension: its d-th root); must not exceed rho"
    )
    loose: ClassVar[str] = (
        "Vigilance is inverted here: LOWER rho for smaller clusters. A new cluster's det is cov_init^d, so rho must be of that "
        "size (rho_of=dimension compares the d-th root), and cov_init of that of the clusters' variance."
    )
    tight: ClassVar[str] = "Vigilance is inverted here: RAISE rho for larger clusters (a new one's det is cov_init^d)."

    def passes(self, match: F64, d: int) -> Bool:
        passed: Bool = match <= self.params.rho
        return passed

    def check(self, rows: NDArray[Any]) -> None:
        d = rows.shape[1]
        if d > _MOST_DIMS:
            raise UserError(
                f"bayesianart cannot work in {d} dimensions: the (2π)^d in artlib's density overflows above {_MOST_DIMS}.",
                hint="Cluster fewer dimensions (taxonomy.pca_dims=N).",
            )
        least = math.log(np.finfo(np.float64).tiny)
        small = min(math.log(self._largest(d)) if self._largest(d) else -math.inf, d * math.log(self.params.cov_init)) < least
        if small:
            raise UserError(
                f"bayesianart cannot tell covariances apart in {d} dimensions: rho or cov_init to that power is beyond float64.",
                hint="Cluster fewer dimensions (taxonomy.pca_dims=N).",
            )

    def _largest(self, d: int) -> float:
        """The determinant that a cluster may reach."""
        return float(self.params.rho if self.params.rho_of == "determinant" else np.power(np.float64(self.params.rho), d))

    def module(self, d: int) -> Any:
        return artlib.BayesianART(self._largest(d), float(self.params.cov_init) * np.eye(d))

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        """The match by the determinant lemma: C' = n/(n+1) C + 1/(n+1) r rᵀ with r = n/(n+1) (x − µ)."""
        d, total = model.dims, model.weights[:, -1].sum()
        choice, match = np.empty((2, len(rows), len(model.weights)))
        for k, weight in enumerate(model.weights):
            covariance, n = weight[d:-1].reshape(d, d), weight[-1]
            apart = rows - weight[:d]
            quadratic = ((apart @ np.linalg.inv(covariance)) * apart).sum(axis=1)
            det, kept = float(np.linalg.det(covariance)), n / (n + 1)
            choice[:, k] = np.exp(-0.5 * quadratic) / np.sqrt((2 * math.pi) ** d * det) * (n / total)
            match[:, k] = kept**d * det * (1 + kept**2 * quadratic / n)
        return choice, match if self.params.rho_of == "determinant" else match ** (1 / d)

    def remarks(self, rows: NDArray[Any], model: Model) -> tuple[str, ...]:
        return ("Vigilance of Bayesian ART is inverted: a lower rho makes smaller clusters.",)

    def weight_length(self, d: int) -> int:
        return d + d * d + 1
