"""Fuzzy ART (Carpenter, Grossberg & Rosen 1991): hyper-boxes over complement-coded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.compiled import compiled_or_none
from darkframe_artlib.learning import overlaps
from darkframe_artlib.plugin import FuzzyARTParams
from darkframe_artlib.rows import complement
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64
    from darkframe_artlib.learning import Native

MATCH = "|I ∧ w| / d: 1 inside the box, less by the mean distance outside it and by the box's mean width"


def box_scores(rows: NDArray[Any], weights: NDArray[Any], alpha: float) -> tuple[F64, F64]:
    """Choice T = |I ∧ w| / (α + |w|) and match M = |I ∧ w| / d, each (n, K)."""
    common = overlaps(rows, weights)
    return common / (alpha + weights.sum(axis=1)), common / (rows.shape[1] // 2)


def box_widths(weights: NDArray[Any]) -> F64:
    """(K,) mean over the dimensions of (1 − w_hi) − w_lo, which is 1 − |w| / d."""
    out: F64 = 1.0 - weights.sum(axis=1, dtype=np.float64) / (weights.shape[1] // 2)
    return out


class FuzzyART(Growing[FuzzyARTParams]):
    """artlib's Fuzzy ART, compiled or Python; the two give the same labels."""

    name: ClassVar[str] = "fuzzyart"
    params_type: ClassVar[type[Any]] = FuzzyARTParams
    match_text: ClassVar[str] = MATCH

    def module(self, d: int) -> Any:
        return artlib.FuzzyART(float(self.params.rho), float(self.params.alpha), float(self.params.beta))

    def native(self, d: int) -> Native | None:
        def load() -> Any:
            from artlib.optimized.backends.cpp.cppFuzzyART import fit

            return fit

        fit = compiled_or_none(self.params, "FuzzyART", load)
        p = self.params
        return fit and (lambda rows, weights: fit(rows, rho=p.rho, alpha=p.alpha, beta=p.beta, weights=weights))

    def code(self, scaled: F64) -> F64:
        return complement(scaled)

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        return box_scores(rows, model.weights, self.params.alpha)

    def widths(self, model: Model) -> F64 | None:
        return box_widths(model.weights)

    def boxes(self, level: int) -> tuple[F64, F64]:
        """Lower and upper corners (clusters, d) of the boxes in scaled units, where 0 and 1 are the bounds.

        Raises:
            UserError: It was not fitted, or has no such level.
        """
        model = self._fitted()
        self._refuse_level(level)
        return model.weights[:, : model.dims].copy(), 1.0 - model.weights[:, model.dims :]

    def weight_length(self, d: int) -> int:
        return 2 * d
