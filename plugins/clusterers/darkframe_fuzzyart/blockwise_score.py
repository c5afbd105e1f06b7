"""Deficits of a block of rows against many boxes on any device: a Triton kernel on CUDA, the same in plain PyTorch elsewhere."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import torch

logger = logging.getLogger("darkframe.fuzzyart")

CHUNK = 32
"""Dimensions summed before anything is asked of the sums; the kernel's too."""

SCRATCH = 32 * 2**20
"""Bytes that the sums in plain PyTorch may take besides their result."""


@lru_cache
def fused(device: str) -> Any:
    """The module of Triton kernels if they run on this device, else None.

    They are tried on a small problem: Triton may be missing, or lack the C compiler that it needs.
    """
    if not device.startswith("cuda"):
        return None
    try:
        from darkframe_fuzzyart import cuda_kernel

        rows = torch.zeros((CHUNK, 1), device=device)
        groups = torch.zeros(1, dtype=torch.int32, device=device)
        out = torch.ones((1, 1), device=device)
        cuda_kernel.deficits(rows, groups, rows, rows, rows[0], groups, out, earlier=False)
        if out.item() != 0:
            raise RuntimeError(f"the kernel gave {out.item()} for 0")
    except Exception as error:  # whatever Triton, its compiler or the driver raise: plain PyTorch gives the same
        logger.warning("The fused CUDA kernel is not used, plain PyTorch is: %s: %s", type(error).__name__, error)
        return None
    return cuda_kernel


def deficits(
    rows: Any, row_groups: Any, low: Any, high: Any, limit: Any, box_groups: Any, out: Any, *, earlier: bool, kernel: Any = None
) -> None:
    """out[i, j] ← D̂ of row i and box j, or a part of it that exceeds limit[j] already.

    Infinite where the groups differ, and with ``earlier`` (the boxes are the rows themselves) unless j < i.

    Args:
        rows: (depth, n) floats, ``depth`` a multiple of ``CHUNK``, zeros beyond the dimensions.
        row_groups: (n,) int32 ≥ 0.
        low: (depth, K) lower corners.
        high: (depth, K) upper corners.
        limit: (K,); infinity: sum everything.
        box_groups: (K,) int32 ≥ 0.
        out: (n, K), or columns of a wider array.
        earlier: See above.
        kernel: ``fused`` of the device.
    """
    if kernel is not None:
        with torch.cuda.device(out.get_device()):  # −1, no GPU, changes nothing
            kernel.deficits(rows, row_groups, low, high, limit, box_groups, out, earlier=earlier)
        return
    n, count = out.shape
    width = max(1, SCRATCH // (3 * CHUNK * n * rows.element_size()))
    for first in range(0, count, width):
        part = slice(first, min(first + width, count))
        inside = row_groups[:, None] == box_groups[None, part]
        if earlier:
            order = torch.arange(n, device=rows.device)
            inside &= order[None, part] < order[:, None]
        total = _sums(rows, low[:, part], high[:, part], limit[part], inside)
        out[:, part] = torch.where(inside, total, torch.inf)


def _sums(rows: Any, low: Any, high: Any, limit: Any, inside: Any) -> Any:
    total = torch.zeros(inside.shape, dtype=rows.dtype, device=rows.device)
    for start in range(0, rows.shape[0], CHUNK):
        if not (inside & (total <= limit)).any():
            break
        x = rows[start : start + CHUNK, :, None]
        gap = torch.maximum(low[start : start + CHUNK, None] - x, x - high[start : start + CHUNK, None])
        total += gap.clamp_(min=0).sum(dim=0)
    return total


def overlaps(rows: Any, weights: Any, *, kernel: Any = None) -> Any:
    """(n, K) float64 |I ∧ w|, added up from the first entry to the last, of (2d, n) and (2d, K) float64."""
    out = torch.zeros((rows.shape[1], weights.shape[1]), dtype=torch.float64, device=rows.device)
    if kernel is not None:
        with torch.cuda.device(out.get_device()):  # −1, no GPU, changes nothing
            kernel.overlaps(rows, weights, out)
        return out
    for row, weight in zip(rows, weights):
        out += torch.minimum(row[:, None], weight[None, :])
    return out
