"""The rows that decomposers are checked on: sparse sources planted along orthonormal directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from darkframe.numerics.rows import ArrayRows

if TYPE_CHECKING:
    from darkframe.interfaces import F32, F64

COMPONENTS, DIMENSIONS, ROWS = 4, 48, 3000

SCALES = (10.0, 8.0, 6.4, 5.1)
"""Mean activation of each source where it is active."""

DENSITY, NOISE = 0.05, 0.05


@dataclass(frozen=True, eq=False)
class Planted:
    """Rows ``mean + sources @ directions + noise``, so made that every sound linear decomposition finds the same directions.

    Each source is zero in 95 % of the rows and exponentially distributed in the others; each direction has a quarter of the
    dimensions to itself. The directions are orthonormal, and the sources' variances fall by a third from one to the next, so that
    the directions are the principal components: PCA finds them. The sources are independent and far from Gaussian: so does ICA.
    Most active rows lie on a ray along one direction, as none turns negative: so do sparse coding, dictionary learning, and NMF
    of positive and negative parts. And the directions are themselves sparse: so does sparse PCA. Noise is a hundredth of the
    weakest source's activations.

    Attributes:
        rows: (3000, 48) float32.
        directions: (4, 48) float64, orthonormal.
        sources: (3000, 4) float64, not negative.
    """

    rows: F32
    directions: F64
    sources: F64


@lru_cache(maxsize=1)
def _planted() -> Planted:
    rng = np.random.default_rng(0)
    directions = np.zeros((COMPONENTS, DIMENSIONS))
    for number, support in enumerate(np.split(rng.permutation(DIMENSIONS), COMPONENTS)):
        directions[number, support] = rng.uniform(0.6, 1.4, len(support)) * rng.choice([-1, 1], len(support))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    active = rng.random((ROWS, COMPONENTS)) < DENSITY
    sources = np.asarray(SCALES) * rng.exponential(size=active.shape) * active
    rows = 2 * rng.normal(size=DIMENSIONS) + sources @ directions + NOISE * rng.normal(size=(ROWS, DIMENSIONS))
    return Planted(rows.astype(np.float32), directions, sources)


def planted() -> Planted:
    """The rows with what is planted in them; the rows are the caller's own."""
    made = _planted()
    return Planted(made.rows.copy(), made.directions, made.sources)


class StreamedRows(ArrayRows):
    """Rows whose blocks are small and share a buffer that the next block overwrites, as rows from disk may."""

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        """Blocks of 700 rows at most; the buffer holds NaN once they are over."""
        buffer = np.empty((min(size, 700), self.shape[1]), np.float32)
        for start in range(0, len(self), len(buffer)):
            block = self._array[start : start + len(buffer)]
            buffer[: len(block)] = block
            yield buffer[: len(block)]
        buffer[:] = np.nan
