"""Where the components of the dark-matter study fall in the taxonomy of the SAE's features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PlacedLevel:
    """One component at one level.

    Attributes:
        level: 0 is the coarsest.
        cluster: The nearest cluster: highest |cos| of the component's direction with a cluster's direction; −1 where the level
            has no clusters.
        cosine: That |cos|; beside it stands ``Placement.cosine_by_chance``.
        sign: +1 or −1, the sign of the cosine.
        match: How well the signed direction, as long as a decoder row is on average, matches that cluster; NaN without.
        passes: Whether that passes the level's vigilance; None where the method has none.
        known: Clusters of the level whose vigilance it passes with either sign; 0: outside every known cluster.

    Computed in:
        studies/placement.py
    """

    level: int
    cluster: int
    cosine: float
    sign: int
    match: float
    passes: bool | None
    known: int


@dataclass(frozen=True)
class PlacedComponent:
    """One component of the dark-matter study.

    Attributes:
        component: Its number.
        beats_null: Its ``ComponentMatch.beats_null``.
        levels: Where it falls at each level, coarsest first.
        outside: Whether at the finest level it passes no cluster's vigilance.

    Computed in:
        studies/placement.py
    """

    component: int
    beats_null: bool
    levels: tuple[PlacedLevel, ...]
    outside: bool


@dataclass(frozen=True)
class Placement:
    """All components, and what chance gives.

    Attributes:
        components: In their own order.
        outside: For each level, components outside every known cluster.
        outside_by_chance: For each level and null (``isotropic``, ``rotation``; 200 directions each), the share of random
            directions outside.
        cosine: For each level, the median over components of the |cos| with the nearest cluster's direction.
        cosine_by_chance: The same of random directions, by level and null.
        text: The outcome in a sentence or two.
        note: What was left out and why, or empty.

    Computed in:
        studies/placement.py
    """

    components: tuple[PlacedComponent, ...]
    outside: tuple[int, ...]
    outside_by_chance: tuple[Mapping[str, float], ...]
    cosine: tuple[float, ...]
    cosine_by_chance: tuple[Mapping[str, float], ...]
    text: str
    note: str = ""
