"""How far a sum in low precision can be from the one that decides: the certificate of the block filter.

Box j has the corners l = w[:d] and h = 1 − w[d:], row x the deficit D = |w| − |I ∧ w| = Σ_k max(l_k − x_k, x_k − h_k, 0) ≥ 0, so
that it fails vigilance exactly where D > |w| − ρd. A device computes D̂: l, h and x rounded to the nearest float of unit
roundoff u (2⁻²⁴ for float32), one rounded subtraction a term, and a sum in which no term passes through more than ``steps``
additions. Then

- every number lies in [0, 1] and is off by at most u/2 after rounding (below the normal range by at most 2⁻¹²⁶, also where the
  device flushes to zero), and the largest of l − x, x − h and 0 moves by no more than l, h and x together: a term by u, D by d·u;
- each term is ≥ 0 and is multiplied by at most (1 ± u)^(steps + 1) on its way into D̂, and so is the sum:
  D̂/(1 + r) ≤ D̃ ≤ (1 + r) D̂ with r = 1.01 (steps + 1) u, D̃ being the exact sum over the rounded numbers;
- the decision itself compares sequential float64 sums of 2d terms, |w| and |I ∧ w|, each at most d and each off by at most
  2d·2⁻⁵³·d, and 1 − x and 1 − w are rounded. ``slack`` bounds all of it.

So D ≥ D̂/(1 + r) − d·u: from D̂ > (1 + r)(|w| − ρd + d·u + slack) follows that the category fails; and it fails after any
learning, since no entry of w ever grows, and a sequential sum of floats does not grow where its terms do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from darkframe.interfaces import F64

_ROUNDOFF = 2.0**-53


@dataclass(frozen=True)
class Bound:
    """Error of a computed deficit D̂: D̂/(1 + relative) − rounding ≤ D ≤ (1 + relative) D̂ + rounding, each give or take slack.

    Attributes:
        dims: d.
        relative: r.
        rounding: d·u.
        slack: What float64 itself leaves open.
    """

    dims: int
    relative: float
    rounding: float
    slack: float

    @staticmethod
    def of(dims: int, chunk: int, roundoff: float) -> Bound:
        """The bound of sums of ``chunk`` terms at a time, which are then added up.

        Args:
            dims: d.
            chunk: Terms of a partial sum, in any order.
            roundoff: u of the arithmetic: half the distance from 1 to the next number.
        """
        steps = chunk + -(-dims // chunk)
        return Bound(dims, 1.01 * (steps + 1) * roundoff, dims * (roundoff + 2.0**-120), slack(dims))

    def limit(self, norms: F64, rho: float) -> F64:
        """(K,) the largest computed deficit with which a category of norm |w| may pass vigilance ``rho``."""
        limit: F64 = (norms - rho * self.dims + self.rounding + self.slack) * (1 + self.relative)
        return limit


def slack(dims: int) -> float:
    """What rounding in float64 can move a deficit by: of both sums, and of 1 − x and 1 − w."""
    return dims * (4 * dims + 32) * _ROUNDOFF


def rounded_up(values: F64, dtype: str) -> np.ndarray:
    """The same values, or the next larger ones, in another floating type."""
    up: np.ndarray = np.nextafter(values.astype(dtype), np.array(np.inf, dtype))
    return up
