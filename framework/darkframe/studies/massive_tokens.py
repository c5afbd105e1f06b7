"""The massive tokens of a finished pass, and whether the pilot's cut still stands at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkframe.numerics.massive import NormCut, streamed_cut
from darkframe.results import MassiveToken
from darkframe.store.arrays import ArrayReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64, Source

LISTED = 50
_BLOCK = 1 << 16


def _blocks(path: Path) -> Iterator[tuple[int, NDArray[np.float32]]]:
    return ArrayReader(path).blocks(_BLOCK)


def largest_massive(folder: Path) -> tuple[int, I64]:
    """How many massive tokens there are, and the row numbers of those of largest norm, largest first."""
    count, best, numbers = 0, np.empty(0, np.float32), np.empty(0, np.int64)
    for (first, norms), (_, massive) in zip(_blocks(folder / "norms.npy"), _blocks(folder / "massive.npy"), strict=True):
        here = np.flatnonzero(massive)
        count += len(here)
        numbers, best = np.concatenate([numbers, first + here]), np.concatenate([best, norms[here]])
        order = np.argsort(-best, kind="stable")[:LISTED]
        numbers, best = numbers[order], best[order]
    return count, numbers


def _look_up(folder: Path, name: str, numbers: I64) -> F64:
    order = np.argsort(numbers)
    out = np.empty(len(numbers), np.float64)
    out[order] = ArrayReader(folder / f"{name}.npy").take(numbers[order])
    return out


def list_massive(folder: Path, source: Source) -> tuple[int, list[MassiveToken]]:
    """How many massive tokens there are, and the (at most 50) of largest norm."""
    count, numbers = largest_massive(folder)
    columns = [_look_up(folder, name, numbers) for name in ("tokens", "documents", "positions", "norms")]
    texts = source.decode_tokens([int(token) for token in columns[0]]) if len(numbers) else []
    return count, [
        MassiveToken(int(token), text, int(document), int(position), float(norm))
        for token, document, position, norm, text in zip(*columns, texts, strict=True)
    ]


def norms_of(folder: Path) -> Iterator[F32]:
    """The norms, block by block."""
    return (block for _, block in _blocks(folder / "norms.npy"))


def check_cut(folder: Path, pilot: NormCut, n: int, count: int) -> list[str]:
    """A note if the cut that all norms would give differs noticeably from the pilot's."""
    final = streamed_cut(lambda: norms_of(folder), n)
    would = sum(int((block > np.float32(final.cut)).sum()) for block in norms_of(folder))
    if abs(would - count) <= max(10, 0.1 * max(would, count)):
        return []
    return [
        f"The massive cut was set on the first {pilot.n:,} tokens (‖x‖ > {pilot.cut:.4g}: {count:,} massive tokens); "
        f"the norms of all {n:,} would set it at {final.cut:.4g} ({would:,})."
    ]
