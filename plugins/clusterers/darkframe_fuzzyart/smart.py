"""The clusterer ``smart``: SMART (Bartfai 1994), over Fuzzy ART or over any other base with vigilance."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from darkframe import ClusterContext, Clustering, ParameterError
from darkframe_fuzzyart.plugin import SmartParams

DEFAULT_BASE = "gpu-fuzzyart"
NAME = "smart"


class Smart:
    """SMART over the base that the parameters name; what is made is a ``SmartFuzzyART`` or a ``SmartOver``.

    Args:
        params: See ``SmartParams``.

    Raises:
        ParameterError: The vigilances are not strictly monotone, the base is ``smart`` itself, or parameters are given that the
            base does not take.
    """

    def __new__(cls, params: SmartParams | None = None) -> Smart:
        """An object of the class for this base."""
        if cls is not Smart:
            return super().__new__(cls)
        if params is None or params.base == DEFAULT_BASE:
            from darkframe_fuzzyart.smart_fuzzyart import SmartFuzzyART

            return super().__new__(SmartFuzzyART)
        from darkframe_fuzzyart.smart_over import SmartOver

        return super().__new__(SmartOver)

    def fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        """Cluster (n, d) vectors in the order given; each of the two classes in its own way."""
        raise NotImplementedError


def check_levels(rho: tuple[float, ...], vigilance: str, base: str) -> None:
    """Vigilances must be strictly monotone, each level tighter than the one above.

    Args:
        rho: Of each level, coarsest first.
        vigilance: ``rising`` or ``falling``; empty: either will do.
        base: Whose they are.

    Raises:
        ParameterError: There are none, one is outside [0, 1], or they are not.
    """
    told = ", ".join(f"{value:g}" for value in rho)
    if not rho:
        raise ParameterError("clusterer.rho needs at least one vigilance, such as 0.2,0.5,0.8.")
    if not all(0 <= value <= 1 for value in rho):
        raise ParameterError(f"clusterer.rho must lie between 0 and 1 at every level, not {told}.")
    steps = [after - before for before, after in pairwise(rho)]
    rises, falls = all(step > 0 for step in steps), all(step < 0 for step in steps)
    if not {"rising": rises, "falling": falls}.get(vigilance, rises or falls):
        way = {"rising": "rise", "falling": "fall (lower is tighter)"}.get(vigilance, "rise, or fall,")
        raise ParameterError(f"clusterer.rho must {way} strictly from level to level over {base}, not {told}.")


def check_own_parameters(params: Any) -> None:
    """Refuse what a base other than ``gpu-fuzzyart`` would not heed.

    Raises:
        ParameterError: Such a parameter differs from its default.
    """
    for name in ("alpha", "beta", "engine", "threads"):
        if getattr(params, name) != getattr(SmartParams(), name):
            raise ParameterError(
                f"clusterer.{name} is for the base gpu-fuzzyart, not for {params.base}.",
                hint=f"Set clusterer.base_params='{name}=…' if {params.base} has such a parameter.",
            )
