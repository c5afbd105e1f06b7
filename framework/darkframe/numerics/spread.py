"""Mean, covariance and principal axes of an array of rows, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.clusters import blocks
from darkframe.numerics.whitening import principal_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64

SHARES = (50, 80, 90, 95, 99)


def mean_and_covariance(rows: NDArray[Any], *, exact: bool = True) -> tuple[F64, F64]:
    """Mean (d,) and covariance (d, d) float64, divided by n − 1 (by 1 for a single row), in two passes.

    Args:
        rows: (n, d).
        exact: Multiply in float64; else in float32 within blocks of rows, in half the time and to some 1e-6.
    """
    n, d = rows.shape
    total = np.zeros(d)
    for part in blocks(n):
        total += rows[part].sum(axis=0, dtype=np.float64)
    mean = total / n
    products = np.zeros((d, d))
    for part in blocks(n):
        centred = (rows[part] - mean).astype(np.float64 if exact else np.float32, copy=False)
        products += centred.T @ centred
    return mean, products / max(n - 1, 1)


@dataclass(frozen=True, eq=False)
class Axes:
    """Principal axes of n rows.

    Attributes:
        mean: (d,) float64.
        variances: (d,) float64, largest first.
        components: (d, d) float64, one orthonormal row an axis, its largest entry positive.
        of: Axes there can be variance along: min(n − 1, d).
    """

    mean: F64
    variances: F64
    components: F64
    of: int

    @classmethod
    def fit(cls, rows: NDArray[Any]) -> Axes:
        """From rows (n, d)."""
        mean, covariance = mean_and_covariance(rows)
        return cls(mean, *principal_components(covariance), min(len(rows) - 1, rows.shape[1]))

    def share(self, dims: int) -> float:
        """Share of the variance along the first ``dims`` axes; 1 where nothing varies."""
        total = float(self.variances.sum())
        return float(self.variances[:dims].sum()) / total if total > 0 else 1.0

    def needed(self, percent: int) -> int:
        """Axes that hold at least so many percent of the variance; 0 where nothing varies."""
        total = float(self.variances.sum())
        if not total > 0:
            return 0
        return min(int(np.searchsorted(np.cumsum(self.variances) / total, percent / 100)) + 1, self.of)

    def project(self, rows: NDArray[Any], dims: int) -> F32:
        """Coordinates (n, dims) float32 of rows along the first axes."""
        out = np.empty((len(rows), dims), np.float32)
        mean, axes = self.mean.astype(np.float32), self.components[:dims].T.astype(np.float32)
        for part in blocks(len(rows)):
            out[part] = (rows[part] - mean) @ axes
        return out
