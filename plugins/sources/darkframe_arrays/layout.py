"""Where each token stands: its document, its place in it, whether it is left out, and how tokens fall into batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import DataError
from darkframe_arrays.columns import CHUNK, Activations, Labels, chunks

if TYPE_CHECKING:
    from darkframe.interfaces import I32, I64, Bool

_MOST = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Places:
    """Labels of consecutive tokens, as a ``Batch`` has them."""

    tokens: I32
    documents: I32
    positions: I32
    context_positions: I32
    special: Bool


@dataclass(frozen=True, eq=False)
class _Survey:
    """What one pass over all labels finds: O(documents) numbers.

    Attributes:
        starts: (D,) int64, first token of each document.
        before: (D,) int64, content tokens before each document.
        marks: Content tokens before each chunk of labels.
        content: Content tokens in all.
        largest: Largest token id among content tokens.
    """

    starts: I64
    before: I64
    marks: I64
    content: int
    largest: int


class Layout:
    """Labels of all tokens, read from disk as they are asked for.

    Args:
        activations: What they belong to.
        tokens, documents, positions, special: Where they are given.
        special_ids: Token ids that are left out.
        document_rows: So many consecutive tokens count as a document where neither documents nor input rows are known.
    """

    def __init__(
        self,
        activations: Activations,
        *,
        tokens: Labels | None,
        documents: Labels | None,
        positions: Labels | None,
        special: Labels | None,
        special_ids: frozenset[int],
        document_rows: int,
    ) -> None:
        self._n, self._slots = activations.n, activations.slots
        self._tokens, self._documents, self._positions, self._special = tokens, documents, positions, special
        self._special_ids = np.array(sorted(special_ids), np.int64)
        self._document_rows = document_rows
        if tokens is None and self._n > _MOST:
            raise DataError(
                f"{activations.label} holds {self._n:,} tokens: more than {_MOST:,} cannot be told apart without ids."
            )

    def describe(self) -> str:
        """How tokens fill rows and documents, in words."""
        rows = f"input rows of {self._slots} tokens" if self._slots else "one activation after another, input rows not known"
        if self._documents is not None:
            return f"{rows}; documents as given"
        if self._slots:
            return f"{rows}; documents not known: each row counts as one"
        return f"{rows}; documents not known: every {self._document_rows:,} consecutive tokens count as one"

    @property
    def content(self) -> int:
        """Number of tokens that are not left out."""
        return self._survey.content

    @property
    def largest_token(self) -> int:
        """Largest token id among those that are not left out."""
        return self._survey.largest

    def places(self, start: int, stop: int) -> Places:
        """Labels of the tokens ``[start:stop)``."""
        survey, rows = self._survey, np.arange(start, stop)
        special = self._is_special(start, stop)
        document = np.searchsorted(survey.starts, rows, "right") - 1
        if self._positions is None:
            content = self._content_before(start) + np.cumsum(~special) - ~special  # before each token
            positions = content - survey.before[document]
        else:
            positions = self._positions.read(start, stop)
        slots = rows % self._slots if self._slots else np.full(len(rows), -1)
        return Places(
            tokens=self._ids(start, stop).astype(np.int32),
            documents=document.astype(np.int32),
            positions=np.where(special, -1, positions).astype(np.int32),
            context_positions=slots.astype(np.int32),
            special=special,
        )

    def _ids(self, start: int, stop: int) -> I64:
        return np.arange(start, stop) if self._tokens is None else self._tokens.read(start, stop)

    def _is_special(self, start: int, stop: int) -> Bool:
        special = np.zeros(stop - start, np.bool_) if self._special is None else self._special.read(start, stop) != 0
        if len(self._special_ids) and self._tokens is not None:
            special |= np.isin(self._tokens.read(start, stop), self._special_ids)
        return special

    def _content_before(self, token: int) -> int:
        """Content tokens before a token."""
        chunk = token // CHUNK
        return int(self._survey.marks[chunk]) + int((~self._is_special(chunk * CHUNK, token)).sum())

    # ------------------------------------------------------------ one pass over all labels

    @cached_property
    def _survey(self) -> _Survey:
        starts, before, marks = [], [], []
        content, largest = 0, 0
        for start, stop in chunks(self._n):
            special = self._is_special(start, stop)
            largest = max(largest, self._check_ids(start, stop, special))
            begins = self._begins(start, stop)
            starts.append(start + begins)
            before.append(content + (np.cumsum(~special) - ~special)[begins])
            marks.append(content)
            content += int((~special).sum())
        survey = _Survey(np.concatenate(starts), np.concatenate(before), np.array(marks), content, largest)
        self._check_documents(survey.starts)
        self._check_positions(survey.starts)
        return survey

    def _begins(self, start: int, stop: int) -> I64:
        """Which tokens of a range begin a document, counted from its start."""
        if self._documents is None:
            length = self._slots or self._document_rows
            return np.flatnonzero(np.arange(start, stop) % length == 0)
        ids = self._documents.read(max(start - 1, 0), stop)
        changes = np.flatnonzero(np.diff(ids)) + (1 if start == 0 else 0)
        return np.concatenate([[0], changes]).astype(np.int64) if start == 0 else changes

    def _check_ids(self, start: int, stop: int, special: Bool) -> int:
        """The largest id of a range; ids of tokens that are left out may be anything."""
        ids = self._ids(start, stop)[~special]
        if not len(ids):
            return 0
        if ids.min() < 0 or ids.max() > _MOST:
            assert self._tokens is not None
            row = start + int(np.flatnonzero(~special)[np.flatnonzero((ids < 0) | (ids > _MOST))[0]])
            raise DataError(
                f"{self._tokens.label} holds {int(self._ids(row, row + 1)[0])} at token {row:,}, which is no token id.",
                hint="If it marks padding, name it in source.special_ids.",
            )
        return int(ids.max())

    def _check_documents(self, starts: I64) -> None:
        """A document's tokens must stand together."""
        if self._documents is None:
            return
        ids = self._first(starts)
        order = np.argsort(ids, kind="stable")
        again = np.flatnonzero(np.diff(ids[order]) == 0)
        if len(again):
            at = order[again + 1].min()
            raise DataError(
                f"{self._documents.label}: document {int(ids[at])} comes back at token {int(starts[at]):,}; a document's tokens "
                "must stand together.",
                hint="Sort all arrays by document (numpy.argsort(documents, kind='stable')).",
            )

    def _first(self, starts: I64) -> I64:
        """Document ids at many places, read in one pass."""
        assert self._documents is not None
        out = [self._documents.read(a, b)[starts[(starts >= a) & (starts < b)] - a] for a, b in chunks(self._n)]
        return np.concatenate(out)

    def _check_positions(self, starts: I64) -> None:
        """Within a document, content tokens' positions rise from 0 or more."""
        if self._positions is None:
            return
        last_document, last_position = -1, -1
        for start, stop in chunks(self._n):
            kept = start + np.flatnonzero(~self._is_special(start, stop))
            if not len(kept):
                continue
            positions = self._positions.read(start, stop)[kept - start]
            documents = np.searchsorted(starts, kept, "right") - 1
            same = np.diff(documents, prepend=last_document) == 0
            fallen = np.flatnonzero(
                (positions < 0) | (positions > _MOST) | (same & (np.diff(positions, prepend=last_position) <= 0))
            )
            if len(fallen):
                at = int(fallen[0])
                raise DataError(
                    f"{self._positions.label} holds {int(positions[at])} at token {int(kept[at]):,}; within a document positions "
                    "rise from 0.",
                    hint="Are source.documents those of the same tokens? Without source.positions they are counted.",
                )
            last_document, last_position = int(documents[-1]), int(positions[-1])


def batch_ranges(n: int, slots: int | None, batch_size: int, start: int) -> Iterator[tuple[int, int]]:
    """Ranges of tokens, batch after batch from number ``start`` on: whole input rows where those are known."""
    size = max(batch_size // slots, 1) * slots if slots else batch_size
    for first in range(start * size, n, size):
        yield first, min(first + size, n)
