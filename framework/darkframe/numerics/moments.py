"""Central moments of streamed columns, stable and mergeable.

Sums of the first four powers are taken about a shift that is close to the mean (the pilot's mean, or the first block's), in
float64, and turned into central moments at the end; parts with different shifts merge by the formulae of Chan and Pébay
(P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments", 2008).
Raw powers about zero would lose every digit where a mean is 10⁴ times the spread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of d columns over n rows.

    Attributes:
        n: Rows.
        mean: (d,) float64.
        variance: (d,) float64, divided by n.
        skewness: (d,) float64, m3 / m2^1.5 (biased); NaN where a column does not vary.
        kurtosis: (d,) float64, excess (Fisher, biased: scipy's default), m4 / m2² − 3; NaN where a column does not vary.
    """

    n: int
    mean: F64
    variance: F64
    skewness: F64
    kurtosis: F64


@dataclass(frozen=True, eq=False)
class CentralMoments:
    """Sums of powers about the mean, of each of d columns: ``mk = Σ (x − mean)^k``. ``n`` may differ between columns.

    Attributes:
        n: (d,) float64 counts.
        mean, m2, m3, m4: (d,) float64.
    """

    n: F64
    mean: F64
    m2: F64
    m3: F64
    m4: F64

    @classmethod
    def zeros(cls, n: F64 | int, d: int) -> CentralMoments:
        """Moments of n rows (one count, or one a column) that are all zero."""
        nothing = np.zeros(d)
        return cls(np.broadcast_to(np.asarray(n, np.float64), (d,)), nothing, nothing, nothing, nothing)

    @classmethod
    def from_power_sums(cls, n: F64 | int, shift: NDArray[Any], sums: F64) -> CentralMoments:
        """From sums (4, d) of the first four powers of x − shift."""
        count = np.broadcast_to(np.asarray(n, np.float64), sums.shape[1:])
        p1, p2, p3, p4 = sums / np.maximum(count, 1.0)
        m2 = np.maximum(p2 - p1**2, 0.0)
        m3 = p3 - 3 * p1 * p2 + 2 * p1**3
        m4 = np.maximum(p4 - 4 * p1 * p3 + 6 * p1**2 * p2 - 3 * p1**4, 0.0)
        mean = np.where(count > 0, np.asarray(shift, np.float64) + p1, 0.0)
        return cls(count, mean, count * m2, count * m3, count * m4)

    def merge(self, other: CentralMoments) -> CentralMoments:
        """The moments of both sets of rows together, exactly."""
        a, b = self, other
        n = a.n + b.n
        total = np.maximum(n, 1.0)
        gap = np.where((a.n > 0) & (b.n > 0), b.mean - a.mean, 0.0)
        share_a, share_b = a.n / total, b.n / total
        weight = a.n * share_b
        mean = np.where(a.n > 0, a.mean + gap * share_b, b.mean)
        m2 = a.m2 + b.m2 + gap**2 * weight
        m3 = a.m3 + b.m3 + gap**3 * weight * (share_a - share_b) + 3 * gap * (share_a * b.m2 - share_b * a.m2)
        m4 = (
            a.m4
            + b.m4
            + gap**4 * weight * (share_a**2 - share_a * share_b + share_b**2)
            + 6 * gap**2 * (share_a**2 * b.m2 + share_b**2 * a.m2)
            + 4 * gap * (share_a * b.m3 - share_b * a.m3)
        )
        return CentralMoments(n, mean, m2, m3, m4)

    def shape_statistics(self) -> tuple[F64, F64, F64]:
        """Variance (divided by n), skewness and excess kurtosis, each (d,); NaN for the last two where nothing varies."""
        count = np.maximum(self.n, 1.0)
        variance = self.m2 / count
        noise = (np.finfo(np.float64).eps * np.abs(self.mean)) ** 2  # a spread that float64 cannot tell from rounding
        varying = np.where(variance > noise, variance, np.nan)
        return variance, self.m3 / count / varying**1.5, self.m4 / count / varying**2 - 3.0

    def moments(self) -> Moments:
        """As ``Moments``; for columns that share their count."""
        return Moments(int(self.n[0]) if len(self.n) else 0, self.mean, *self.shape_statistics())


def merged(parts: Iterable[CentralMoments], d: int) -> CentralMoments:
    """All parts together; of none: no rows."""
    return reduce(CentralMoments.merge, parts, CentralMoments.zeros(0, d))


@compiled()
def _add_powers(block: NDArray[Any], shift: NDArray[Any], sums: F64) -> None:  # pragma: no cover - compiled
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            t = np.float64(block[i, j]) - np.float64(shift[j])
            square = t * t
            sums[0, j] += t
            sums[1, j] += square
            sums[2, j] += square * t
            sums[3, j] += square * square


def add_power_sums(block: NDArray[Any], shift: NDArray[Any], sums: F64) -> None:
    """Add the first four powers of ``block − shift`` to ``sums`` (4, d), row by row in float64."""
    if len(block):
        _add_powers(block, shift, sums)


class MomentAccumulator:
    """Moments of d columns, one pass over blocks, float64 throughout, shifted by the first block's mean.

    Args:
        d: Number of columns.
    """

    def __init__(self, d: int) -> None:
        self._n = 0
        self._shift = np.zeros(d)
        self._sums = np.zeros((4, d))

    def update(self, block: F32 | F64) -> None:
        """Add rows (n, d)."""
        if self._n == 0 and len(block):
            self._shift = block.mean(axis=0, dtype=np.float64)
        add_power_sums(np.ascontiguousarray(block), self._shift, self._sums)
        self._n += len(block)

    def central(self) -> CentralMoments:
        """What has been seen so far, mergeable with others."""
        return CentralMoments.from_power_sums(self._n, self._shift, self._sums)

    def result(self) -> Moments:
        """The moments of all rows so far."""
        return self.central().moments()
