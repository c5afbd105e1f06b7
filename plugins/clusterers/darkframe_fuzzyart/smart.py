"""The clusterer ``smart``: SMART (Bartfai 1994) over Fuzzy ART, or over any other base with vigilance."""

from __future__ import annotations

from darkframe_fuzzyart.engine import Rule
from darkframe_fuzzyart.hierarchy import Hierarchy
from darkframe_fuzzyart.plugin import SmartParams


class Smart(Hierarchy):
    """SMART over ``gpu-fuzzyart``."""

    def __init__(self, params: SmartParams | None = None) -> None:
        self.params = params or SmartParams()
        rules = tuple(Rule(rho, self.params.alpha, self.params.beta) for rho in self.params.rho)
        super().__init__("smart", rules, self.params.engine, self.params.threads)
