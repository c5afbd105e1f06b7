"""The block filter and the match as fused Triton kernels; imported only where there is Triton (CUDA builds of PyTorch bring it).

Each program keeps a tile of rows × boxes of running sums in registers and walks down the dimensions: nothing of the size
rows × boxes × dimensions exists anywhere. Rows and boxes lie transposed, (dimensions, rows), so that a step reads
consecutive numbers.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

CHUNK = 32
"""Dimensions added up before a tile asks whether any of its sums is still within its limit."""

UNROLLED = 4
TILE = 64
WARPS = 8
SIZES = ["n_rows", "n_boxes"]
STRIDES = ["depth", "row_stride", "box_stride", "out_stride"]
"""Arguments that change from call to call: Triton must not compile anew for each."""


@triton.jit(do_not_specialize=SIZES)  # type: ignore[untyped-decorator,unused-ignore]
def deficits_kernel(
    rows_at: tl.tensor,
    row_groups_at: tl.tensor,
    low_at: tl.tensor,
    high_at: tl.tensor,
    limit_at: tl.tensor,
    box_groups_at: tl.tensor,
    out_at: tl.tensor,
    n_rows: tl.tensor,
    n_boxes: tl.tensor,
    depth: tl.tensor,
    row_stride: tl.tensor,
    box_stride: tl.tensor,
    out_stride: tl.tensor,
    EARLIER: tl.constexpr,
    TILE: tl.constexpr,
    CHUNK: tl.constexpr,
    UNROLLED: tl.constexpr,
) -> None:
    """out[i, j] ← Σ_k max(low[k, j] − x[k, i], x[k, i] − high[k, j], 0), or a part of it that exceeds limit[j] already.

    Infinite where row and box are of different groups, and with ``EARLIER`` (boxes are the rows themselves) unless j < i.
    Every term is a difference, two maxima and an addition: there is no product that a compiler could fuse.
    """
    rows = tl.program_id(0) * TILE + tl.arange(0, TILE)
    boxes = tl.program_id(1) * TILE + tl.arange(0, TILE)
    row_in = rows < n_rows
    box_in = boxes < n_boxes
    row_groups = tl.load(row_groups_at + rows, mask=row_in, other=-1)
    box_groups = tl.load(box_groups_at + boxes, mask=box_in, other=-2)
    inside = row_groups[:, None] == box_groups[None, :]
    if EARLIER:
        inside = inside & (boxes[None, :] < rows[:, None])
    limit = tl.load(limit_at + boxes, mask=box_in, other=-1.0)
    total = tl.zeros((TILE, TILE), dtype=tl.float32)
    alive = tl.max(tl.max(inside.to(tl.int32), axis=1), axis=0)
    x_at = rows_at + rows
    low_at = low_at + boxes
    high_at = high_at + boxes
    done = 0
    while (done < depth) & (alive > 0):
        part = tl.zeros((TILE, TILE), dtype=tl.float32)
        for _ in range(CHUNK // UNROLLED):
            for _step in tl.static_range(UNROLLED):
                x = tl.load(x_at, mask=row_in, other=0.0)
                low = tl.load(low_at, mask=box_in, other=0.0)
                high = tl.load(high_at, mask=box_in, other=0.0)
                gap = tl.maximum(low[None, :] - x[:, None], x[:, None] - high[None, :])
                part += tl.maximum(gap, 0.0)
                x_at += row_stride
                low_at += box_stride
                high_at += box_stride
        total += part
        done += CHUNK
        alive = tl.max(tl.max((inside & (total <= limit[None, :])).to(tl.int32), axis=1), axis=0)
    total = tl.where(inside, total, float("inf"))
    at = out_at + rows[:, None].to(tl.int64) * out_stride + boxes[None, :]
    tl.store(at, total, mask=row_in[:, None] & box_in[None, :])


@triton.jit(do_not_specialize=SIZES + STRIDES)  # type: ignore[untyped-decorator,unused-ignore]
def overlaps_kernel(
    rows_at: tl.tensor,
    weights_at: tl.tensor,
    out_at: tl.tensor,
    n_rows: tl.tensor,
    n_boxes: tl.tensor,
    depth: tl.tensor,
    row_stride: tl.tensor,
    box_stride: tl.tensor,
    out_stride: tl.tensor,
    TILE: tl.constexpr,
) -> None:
    """out[i, j] ← Σ_k min(I[k, i], w[k, j]) in float64, from the first k to the last: the sum that decides."""
    rows = tl.program_id(0) * TILE + tl.arange(0, TILE)
    boxes = tl.program_id(1) * TILE + tl.arange(0, TILE)
    row_in = rows < n_rows
    box_in = boxes < n_boxes
    total = tl.zeros((TILE, TILE), dtype=tl.float64)
    row_at = rows_at + rows
    box_at = weights_at + boxes
    done = 0
    while done < depth:
        row = tl.load(row_at, mask=row_in, other=0.0)
        weight = tl.load(box_at, mask=box_in, other=0.0)
        total += tl.minimum(row[:, None], weight[None, :])
        row_at += row_stride
        box_at += box_stride
        done += 1
    at = out_at + rows[:, None].to(tl.int64) * out_stride + boxes[None, :]
    tl.store(at, total, mask=row_in[:, None] & box_in[None, :])


def deficits(rows: Any, row_groups: Any, low: Any, high: Any, limit: Any, box_groups: Any, out: Any, *, earlier: bool) -> None:
    """Fill ``out``: see ``blockwise_score.deficits``; float32, ``low`` and ``high`` of one layout."""
    deficits_kernel[_grid(out, TILE)](
        rows,
        row_groups,
        low,
        high,
        limit,
        box_groups,
        out,
        out.shape[0],
        out.shape[1],
        rows.shape[0],
        rows.stride(0),
        low.stride(0),
        out.stride(0),
        EARLIER=earlier,
        TILE=TILE,
        CHUNK=CHUNK,
        UNROLLED=UNROLLED,
        num_warps=WARPS,
    )


def overlaps(rows: Any, weights: Any, out: Any) -> None:
    """Fill ``out`` (rows, boxes) float64 with |I ∧ w|, of (2d, rows) and (2d, boxes) float64."""
    tile = TILE // 2
    sizes = (*out.shape, rows.shape[0], rows.stride(0), weights.stride(0), out.stride(0))
    overlaps_kernel[_grid(out, tile)](rows, weights, out, *sizes, TILE=tile, num_warps=WARPS // 2)


def _grid(out: Any, tile: int) -> tuple[int, int]:
    return triton.cdiv(out.shape[0], tile), triton.cdiv(out.shape[1], tile)
