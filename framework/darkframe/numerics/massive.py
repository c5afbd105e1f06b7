"""Massive activations: a robust cut on the norm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFINITION = "‖x‖ > max(3·median, median + 10·1.4826·MAD) of ‖x‖ over the first {n:,} kept tokens"


@dataclass(frozen=True)
class NormCut:
    """The norm beyond which a token is massive: ``max(3·median, median + 10·1.4826·MAD)``.

    Attributes:
        cut: That norm.
        median: Median norm.
        n: Tokens it was computed on.
    """

    cut: float
    median: float
    n: int

    @classmethod
    def of(cls, median: float, mad: float, n: int) -> NormCut:
        """From the median and the median absolute deviation of n norms."""
        return cls(max(3.0 * median, median + 10.0 * 1.4826 * mad), median, n)

    @classmethod
    def fit(cls, norms: NDArray[Any]) -> NormCut:
        """From norms (n,) in memory; of none at all, nothing is massive."""
        if not len(norms):
            return cls(float("inf"), 0.0, 0)
        median = float(np.median(norms))
        return cls.of(median, float(np.median(np.abs(norms - median))), len(norms))

    @property
    def definition(self) -> str:
        """The cut's formula, in words and symbols."""
        return DEFINITION.format(n=self.n)


def streamed_median(blocks: Callable[[], Iterator[NDArray[np.float32]]]) -> float:
    """Exact lower median of non-negative float32 values in two passes of 65,536 counters.

    Non-negative float32 numbers are ordered as their bit patterns are: one pass finds the upper 16 bits, the next the lower.
    """
    counts = np.zeros(1 << 16, np.int64)
    for block in blocks():
        counts += np.bincount(np.ascontiguousarray(block).view(np.uint32) >> 16, minlength=1 << 16)
    rank = (int(counts.sum()) + 1) // 2
    if rank == 0:
        return float("nan")
    upper = int(np.searchsorted(np.cumsum(counts), rank))
    rank -= int(counts[:upper].sum())
    low = np.zeros(1 << 16, np.int64)
    for block in blocks():
        bits = np.ascontiguousarray(block).view(np.uint32)
        low += np.bincount(bits[bits >> 16 == upper] & 0xFFFF, minlength=1 << 16)
    lower = int(np.searchsorted(np.cumsum(low), rank))
    return float(np.array([upper << 16 | lower], np.uint32).view(np.float32)[0])


def streamed_cut(blocks: Callable[[], Iterator[NDArray[np.float32]]], n: int) -> NormCut:
    """The cut that all n norms would give, without holding them."""
    median = streamed_median(blocks)
    centre = np.float32(median)
    mad = streamed_median(lambda: (np.abs(block - centre) for block in blocks()))
    return NormCut.of(median, mad, n)
