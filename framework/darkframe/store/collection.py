"""One complete entry of the activation cache, read side: arrays on disk, rows for the decomposers, exact statistics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError
from darkframe.numerics.rows import sample_indices
from darkframe.numerics.statistics import SUBSETS, Statistics
from darkframe.store.arrays import ArrayReader, open_array
from darkframe.store.atomic import content_key, read_json
from darkframe.store.tensors import read_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64, Bool

SCHEMA = 1
ARRAYS: dict[str, str] = {
    "residuals": "<f4",
    "activations": "<f4",
    "tokens": "<i4",
    "documents": "<i4",
    "positions": "<i4",
    "norms": "<f4",
    "massive": "|b1",
    "half": "|u1",
}
WIDE = ("residuals", "activations")


class Collection:
    """What ``collect`` left on disk.

    Attributes:
        path: The entry's folder.
        key: Content hash of everything the entry depends on.
        n_tokens: N kept tokens (special ones are not among them).
        d_model: d.
        meta: Source card, counts, cut, seconds, notes; see ``studies.collect``.

    Raises:
        StoreError: The entry is missing, unfinished, damaged or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not (self.path / "meta.json").is_file():
            raise StoreError(
                f"{self.path} is not a complete collection of activations.",
                hint="Run the study again: it collects what is missing.",
            )
        meta = read_json(self.path / "meta.json")
        if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
            found = meta.get("schema") if isinstance(meta, dict) else None
            hint = f"Delete {self.path} and run again."
            raise StoreError(f"{self.path} has schema {found}; this darkframe reads schema {SCHEMA}.", hint=hint)
        self.meta: dict[str, Any] = meta
        self.key = str(meta["key"])
        self.n_tokens = int(meta["n_tokens"])
        self.d_model = int(meta["d_model"])

    @classmethod
    def open(cls, path: Path) -> Collection:
        """The same as ``Collection(path)``."""
        return cls(path)

    @property
    def has_activations(self) -> bool:
        """Whether the activations x were kept beside the residuals."""
        return bool(self.meta["keep_activations"])

    def array(self, name: str) -> NDArray[Any]:
        """Read-only memory map of one array, in the order of the text.

        ``residuals`` and ``activations`` (N, d) float32; ``tokens``, ``documents``, ``positions`` (N,) int32; ``norms`` (N,)
        float32, ‖x‖; ``massive`` (N,) bool; ``half`` (N,) uint8, which half of the documents: 0 is a, 1 is b.

        Raises:
            StoreError: The array is damaged, or is ``activations`` and was not kept.
        """
        if name not in ARRAYS:
            raise StoreError(f"A collection has no array {name!r}; it has {', '.join(ARRAYS)}.")
        if name == "activations" and not self.has_activations:
            raise StoreError("The activations were not kept.", hint="Collect again with --set study.keep_activations=true.")
        array = open_array(self.path / f"{name}.npy")
        if len(array) != self.n_tokens:
            raise StoreError(
                f"{self.path / name}.npy is damaged: {len(array)} rows, not {self.n_tokens}.",
                hint=f"Delete {self.path} and run again.",
            )
        return array

    def reader(self, name: str) -> ArrayReader:
        """Plain reads of one array, whose pages do not count as the process's memory."""
        return ArrayReader(self.path / f"{name}.npy")

    @cached_property
    def statistics(self) -> Statistics:
        """Exact statistics of the pass."""
        state, _ = read_tensors(self.path / "statistics.safetensors")
        return Statistics(state, exclude_massive=self.meta["massive_mode"] == "exclude", pilot=int(self.meta["pilot_ordinary"]))

    def mask(self, subset: str, start: int = 0, stop: int | None = None) -> Bool:
        """(stop − start,) bool: which of the rows from ``start`` to ``stop`` belong to a subset."""
        if subset not in SUBSETS:
            raise ValueError(f"no rows {subset!r}; there are {', '.join(SUBSETS)}")
        stop = self.n_tokens if stop is None else stop
        chosen = np.ones(stop - start, np.bool_)
        if subset != "all" and self.meta["massive_mode"] == "exclude":
            chosen &= ~self._massive[start:stop]
        if subset.startswith("half"):
            chosen &= self._half[start:stop] == (subset == "half-b")
        return chosen

    @cached_property
    def _massive(self) -> NDArray[Any]:
        return self.array("massive")

    @cached_property
    def _half(self) -> NDArray[Any]:
        return self.array("half")

    def row_numbers(self, subset: str = "ordinary") -> I64:
        """(n,) int64 places of that subset's rows in the arrays, ascending."""
        return np.flatnonzero(self.mask(subset)).astype(np.int64)

    def rows(self, subset: str = "ordinary") -> CollectionRows:
        """The residuals of a subset: ``ordinary``, ``all``, ``half-a`` or ``half-b``."""
        self.statistics.groups(subset)
        return CollectionRows(self, subset)


class CollectionRows:
    """Residuals of one subset of a collection, as ``Rows``: streamed from the file, never held."""

    def __init__(self, collection: Collection, subset: str) -> None:
        self._collection = collection
        self._subset = subset
        self._reader = collection.reader("residuals")
        self._n = collection.statistics.count(subset)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self._n, self._collection.d_model

    def __len__(self) -> int:
        return self._n

    @cached_property
    def key(self) -> str:
        """Content hash: the collection's key and the subset."""
        return content_key({"collection": self._collection.key, "subset": self._subset})

    @cached_property
    def _exact(self) -> tuple[F64, F64]:
        return self._collection.statistics.mean_and_covariance(self._subset)

    @property
    def mean(self) -> F64:
        """(d,) float64, exact."""
        return self._exact[0]

    @property
    def covariance(self) -> F64:
        """(d, d) float64, exact, divisor n − 1."""
        return self._exact[1]

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        """Consecutive (≤ size, d) float32 blocks in order; valid until the next is asked for."""
        for first, block in self._reader.blocks(size):
            chosen = self._collection.mask(self._subset, first, first + len(block))
            if chosen.all():
                yield block
            elif chosen.any():
                yield block[chosen]

    def sample(self, n: int, seed: int) -> F32:
        """min(n, N) rows without replacement, seeded, in row order."""
        numbers = self._collection.row_numbers(self._subset)
        return self._reader.take(numbers[sample_indices(self._n, n, seed)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        out = np.empty(self.shape, np.dtype(dtype) if dtype is not None else np.float32)
        first = 0
        for block in self.blocks():
            out[first : first + len(block)] = block
            first += len(block)
        return out
