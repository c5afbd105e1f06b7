"""Gaussian ART (Williamson 1996): Gaussians with a standard deviation for each dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.compiled import compiled_or_none, one_class
from darkframe_artlib.plugin import GaussianARTParams
from darkframe_artlib.single import Growing, Model
from darkframe_artlib.spheres import length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64
    from darkframe_artlib.learning import Native


class GaussianART(Growing[GaussianARTParams]):
    """artlib's Gaussian ART, compiled (its ARTMAP with one class, which never tracks a match) or Python.

    A category's weight is its mean µ (d), σ (d), 1 / σ² (d), Πσ and its number of rows.
    """

    name: ClassVar[str] = "gaussianart"
    params_type: ClassVar[type[Any]] = GaussianARTParams
    match_text: ClassVar[str] = "exp(−½ Σ((x − µ) / σ)²), the Gaussian's height at the row over that at its mean"
    tight: ClassVar[str] = (
        "A Gaussian's height falls with the sum over all dimensions: cluster fewer of them (taxonomy.pca_dims), let "
        "sigma_init grow with them (sigma_unit=half-diagonal), or lower rho."
    )

    def _sigma(self, d: int) -> F64:
        return np.full(d, length(self.params.sigma_init, self.params.sigma_unit, d))

    def module(self, d: int) -> Any:
        return artlib.GaussianART(float(self.params.rho), self._sigma(d), float(self.params.alpha))

    def native(self, d: int) -> Native | None:
        def load() -> Any:
            from artlib.optimized.backends.cpp.cppGaussianARTMAP import fit

            return fit

        fit = compiled_or_none(self.params, "GaussianARTMAP", load)
        return fit and one_class(fit, rho=self.params.rho, alpha=self.params.alpha, sigma_init=self._sigma(d))

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        d = model.dims
        squares = np.empty((len(rows), len(model.weights)))
        for k, weight in enumerate(model.weights):
            squares[:, k] = np.square(rows - weight[:d]) @ weight[2 * d : 3 * d]
        match: F64 = np.exp(-0.5 * squares)
        shares = model.weights[:, -1] / model.weights[:, -1].sum()
        return match / (self.params.alpha + model.weights[:, -2]) * shares, match

    def weight_length(self, d: int) -> int:
        return 3 * d + 2
