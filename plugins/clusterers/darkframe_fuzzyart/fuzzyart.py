"""The clusterer ``gpu-fuzzyart``: flat Fuzzy ART (Carpenter, Grossberg & Rosen 1991), exact."""

from __future__ import annotations

from darkframe_fuzzyart.engine import Rule
from darkframe_fuzzyart.hierarchy import Hierarchy
from darkframe_fuzzyart.plugin import FuzzyARTParams


class FuzzyART(Hierarchy):
    """Fuzzy ART with complement coding, one pass over the rows in the order given.

    Args:
        params: Vigilance rho, choice parameter alpha, learning rate beta, engine, threads.
    """

    def __init__(self, params: FuzzyARTParams | None = None) -> None:
        self.params = params or FuzzyARTParams()
        rule = Rule(self.params.rho, self.params.alpha, self.params.beta)
        super().__init__("gpu-fuzzyart", (rule,), self.params.engine, self.params.threads)
