"""Rows held in memory (or memory-mapped), and what every kind of rows shares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64


def sample_indices(n_rows: int, n: int, seed: int) -> NDArray[np.int64]:
    """min(n, n_rows) distinct row numbers, seeded, ascending."""
    if n >= n_rows:
        return np.arange(n_rows)
    chosen = np.random.default_rng(seed).choice(n_rows, size=n, replace=False, shuffle=False)
    return np.sort(chosen).astype(np.int64)


def mean_and_covariance(blocks: Iterator[F32], d: int) -> tuple[int, F64, F64]:
    """Exact count, mean and covariance (divisor N − 1) of streamed blocks.

    Tiles are shifted by the first block's mean and multiplied in float32, sums are kept in float64: 1e-8 relative, even
    where dimensions have means many times their spread.
    """
    count, shift = 0, np.zeros(d)
    total, products = np.zeros(d), np.zeros((d, d))
    for block in blocks:
        if count == 0 and len(block):
            shift = block.mean(axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)
        tile = block - shift.astype(np.float32)
        count += len(tile)
        total += tile.sum(axis=0, dtype=np.float64)
        products += tile.T @ tile
    if count == 0:
        return 0, shift, products
    offset = total / count
    covariance = (products - count * np.outer(offset, offset)) / max(count - 1, 1)
    return count, shift + offset, covariance


class ArrayRows:
    """Rows over an (N, d) array; memory-mapped arrays stay on disk."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int, int]:
        return self._array.shape[0], self._array.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def key(self) -> str:
        digest = hashlib.sha256(repr(self.shape).encode())
        for block in self.blocks():
            digest.update(np.ascontiguousarray(block).data)
        return digest.hexdigest()

    @cached_property
    def _moments(self) -> tuple[int, F64, F64]:
        return mean_and_covariance(self.blocks(), self.shape[1])

    @property
    def mean(self) -> F64:
        return self._moments[1]

    @property
    def covariance(self) -> F64:
        return self._moments[2]

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        for start in range(0, len(self), size):
            yield np.asarray(self._array[start : start + size], np.float32)

    def sample(self, n: int, seed: int) -> F32:
        return np.array(self._array[sample_indices(len(self), n, seed)], np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._array, dtype=dtype or np.float32, copy=copy)
