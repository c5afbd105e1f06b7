"""The elliptical, norm-preserving null: rows of the data's own norms and covariance, in random directions.

Real rows differ in length, so that even random directions of them are heavy-tailed; a Gaussian null would call any component of
theirs significant. Here every row keeps its whitened length and has its whitened direction replaced by a random one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.rows import mean_and_covariance, sample_indices
from darkframe.numerics.whitening import Whitening

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64, Rows

CHUNK = 2048


def whitened_lengths(rows: Rows, whitening: Whitening, k: int, chosen: I64 | None = None) -> F32:
    """Lengths of rows in the whitened space, in its first k dimensions and in the others: (n, 2) float32, streamed.

    Args:
        rows: The data.
        whitening: Over all dimensions that have variance.
        k: Where the first part ends.
        chosen: Row numbers to keep, ascending; None: all.
    """
    count = len(rows) if chosen is None else len(chosen)
    out, start, filled = np.empty((count, 2), np.float32), 0, 0
    for block in rows.blocks():
        if chosen is not None:
            ends = np.searchsorted(chosen, (start, start + len(block)))
            block, start = block[chosen[ends[0] : ends[1]] - start], start + len(block)
        white = whitening.whiten(block)
        lengths = out[filled : filled + len(white)]
        lengths[:, 0], lengths[:, 1] = np.linalg.norm(white[:, :k], axis=1), np.linalg.norm(white[:, k:], axis=1)
        filled += len(white)
    return out


class EllipticalRows:
    """Rows of given whitened lengths in random directions, generated block by block and never kept.

    The first k whitened dimensions (those a decomposition into k components sees) and the others are redrawn apart, each keeping
    its own length, so that ``e′ = mean + (r₁ u₁, r₂ u₂) √λ V`` with u uniform on the unit spheres: the covariance stays, as
    E r₁² = k, and so does each row's length within the fitted subspace. A row depends on the seed and its number alone.

    Args:
        lengths: (n, 2) float32 from ``whitened_lengths``.
        whitening: The same as there.
        k: The same as there.
        seed: Of the directions.
    """

    def __init__(self, lengths: F32, whitening: Whitening, k: int, seed: int) -> None:
        self._lengths, self._whitening, self._k, self._seed = lengths, whitening, k, seed
        self._basis = (np.sqrt(whitening.variances)[:, None] * whitening.components).astype(np.float32)
        self._mean = whitening.mean.astype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._lengths), len(self._mean)

    def __len__(self) -> int:
        return len(self._lengths)

    @cached_property
    def key(self) -> str:
        digest = hashlib.sha256(repr((self.shape, self._k, self._seed)).encode())
        for part in (self._lengths, self._basis, self._mean):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    @cached_property
    def _moments(self) -> tuple[F64, F64]:
        _, mean, covariance = mean_and_covariance(self.blocks(), self.shape[1])
        return mean, covariance

    @property
    def mean(self) -> F64:
        return self._moments[0]

    @property
    def covariance(self) -> F64:
        return self._moments[1]

    def _chunk(self, number: int) -> F32:
        lengths = self._lengths[number * CHUNK : (number + 1) * CHUNK]
        normal = np.random.default_rng([self._seed, number]).standard_normal((len(lengths), len(self._basis)), np.float32)
        for part, column in ((normal[:, : self._k], 0), (normal[:, self._k :], 1)):
            part *= (lengths[:, column] / np.maximum(np.linalg.norm(part, axis=1), np.finfo(np.float32).tiny))[:, None]
        out: F32 = normal @ self._basis
        out += self._mean
        return out

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        """Consecutive blocks of at most ``size`` rows, the same rows whatever the size."""
        pending = np.empty((0, self.shape[1]), np.float32)
        for number in range(-(-len(self) // CHUNK)):
            pending = np.concatenate([pending, self._chunk(number)])
            whole = len(pending) - len(pending) % size
            for start in range(0, whole, size):
                yield pending[start : start + size]
            pending = pending[whole:]
        if len(pending):
            yield pending

    def sample(self, n: int, seed: int) -> F32:
        """min(n, N) rows without replacement, in row order."""
        chosen = sample_indices(len(self), n, seed)
        out = np.empty((len(chosen), self.shape[1]), np.float32)
        for number in np.unique(chosen // CHUNK):
            mine = chosen // CHUNK == number
            out[mine] = self._chunk(int(number))[chosen[mine] - number * CHUNK]
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.concatenate([block.copy() for block in self.blocks()]).astype(dtype or np.float32, copy=False)
