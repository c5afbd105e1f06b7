"""Whether a level holds structure that rows without clusters do not.

Its clusters must be, both, beyond what the nulls' rows give through the same clusterer:

* more cohesive: the mean cosine over all pairs of members of the same cluster,
* more the same in other row orders: the mean adjusted Rand index (where there is more than one order).

Each is held against every null's draws at the cut that one more draw passes with probability 0.05 / levels
(``darkframe.numerics.nulls.familywise_cut``, on Fisher's scale, as both end at 1): with nothing to find, some level is called
structure in at most 5 % of studies, and asking for both makes it rarer still. Cohesion alone would call any cloud structure that
is not elliptical; stability alone, clusters that outliers make. A method that hardly minds the order of its rows gives
the same clusters in every order, of the nulls' rows too, and no stability is beyond theirs: one of ``STEADY`` or more passes
then, and cohesion alone decides, as with a single order. The silhouette is no such figure: rows of few strong directions
have a worse one than isotropic rows have, clusters or not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from darkframe.numerics.nulls import familywise_cosine_cut
from darkframe.results import LevelQuality, NullLevel

ERROR = 0.05
FEWEST_DRAWS = 2
LEAST = 10
"""Rows that must share a cluster with others, and lie in clusters other than the largest: fewer show nothing, whatever the
figures. Noise lies in none."""

STEADY = 0.9
"""Adjusted Rand index between row orders from which on the clusters count as the same in any of them."""

_MOST = 1 - 1e-9
"""No figure is beyond a null that reaches 1 itself."""


class Figure(NamedTuple):
    """A figure that a level is judged by: its name, and its field of ``LevelQuality``."""

    name: str
    field: str


FIGURES = (Figure("cohesion", "cohesion"), Figure("order stability", "stability"))


def judged(nulls: tuple[NullLevel, ...]) -> bool:
    """Whether there are draws enough to say anything: two of each null."""
    return bool(nulls) and min(len(null.draws) for null in nulls) >= FEWEST_DRAWS


class Judgement(NamedTuple):
    """Whether a level beats its nulls, why, whether its clusters are more cohesive at least, and whether that alone decided."""

    beats: bool
    reason: str
    cohesive: bool = False
    alone: bool = False


def judge(quality: LevelQuality, nulls: tuple[NullLevel, ...], *, rows: int, levels: int) -> Judgement:
    """Hold a level against every null, in every figure.

    Args:
        quality: The real rows'.
        nulls: The nulls' draws at this level.
        rows: How many rows they are of.
        levels: Levels that are judged: the error is shared out among them.
    """
    if not judged(nulls):
        return Judgement(False, f"not judged: fewer than {FEWEST_DRAWS} draws of each null")
    if few := _too_few(quality, rows):
        return Judgement(False, f"nothing to judge: {few}")
    passed: dict[str, bool] = {}
    told: list[str] = []
    alone = False
    for figure in FIGURES:
        real = getattr(quality, figure.field)
        if math.isnan(real):  # a single order has no stability
            continue
        cut, name = max((_cut(null, figure.field, levels), null.name) for null in nulls)
        beyond = bool(min(real, _MOST) > cut)
        steady = figure.field == "stability" and real >= STEADY and not beyond
        passed[figure.field] = beyond or steady
        but = ", but so high that any order gives these clusters" if steady else ""
        told.append(f"{figure.name} {real:.4f} is {'beyond' if beyond else 'within'} chance (up to {cut:.4f}, {name}){but}")
        alone |= steady
    return Judgement(all(passed.values()), "; ".join(told), passed["cohesion"], alone)


def _too_few(quality: LevelQuality, rows: int) -> str:
    if quality.noise == rows:
        return "every feature is noise"
    sharing = rows - quality.singletons - quality.noise
    if sharing < LEAST:
        return f"{sharing or 'no'} features share a cluster with another"
    if quality.clusters < 2:
        return "all features that are not noise are in one cluster" if quality.noise else "all features are in one cluster"
    outside = rows - quality.noise - round(quality.largest_share * rows)
    where = "in clusters other than the largest" if quality.noise else "outside the largest cluster"
    return f"only {outside} features are {where}" if outside < LEAST else ""


def _cut(null: NullLevel, field: str, levels: int) -> float:
    """What one more draw of a null rarely passes; a draw that lacks the figure (no pairs) counts as 0, chance's own."""
    values = np.array([getattr(draw, field) for draw in null.draws], np.float64)
    return familywise_cosine_cut(np.where(np.isnan(values), 0.0, values), level=ERROR / levels)
