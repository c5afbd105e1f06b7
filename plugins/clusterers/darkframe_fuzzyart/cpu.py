"""The CPU engine: kernels compiled by numba; rows are filtered and judged by threads, and learn in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from darkframe_fuzzyart.engine import Categories, Rule
from darkframe_fuzzyart.kernels import learn, refresh_all, to_bytes
from darkframe_fuzzyart.lanes import ROWS
from darkframe_fuzzyart.scan import filter_block, judge_flat, judge_nested, match_block
from darkframe_fuzzyart.store import empty_store, fill, grown, terms, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64

FILTERED = 512
"""Rows filtered against the categories as they stood before the first of them."""

AGAIN = 32
"""Rows after which those that follow are filtered against the categories made meanwhile."""

FILTER_FROM = 128
"""Categories from which on the filter pays."""

JUDGED = 256
"""Rows judged at a time: their bounds with all categories are held at once."""

_NO_PARENTS = np.empty(0, np.int64)
_NO_ENDS = np.empty((0, 2), np.int64)
_NO_MASKS = np.empty((FILTERED, 0), np.uint64)


class CpuLevel:
    """One level's categories on the CPU; see ``Level``."""

    def __init__(self, rule: Rule, start: Categories, engine: CpuEngine) -> None:
        self._terms = terms(rule, start.weights.shape[1] // 2)
        self._engine = engine
        self._size = len(start.counts)
        self._store = empty_store(self._terms, self._size)
        self._ends = _NO_ENDS
        fill(self._store, self._terms, start)
        refresh_all(self._store, self._terms, self._size, np.zeros(self._terms.width))
        if self._size:
            self._chain()

    @property
    def size(self) -> int:
        """Categories so far."""
        return self._size

    def learn(self, rows: F64, parents: I64 | None) -> I64:
        """See ``Level``."""
        labels = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), FILTERED):
            part = slice(start, start + FILTERED)
            self._learn(rows[part], _NO_PARENTS if parents is None else parents[part], labels[part])
        return labels

    def choose(self, rows: F64, parents: I64 | None) -> tuple[I64, F64]:
        """See ``Level``."""
        labels = np.full(len(rows), -1)
        match, _ = self._judge(rows, parents, labels)
        return labels, match

    def judge(self, rows: F64, parents: I64 | None, labels: I64) -> tuple[F64, F64]:
        """See ``Level``."""
        return self._judge(rows, parents, labels.copy())

    def match(self, rows: F64) -> F64:
        """See ``Level``."""
        out = np.empty((len(rows), self._size))

        def piece(part: slice) -> None:
            match_block(self._store, self._terms, rows[part], self._size, out[part])

        self._engine.run(piece, len(rows), JUDGED)
        return out

    def categories(self) -> Categories:
        """See ``Level``."""
        store, size = self._store, self._size
        return Categories(weights_of(store, self._terms, size), store.counts[:size], store.parents[:size])

    def _learn(self, rows: F64, parents: I64, labels: I64) -> None:
        self._store = grown(self._store, self._terms, self._size, len(rows))
        x = self._bytes(rows)
        if len(parents):
            self._ends = _reaching(self._ends, int(parents.max()) + 1)
            self._size = learn(
                self._store, self._terms, rows, x, parents, self._ends, _NO_MASKS[: len(rows)], 0, self._size, labels
            )
        else:
            self._learn_filtered(rows, x, labels)

    def _learn_filtered(self, rows: F64, x: NDArray[np.uint8], labels: I64) -> None:
        """Filter all rows against the categories there are, then a few at a time against those made since."""
        masks = np.zeros((len(rows), -(-(self._size + len(rows)) // 64)), np.uint64)
        known = self._size if self._size >= FILTER_FROM else 0
        if known:

            def piece(part: slice) -> None:
                filter_block(self._store, self._terms, x, part.start, 0, known, masks[part])

            self._engine.run(piece, len(rows), -(-len(rows) // (self._engine.threads * ROWS)) * ROWS)
        for start in range(0, len(rows), AGAIN):
            part = slice(start, start + AGAIN)
            made = self._size if self._size >= FILTER_FROM else 0
            if made > known:
                filter_block(self._store, self._terms, x, start, known, made, masks[part])
            mine = x[start * self._terms.bytes :]
            self._size = learn(
                self._store,
                self._terms,
                rows[part],
                mine,
                _NO_PARENTS,
                _NO_ENDS,
                masks[part, : -(-made // 64)],
                made,
                self._size,
                labels[part],
            )

    def _judge(self, rows: F64, parents: I64 | None, labels: I64) -> tuple[F64, F64]:
        out = np.empty((2, len(rows)))

        def piece(part: slice) -> None:
            some, x = rows[part], self._bytes(rows[part])
            if parents is None:
                judge_flat(self._store, self._terms, some, x, self._size, labels[part], out[:, part])
            else:
                judge_nested(self._store, self._terms, some, x, parents[part], self._ends, self._size, labels[part], out[:, part])

        self._engine.run(piece, len(rows), JUDGED)
        return out[0], out[1]

    def _bytes(self, rows: F64) -> NDArray[np.uint8]:
        """The rows' bytes, with room for a multiple of ``ROWS`` rows."""
        x = np.empty(-(-len(rows) // ROWS) * ROWS * self._terms.bytes, np.uint8)
        to_bytes(rows, self._terms.bytes, x)
        return x

    def _chain(self) -> None:
        """Link the categories of each parent, in order."""
        parents = self._store.parents[: self._size]
        self._ends = _reaching(_NO_ENDS, int(parents.max()) + 1)
        order = np.argsort(parents, kind="stable")
        same = parents[order[1:]] == parents[order[:-1]]
        following = np.full(self._size, -1)
        following[order[:-1][same]] = order[1:][same]
        self._store.following[: self._size] = following
        self._ends[parents[::-1], 0] = np.arange(self._size)[::-1]
        self._ends[parents, 1] = np.arange(self._size)


def _reaching(ends: I64, parents: int) -> I64:
    """``ends`` for so many parents or more, new ones without categories."""
    if parents <= len(ends):
        return ends
    grown = np.full((parents + parents // 2, 2), -1)
    grown[: len(ends)] = ends
    return grown


class CpuEngine:
    """Computes on the CPU with some threads."""

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or _cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="darkframe-art") if self.threads > 1 else None

    def level(self, rule: Rule, start: Categories) -> CpuLevel:
        """See ``Engine``."""
        return CpuLevel(rule, start, self)

    def run(self, work: Callable[[slice], None], n: int, size: int) -> None:
        """``work`` on consecutive slices of ``size`` of n things, by all threads."""
        parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        if self._pool is None or len(parts) == 1:
            for part in parts:
                work(part)
        else:
            list(self._pool.map(work, parts))


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
