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
    match_text: ClassVar[str] = "det of the cluster's covariance once the row is added to it; inverted: it must not exceed rho"
    loose: ClassVar[str] = (
        "Vigilance is inverted here: LOWER rho for smaller clusters. A new cluster's det is cov_init^d, so rho must be of that "
        "size (rho_of=dimension compares the d-th root), and cov_init of that of the clusters' variance."
    )
    tight: ClassVar[str] = "Vigilance is inverted here: RAISE rho for larger clusters (a new one's det is cov_init^d)."

    def vigilance(self, d: int) -> float:
        rho = float(self.params.rho)
        return rho if self.params.rho_of == "determinant" else float(math.exp(d * math.log(rho)))

    def passes(self, match: F64, d: int) -> Bool:
        passed: Bool = match <= self.vigilance(d)
        return passed

    def check(self, rows: NDArray[Any]) -> None:
        d = rows.shape[1]
        if d > _MOST_DIMS:
            raise UserError(
                f"bayesianart cannot work in {d} dimensions: the (2π)^d in artlib's density overflows above {_MOST_DIMS}.",
                hint="Cluster fewer dimensions (taxonomy.pca_dims=N).",
            )
        least = float(np.finfo(np.float64).tiny)
        try:
            small = min(self.vigilance(d), math.exp(d * math.log(self.params.cov_init))) < least
        except OverflowError:
            small = True
        if small:
            raise UserError(
                f"bayesianart cannot tell covariances apart in {d} dimensions: rho or cov_init to that power is beyond float64.",
                hint="Cluster fewer dimensions (taxonomy.pca_dims=N).",
            )

    def module(self, d: int) -> Any:
        return artlib.BayesianART(self.vigilance(d), float(self.params.cov_init) * np.eye(d))

    def _quadratic(self, rows: NDArray[Any], weight: F64, d: int) -> tuple[F64, float]:
        """(x − µ)ᵀ C⁻¹ (x − µ) of each row with one category, and det C."""
        covariance = weight[d:-1].reshape(d, d)
        apart = rows - weight[:d]
        return ((apart @ np.linalg.inv(covariance)) * apart).sum(axis=1), float(np.linalg.det(covariance))

    def choice(self, rows: NDArray[Any], model: Model) -> F64:
        d, total = model.dims, model.weights[:, -1].sum()
        out = np.empty((len(rows), len(model.weights)))
        for k, weight in enumerate(model.weights):
            quadratic, det = self._quadratic(rows, weight, d)
            out[:, k] = np.exp(-0.5 * quadratic) / np.sqrt((2 * math.pi) ** d * det) * (weight[-1] / total)
        return out

    def match(self, rows: NDArray[Any], model: Model) -> F64:
        """By the determinant lemma: C' = n/(n+1) C + 1/(n+1) r rᵀ with r = n/(n+1) (x − µ)."""
        d = model.dims
        out = np.empty((len(rows), len(model.weights)))
        for k, weight in enumerate(model.weights):
            quadratic, det = self._quadratic(rows, weight, d)
            n = weight[-1]
            kept = n / (n + 1)
            out[:, k] = kept**d * det * (1 + kept**2 * quadratic / n)
        return out

    def remarks(self, rows: NDArray[Any], model: Model) -> tuple[str, ...]:
        return ("Vigilance of Bayesian ART is inverted: a lower rho makes smaller clusters.",)

    def weight_length(self, d: int) -> int:
        return d + d * d + 1
