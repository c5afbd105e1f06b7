"""The largest entries of each column of a stream of rows, in memory that does not grow with the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64


class TopK:
    """Keeps, for each of ``columns`` columns, the ``k`` entries of largest magnitude seen so far.

    Entries of equal magnitude are kept, and ordered, by row number: the result does not depend on how rows were cut into blocks.
    """

    def __init__(self, columns: int, k: int) -> None:
        self.k = k
        self._values: list[NDArray[Any]] = [np.empty(0)] * columns
        self._rows: list[I64] = [np.empty(0, np.int64)] * columns

    def update(self, block: NDArray[Any], rows: I64) -> None:
        """Take in a block (n, columns) whose row numbers are ``rows`` (n,), larger than all before."""
        cuts = np.array([np.abs(values[-1]) if len(values) == self.k else -1.0 for values in self._values])
        hits, columns = np.nonzero(np.abs(block) > cuts)
        order = np.argsort(columns, kind="stable")
        bounds = np.searchsorted(columns[order], np.arange(len(cuts) + 1))
        for column in np.unique(columns):
            mine = hits[order[bounds[column] : bounds[column + 1]]]
            self._merge(int(column), block[mine, column].astype(np.float64), rows[mine])

    def _merge(self, column: int, values: F64, rows: I64) -> None:
        values = np.concatenate([self._values[column], values])
        rows = np.concatenate([self._rows[column], rows])
        keep = np.lexsort((rows, -np.abs(values)))[: self.k]
        self._values[column], self._rows[column] = values[keep], rows[keep]

    def result(self, column: int) -> tuple[F64, I64]:
        """Signed values and row numbers of one column, largest magnitude first; fewer than k if fewer rows were seen."""
        return self._values[column].copy(), self._rows[column].copy()
