"""Whitened rows for ICA: in memory where they are few, in a scratch file where they are many, with subsamples to start on."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from darkframe import DataError
from darkframe.errors import StoreError
from darkframe.numerics.components import fit_whitening
from darkframe_fastica.workers import Workers

if TYPE_CHECKING:
    from darkframe import FitContext, Rows
    from darkframe.interfaces import F32, I64
    from darkframe.numerics.whitening import Whitening
    from darkframe.progress import Task

    Read = Callable[[int, int], F32]

MEMORY_LIMIT = 128 * 2**20  # bytes of whitened rows, and of subsample rows, held in memory at most
_BLOCK = 8192  # rows read at a time
_PIECE = 1024  # rows whitened by one worker at a time; fixed, so that results do not depend on how many workers there are


class Whitened(Protocol):
    """Whitened rows that can be read tile by tile, by several threads at once."""

    n: int
    k: int

    def reader(self) -> AbstractContextManager[Read]:
        """A function (start, stop) → (stop − start, k) float32, each answer valid until the next; one reader a thread."""


class InMemory:
    """Whitened rows in an array."""

    def __init__(self, array: F32) -> None:
        self.array = array
        self.n, self.k = array.shape

    def reader(self) -> AbstractContextManager[Read]:
        """Read by slicing."""
        return nullcontext(lambda start, stop: self.array[start:stop])


class OnDisk:
    """Whitened rows in a file of raw float32, read into one reusable buffer a reader (mapped pages would count as memory)."""

    def __init__(self, path: Path, n: int, k: int) -> None:
        self.path, self.n, self.k = path, n, k

    @contextmanager
    def reader(self) -> Iterator[Read]:
        """Read with ``readinto``."""
        buffer = np.empty((0, self.k), np.float32)
        with self.path.open("rb", buffering=0) as file:

            def read(start: int, stop: int) -> F32:
                nonlocal buffer
                if len(buffer) < stop - start:
                    buffer = np.empty((stop - start, self.k), np.float32)
                rows = buffer[: stop - start]
                file.seek(start * self.k * 4)
                _read_all(file.readinto, rows.reshape(-1).view(np.uint8).data, self.path)
                return rows

            yield read


def _read_all(readinto: Callable[[memoryview], int | None], view: memoryview, path: Path) -> None:
    done = 0
    while done < len(view):
        got = readinto(view[done:])
        if not got:
            raise DataError(f"The scratch file {path} was cut short while the fit was reading it.", hint="Run the fit again.")
        done += got


@dataclass(frozen=True, eq=False)
class Stages:
    """What a fit goes through: random subsamples of growing size, then all rows.

    Attributes:
        whitening: How the rows were whitened.
        stages: Subsamples, each about fourfold the one before and containing it, and all rows as the last.
    """

    whitening: Whitening
    stages: tuple[Whitened, ...]

    @property
    def all(self) -> Whitened:
        """All rows."""
        return self.stages[-1]


def stage_sizes(n: int, k: int, first: int | None) -> list[int]:
    """Sizes of the subsamples: from ``first`` on about fourfold each, in equal ratios up to all n rows, within the memory limit.

    None takes 8192 rows, or 64 a component; 0, or more than a quarter of the rows, means none.
    """
    start = max(8192, 64 * k) if first is None else first
    if start == 0 or 4 * start > n:
        return []
    steps = max(1, round(math.log(n / start, 4)))
    sizes = [round(start * (n / start) ** (i / steps)) for i in range(steps)]
    return [size for size in sizes if 4 * k * size <= MEMORY_LIMIT]


def stratified(n: int, count: int, rng: np.random.Generator) -> I64:
    """``count`` distinct row numbers, ascending: one at random from each of ``count`` equal stretches of the n rows.

    Neighbouring tokens are correlated; spreading the rows evenly over the text makes them as independent as they can be,
    and takes no memory that grows with n.
    """
    edges = (np.arange(count + 1, dtype=np.int64) * n) // count
    return edges[:-1] + rng.integers(0, np.diff(edges))


def whitened_stages(rows: Rows, n_components: int | None, first: int | None, context: FitContext, workers: Workers) -> Stages:
    """Whiten the rows, and draw the subsamples.

    Where there is a scratch folder the whitened rows are kept in it, under a name made of the rows' key and the whitening: a
    later fit on the same rows (another seed) finds them there. They are read into memory only where they are few.

    Args:
        rows: (N, d) rows.
        n_components: The user's own number of components, or None.
        first: Rows of the smallest subsample; 0: none; None: the default.
        context: Seed, recommended number of components, scratch folder.
        workers: While they exist BLAS keeps to one thread, so that mean, covariance and eigenvectors repeat to the bit too.

    Raises:
        ParameterError: More components asked for than there can be.
        DataError: A row holds NaN or infinite values, there are fewer than two rows, or they are all the same.
        StoreError: The scratch file cannot be written.
    """
    whitening = fit_whitening(rows, n_components, context)
    with context.progress.task("whiten", len(rows), "rows") as task:
        blocks = whitened_blocks(rows, whitening, workers, task)
        full = (
            _in_memory(blocks, len(rows), whitening.k)
            if context.scratch is None
            else _kept(rows, whitening, blocks, context.scratch)
        )
    sizes = stage_sizes(full.n, full.k, first)
    subsample = (
        _shuffled(full, sizes[-1], np.random.default_rng([context.seed, 1])) if sizes else np.empty((0, full.k), np.float32)
    )
    return Stages(whitening, (*(InMemory(subsample[:size]) for size in sizes), full))


def _in_memory(blocks: Iterable[F32], n: int, k: int) -> InMemory:
    out, start = np.empty((n, k), np.float32), 0
    for block in blocks:
        out[start : start + len(block)] = block
        start += len(block)
    return InMemory(out)


def _kept(rows: Rows, whitening: Whitening, blocks: Iterable[F32], folder: Path) -> Whitened:
    """The whitened rows in a file of the folder, which is written unless it is there."""
    name = hashlib.sha256(rows.key.encode())
    for part in (whitening.mean, whitening.components, whitening.variances):
        name.update(np.ascontiguousarray(part).data)
    path = folder / f"whitened-{name.hexdigest()[:32]}.f32"
    if not path.exists():
        _write(blocks, path)
    kept = OnDisk(path, len(rows), whitening.k)
    if kept.n * kept.k * 4 > MEMORY_LIMIT:
        return kept
    with kept.reader() as read:
        return InMemory(read(0, kept.n))


def _write(blocks: Iterable[F32], path: Path) -> None:
    unfinished = path.with_name(f"{uuid.uuid4().hex}.tmp")
    try:
        with unfinished.open("wb") as file:
            for block in blocks:
                file.write(block.data)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(
            f"The scratch file {path} could not be written: {error.strerror}.", hint="Free some disk space."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _shuffled(data: Whitened, count: int, rng: np.random.Generator) -> F32:
    """``count`` rows spread evenly over all, in random order, so that any first part of them is a random subsample too."""
    chosen, places = stratified(data.n, count, rng), rng.permutation(count)
    out = np.empty((count, data.k), np.float32)
    with data.reader() as read:
        for start in range(0, data.n, _BLOCK):
            stop = min(start + _BLOCK, data.n)
            low, high = np.searchsorted(chosen, (start, stop))
            out[places[low:high]] = read(start, stop)[chosen[low:high] - start]
    return out


def whitened_blocks(rows: Rows, whitening: Whitening, workers: Workers, task: Task) -> Iterator[F32]:
    """Whitened blocks in order, each valid until the next is asked for."""
    out = np.empty((0, whitening.k), np.float32)
    projection = whitening.filters(np.eye(whitening.k)).T.astype(np.float32)
    mean, start = whitening.mean.astype(np.float32), 0
    for block in rows.blocks():
        if len(out) < len(block):
            out = np.empty((len(block), whitening.k), np.float32)

        def piece(low: int, block: F32 = block, out: F32 = out) -> None:
            part = block[low : low + _PIECE]
            np.matmul(part - mean, projection, out=out[low : low + len(part)])

        workers.run(piece, range(0, len(block), _PIECE))
        done = out[: len(block)]
        if not np.isfinite(done.sum()):
            raise DataError(f"Rows {start} to {start + len(block) - 1} hold NaN or infinite values.")
        start += len(block)
        task.advance(len(block))
        yield done
