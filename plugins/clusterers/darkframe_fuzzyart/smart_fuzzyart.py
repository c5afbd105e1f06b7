"""SMART over Fuzzy ART itself: all levels learn in one pass over the rows."""

from __future__ import annotations

from darkframe import ParameterError
from darkframe_fuzzyart.engine import Rule
from darkframe_fuzzyart.hierarchy import Hierarchy
from darkframe_fuzzyart.plugin import SmartParams
from darkframe_fuzzyart.smart import DEFAULT_BASE, NAME, Smart, check_levels


class SmartFuzzyART(Hierarchy, Smart):
    """SMART over ``gpu-fuzzyart``.

    Args:
        params: Vigilance of each level, choice parameter, learning rate, engine, threads.

    Raises:
        ParameterError: The vigilances do not rise, or parameters of other bases are given.
    """

    def __init__(self, params: SmartParams | None = None) -> None:
        self.params = params or SmartParams()
        if self.params.base_params:
            raise ParameterError(
                f"clusterer.base_params is for other bases than {DEFAULT_BASE}.",
                hint="Set clusterer.alpha, clusterer.beta, clusterer.engine or clusterer.threads themselves.",
            )
        check_levels(self.params.rho, "rising", DEFAULT_BASE)
        rules = tuple(Rule(rho, self.params.alpha, self.params.beta) for rho in self.params.rho)
        super().__init__(NAME, rules, self.params.engine, self.params.threads)
