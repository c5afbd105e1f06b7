"""The kernel every ICA here stands on: expectations over all rows, from float32 tiles summed in float64.

Rows are cut into spans of whole tiles in a way that depends on nothing but their number; each span is summed tile by tile,
the spans' sums are added in order. So the result is the same to the bit for any number of threads, and for rows in memory
or on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened
    from darkframe_fastica.workers import Workers

_TILE_VALUES = 65536  # float32 values in a tile: rows, projections and g(y) together stay within an ordinary L2 cache
_SPANS = 64


@dataclass(frozen=True, eq=False)
class Moments:
    """Expectations over n rows of the projections y = W z.

    Attributes:
        n: Rows.
        cross: (k, k) E[g(y_i) y_j].
        slope: (k,) E[g′(y_i)].
        loss: (k,) E[G(y_i)].
    """

    n: int
    cross: F64
    slope: F64
    loss: F64

    @property
    def excess(self) -> F64:
        """(k,) E[g′(y)] − E[y g(y)]: zero for a Gaussian, positive for heavy tails (negative for ``cube``)."""
        out: F64 = self.slope - np.diag(self.cross)
        return out

    @property
    def signs(self) -> F64:
        """(k,) ±1: the sign of ``excess``, which says whether E[G] is to be made small or large."""
        return np.where(self.excess >= 0, 1.0, -1.0)

    def gradient(self, signs: F64) -> F64:
        """(k, k) antisymmetric: relative gradient of Σ s_i E[G(y_i)] on the rotations, (S C − (S C)ᵀ) / 2."""
        signed = signs[:, None] * self.cross
        out: F64 = (signed - signed.T) / 2
        return out


@dataclass(frozen=True, eq=False)
class Shape:
    """More expectations, wanted once at the end.

    Attributes:
        n: Rows.
        curvature: (k, k) E[g′(y_i) y_j²].
        third: (k,) E[y³].
        fourth: (k,) E[y⁴].
        sixth: (k,) E[y⁶].
    """

    n: int
    curvature: F64
    third: F64
    fourth: F64
    sixth: F64


def tile_rows(k: int) -> int:
    """Rows in a tile for k components: 64 at the least, a multiple of 64."""
    return max(64, _TILE_VALUES // k // 64 * 64)


def spans(n: int, k: int) -> list[tuple[int, int]]:
    """Stretches of whole tiles, at most 64, that cover n rows."""
    tile = tile_rows(k)
    tiles = -(-n // tile)
    count = min(_SPANS, tiles)
    edges = [tiles * i // count * tile for i in range(count + 1)]
    return [(low, min(high, n)) for low, high in pairwise(edges)]


def moments(data: Whitened, unmixing: F64, contrast: Contrast, workers: Workers) -> Moments:
    """Expectations of the projections on the rows of ``unmixing`` (m, k) over all rows of ``data`` (n, k)."""
    m = len(unmixing)
    weights = np.ascontiguousarray(unmixing.T, np.float32)
    tile = tile_rows(data.k)

    def one(span: tuple[int, int]) -> tuple[F64, F64, F64]:
        cross, slope, loss = np.zeros((m, m)), np.zeros(m), np.zeros(m)
        y, g = np.empty((tile, m), np.float32), np.empty((tile, m), np.float32)
        product = np.empty((m, m), np.float32)
        with data.reader() as read:
            for start in range(*span, tile):
                stop = min(start + tile, span[1])
                y_t, g_t = y[: stop - start], g[: stop - start]
                slope_t, loss_t = np.zeros(m, np.float32), np.zeros(m, np.float32)
                np.matmul(read(start, stop), weights, out=y_t)
                contrast.apply(y_t, g_t, slope_t, loss_t)
                cross += np.matmul(g_t.T, y_t, out=product)
                slope += slope_t
                loss += loss_t
        return cross, slope, loss

    parts = workers.run(one, spans(data.n, data.k))
    cross, slope, loss = (_total(part) for part in zip(*parts))
    return Moments(data.n, cross / data.n, slope / data.n, loss / data.n - contrast.offset)


def shape(data: Whitened, unmixing: F64, contrast: Contrast, workers: Workers) -> Shape:
    """Curvatures and higher moments of the projections (see ``Shape``)."""
    m = len(unmixing)
    weights = np.ascontiguousarray(unmixing.T, np.float32)
    tile = tile_rows(data.k)

    def one(span: tuple[int, int]) -> tuple[F64, F64]:
        curvature, powers = np.zeros((m, m)), np.zeros((3, m))
        unused = np.zeros(m, np.float32), np.zeros(m, np.float32)
        with data.reader() as read:
            for start in range(*span, tile):
                y = read(start, min(start + tile, span[1])) @ weights
                g = np.empty_like(y)
                contrast.apply(y, g, *unused)
                square = y * y
                curvature += contrast.slopes(y, g).T @ square
                cubes = square * y
                powers += [np.einsum("tj,tj->j", a, b) for a, b in ((square, y), (square, square), (cubes, cubes))]
        return curvature, powers

    curvature, powers = (_total(part) for part in zip(*workers.run(one, spans(data.n, data.k))))
    return Shape(data.n, curvature / data.n, *(powers / data.n))


def single(data: Whitened, weight: F64, contrast: Contrast, workers: Workers) -> tuple[F64, float, float]:
    """E[g(y) z] (k,), E[g′(y)] and E[G(y)] of one projection y = w·z, for deflation."""
    column = np.ascontiguousarray(weight[:, None], np.float32)
    tile = tile_rows(data.k)

    def one(span: tuple[int, int]) -> tuple[F64, float, float]:
        cross, slope, loss = np.zeros(data.k), 0.0, 0.0
        with data.reader() as read:
            for start in range(*span, tile):
                z = read(start, min(start + tile, span[1]))
                y = (z @ column).T  # (1, tile): the contrast runs along the tile
                g, slope_t, loss_t = np.empty_like(y), np.zeros(y.size, np.float32), np.zeros(y.size, np.float32)
                contrast.apply(y, g, slope_t, loss_t)
                cross += g[0] @ z
                slope += float(slope_t.sum(dtype=np.float64))
                loss += float(loss_t.sum(dtype=np.float64))
        return cross, slope, loss

    parts = workers.run(one, spans(data.n, data.k))
    cross = _total([part[0] for part in parts])
    slope, loss = sum(part[1] for part in parts), sum(part[2] for part in parts)
    return cross / data.n, slope / data.n, loss / data.n - contrast.offset


def _total(parts: tuple[F64, ...] | list[F64]) -> F64:
    """Sum in the order of the spans."""
    out = np.zeros_like(parts[0])
    for part in parts:
        out += part
    return out
