"""Whitened rows for ICA: in memory where they are few, in a scratch file where they are many, with subsamples to start on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np

from darkframe import DataError
from darkframe.errors import StoreError
from darkframe.numerics.components import fit_whitening
from darkframe_fastica.workers import Workers

if TYPE_CHECKING:
    from darkframe import FitContext, Rows
    from darkframe.interfaces import F32, I64
    from darkframe.numerics.whitening import Whitening

    Read = Callable[[int, int], F32]

MEMORY_LIMIT = 128 * 2**20  # bytes of whitened rows, and of subsample rows, held in memory at most
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
        stages: Subsamples, each fourfold the one before and containing it, and all rows as the last.
    """

    whitening: Whitening
    stages: tuple[Whitened, ...]

    @property
    def all(self) -> Whitened:
        """All rows."""
        return self.stages[-1]


def stage_sizes(n: int, k: int, first: int | None) -> list[int]:
    """Sizes of the subsamples: first, 4·first, … up to half the rows and the memory limit; None: 16384, or 64 a component."""
    size, sizes = max(16384, 64 * k) if first is None else first, []
    while 0 < size <= min(n // 2, MEMORY_LIMIT // (4 * k)):
        sizes.append(size)
        size *= 4
    return sizes


def stratified(n: int, count: int, rng: np.random.Generator) -> I64:
    """``count`` distinct row numbers, ascending: one at random from each of ``count`` equal stretches of the n rows.

    Neighbouring tokens are correlated; spreading the rows evenly over the text makes them as independent as they can be,
    and takes no memory that grows with n.
    """
    edges = (np.arange(count + 1, dtype=np.int64) * n) // count
    return edges[:-1] + rng.integers(0, np.diff(edges))


@contextmanager
def whitened_stages(
    rows: Rows, n_components: int | None, first: int | None, context: FitContext, workers: Workers
) -> Iterator[Stages]:
    """Whiten the rows once; the scratch file, if one was needed, is removed on leaving.

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
    n, k = len(rows), whitening.k
    rng = np.random.default_rng([context.seed, 1])
    sizes = stage_sizes(n, k, first)
    chosen = stratified(n, sizes[-1], rng) if sizes else np.empty(0, np.int64)
    places = rng.permutation(len(chosen))
    subsample = np.empty((len(chosen), k), np.float32)
    in_memory = context.scratch is None or n * k * 4 <= MEMORY_LIMIT
    path = None if in_memory or context.scratch is None else context.scratch / f"whitened-{uuid.uuid4().hex}.f32"
    everything = np.empty((n if in_memory else 0, k), np.float32)
    try:
        with nullcontext() if path is None else path.open("wb") as file, context.progress.task("whiten", n, "rows") as task:
            start = 0
            for block in whitened_blocks(rows, whitening, workers):
                low, high = np.searchsorted(chosen, (start, start + len(block)))
                subsample[places[low:high]] = block[chosen[low:high] - start]
                if file is None:
                    everything[start : start + len(block)] = block
                else:
                    _write(file, block, path)
                start += len(block)
                task.advance(len(block))
        full: Whitened = InMemory(everything) if path is None else OnDisk(path, n, k)
        yield Stages(whitening, (*(InMemory(subsample[:size]) for size in sizes), full))
    finally:
        if path is not None:
            path.unlink(missing_ok=True)


def _write(file: IO[bytes], block: F32, path: Path | None) -> None:
    try:
        file.write(block.data)
    except OSError as error:
        raise StoreError(
            f"The scratch file {path} could not be written: {error.strerror}.", hint="Free some disk space."
        ) from error


def whitened_blocks(rows: Rows, whitening: Whitening, workers: Workers) -> Iterator[F32]:
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
        yield done
