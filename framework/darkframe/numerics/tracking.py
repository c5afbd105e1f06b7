"""What becomes of categories from one step to the next, by the labels alone: pure counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64, Bool

ABSENT = -2
"""Label of a feature that is left out of a step; −1 is noise."""

STATES = ("new", "growing", "steady", "shrinking", "dormant")


def received(labels: I64, count: int) -> I64:
    """(count,) rows that each category receives; noise and absent features belong to none."""
    out: I64 = np.bincount(labels[labels >= 0], minlength=count).astype(np.int64)
    return out


def states(sizes: I64, before: I64) -> I64:
    """State of each category at a step, as a place in ``STATES``.

    Args:
        sizes: (K,) rows it receives at the step, by every category there is after it.
        before: (known,) rows received a step before, by the categories known before the step: the first of the K.
    """
    out = np.full(len(sizes), STATES.index("new"), np.int64)
    now = sizes[: len(before)]
    known = np.full(len(before), STATES.index("steady"), np.int64)
    known[now > before] = STATES.index("growing")
    known[now < before] = STATES.index("shrinking")
    known[now == 0] = STATES.index("dormant")
    out[: len(before)] = known
    return out


@dataclass(frozen=True)
class Counts:
    """Categories by what became of them at a step; see ``darkframe.results.TrackedStep``."""

    known: int
    resonant: int
    growing: int
    steady: int
    shrinking: int
    revived: int
    dormant: int
    lost: int
    new: int


def counts(sizes: I64, before: I64) -> Counts:
    """Count the ``states`` of categories."""
    of = np.bincount(states(sizes, before), minlength=len(STATES))
    new, growing, steady, shrinking, dormant = (int(number) for number in of)
    now = sizes[: len(before)]
    return Counts(
        known=len(before),
        resonant=growing + steady + shrinking,
        growing=growing,
        steady=steady,
        shrinking=shrinking,
        revived=int(((now > 0) & (before == 0)).sum()),
        dormant=dormant,
        lost=int(((now == 0) & (before > 0)).sum()),
        new=new,
    )


def passed(labels: I64, known: int) -> float:
    """Share of the rows whose label is one of the first ``known`` categories; NaN where none is known, or without rows."""
    inside = labels[labels != ABSENT]
    return float(((inside >= 0) & (inside < known)).mean()) if known and len(inside) else float("nan")


def both_present(before: I64, now: I64) -> Bool:
    """(n,) bool: features that are left out of neither step."""
    out: Bool = (before != ABSENT) & (now != ABSENT)
    return out


def kept(before: I64, now: I64) -> tuple[float, float]:
    """Share of features in the same category as before, and the share expected of labels dealt at random; NaN without any.

    Args:
        before: (n,) labels a step before.
        now: (n,) labels of the same features.
    """
    present = both_present(before, now)
    a, b = before[present], now[present]
    if not len(a):
        return float("nan"), float("nan")
    count = int(max(a.max(), b.max(), -1)) + 1
    chance = _shares(a, count) @ _shares(b, count)
    return float(((a == b) & (a >= 0)).mean()), float(chance)


def _shares(labels: I64, count: int) -> F64:
    out: F64 = received(labels, count) / len(labels)
    return out
