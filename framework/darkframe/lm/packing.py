"""Token rows for a model: documents packed together, cut apart, or truncated; every slot knows its document and place.

===========  ======================================================================================================
``packed``   As SAELens packs its training rows (``concat_and_batch_sequences``): documents one after another with a
             separator between them, every row led by BOS, every row full. SAELens drops the unfinished last row; here it
             is padded, so that all of the text is used. Attention may reach into the document before.
``split``    Each document alone in rows of its own, cut into BOS-led pieces; nothing is lost, and attention never
             reaches another document. Rows are padded at the end.
``truncate`` The first context − 1 tokens of each document, one row a document; the rest of it is not used.
===========  ======================================================================================================

Padding stands at the end of a row, where causal attention keeps it from the tokens before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import ParameterError
from darkframe.lm.tokens import TokenDocument

if TYPE_CHECKING:
    from darkframe.interfaces import I32, Bool

PACKINGS = {
    "packed": "whole documents packed into {bos}rows of {context} as SAELens does, the last row padded",
    "split": "each document alone, cut into {bos}rows of {context}, padded",
    "truncate": "the first {content} tokens of each document, one {bos}row each, padded",
}
"""Modes, and what they do."""


def describe(mode: str, context_size: int, *, bos: bool) -> str:
    """How documents fill rows, in words.

    Raises:
        ParameterError: No such mode.
    """
    if mode not in PACKINGS:
        raise ParameterError(f"Packing {mode!r} is unknown.", hint=f"Expected one of {', '.join(PACKINGS)}.")
    return PACKINGS[mode].format(bos="BOS-led " if bos else "", context=context_size, content=context_size - bos)


@dataclass(frozen=True)
class PackingRule:
    """How documents fill rows.

    Attributes:
        mode: One of ``PACKINGS``.
        context_size: Slots in a row.
        begin: Token that leads every row (BOS), or None.
        separator: Token between documents of a packed row, or None.
        pad: Token that fills unused slots; any valid id, since padding is seen by nothing.
        special: Ids that are no content wherever they stand.
    """

    mode: str
    context_size: int
    begin: int | None
    separator: int | None
    pad: int
    special: frozenset[int]

    def __post_init__(self) -> None:
        describe(self.mode, self.context_size, bos=self.begin is not None)
        if self.context_size < 2:
            raise ParameterError(
                f"A context of {self.context_size} leaves no room for text beside BOS.", hint="Expected at least 2."
            )


@dataclass(frozen=True, eq=False)
class RowBatch:
    """Rows for one run of the model.

    Attributes:
        tokens: (rows, slots) int32; slots ≤ context size, no longer than the batch's longest row.
        documents: (rows, slots) int32 document numbers, never falling; BOS and separators belong to the document after
            them, padding to the one before.
        positions: (rows, slots) int32 place among the content tokens of the document, from 0; −1 for special tokens.
        skipped: Documents skipped as too short from the start of the text up to this batch.
    """

    tokens: I32
    documents: I32
    positions: I32
    skipped: int

    @property
    def special(self) -> Bool:
        """(rows, slots) bool: BOS, EOS and the like, and padding."""
        special: Bool = self.positions < 0
        return special


def row_batches(
    documents: Callable[[], Iterable[TokenDocument]], rule: PackingRule, batch_size: int, start: int = 0
) -> Iterator[RowBatch]:
    """Rows in batches of ``batch_size`` (the last may hold fewer), from batch ``start`` on.

    Batch i is the same whatever ``start`` was: the text before it is read and packed again, which costs little beside the model.

    Args:
        documents: Opens the stream of documents at its beginning, ended by an item without ids (see ``TokenDocument``).
        rule: How documents fill rows.
        batch_size: Rows in a batch.
        start: Number of the first batch to give.
    """
    rows = itertools.islice(_rows(documents(), rule), start * batch_size, None)
    while group := list(itertools.islice(rows, batch_size)):
        slots = max(row.filled for row in group)
        yield RowBatch(
            np.stack([row.tokens[:slots] for row in group]),
            np.stack([row.documents[:slots] for row in group]),
            np.stack([row.positions[:slots] for row in group]),
            group[-1].skipped,
        )


def content_tokens(documents: Iterable[TokenDocument], rule: PackingRule) -> int:
    """Number of content tokens that ``row_batches`` gives."""
    special = np.asarray(sorted(rule.special), np.int32)
    total = 0
    for document in documents:
        ids = document.ids
        if rule.mode == "truncate" and len(ids):
            ids = ids[: rule.context_size - (rule.begin is not None and ids[0] != rule.begin)]
        total += len(ids) - int(np.isin(ids, special).sum())
    return total


@dataclass(eq=False)
class _Row:
    """One row while it is filled."""

    tokens: I32
    documents: I32
    positions: I32
    filled: int = 0
    skipped: int = 0

    @property
    def room(self) -> int:
        return len(self.tokens) - self.filled

    def put(self, tokens: I32 | int, positions: I32 | int, count: int, document: int) -> None:
        slots = slice(self.filled, self.filled + count)
        self.tokens[slots], self.positions[slots] = tokens, positions
        self.documents[self.filled :] = document  # to the end: padding belongs to the last document
        self.filled += count


class _Packer:
    """Fills rows document by document."""

    def __init__(self, rule: PackingRule) -> None:
        self._rule = rule
        self._special = np.asarray(sorted(rule.special), np.int32)
        self._row = self._empty()

    def add(self, document: TokenDocument) -> Iterator[_Row]:
        """Rows that this document completes."""
        ids, positions, offset = document.ids, self._positions(document.ids), 0
        while offset < len(ids):
            self._lead(int(ids[offset]), document.number)
            count = min(self._row.room, len(ids) - offset)
            self._row.put(ids[offset : offset + count], positions[offset : offset + count], count, document.number)
            offset = len(ids) if self._rule.mode == "truncate" else offset + count
            if not self._row.room or (self._rule.mode != "packed" and offset == len(ids)):
                yield self.take(document.skipped)

    def take(self, skipped: int) -> _Row:
        """The row as it stands; a new one is begun."""
        row, self._row = self._row, self._empty()
        row.skipped = skipped
        return row

    def _lead(self, first: int, document: int) -> None:
        """Put BOS at a row's start, or the separator between documents, unless that token comes next anyway."""
        token = self._rule.separator if self._row.filled else self._rule.begin
        if token is not None and token != first:
            self._row.put(token, -1, 1, document)

    def _positions(self, ids: I32) -> I32:
        content = ~np.isin(ids, self._special)
        positions: I32 = np.where(content, np.cumsum(content) - 1, -1).astype(np.int32)
        return positions

    def _empty(self) -> _Row:
        slots = self._rule.context_size
        return _Row(np.full(slots, self._rule.pad, np.int32), np.zeros(slots, np.int32), np.full(slots, -1, np.int32))


def _rows(documents: Iterable[TokenDocument], rule: PackingRule) -> Iterator[_Row]:
    """Rows in order; each is held back until the next is there, so that the last can count documents skipped after it."""
    packer, held, skipped = _Packer(rule), None, 0
    for document in documents:
        skipped = document.skipped
        for row in packer.add(document):
            if held is not None:
                yield held
            held = row
    last = packer.take(skipped)
    if held is not None:
        held.skipped = held.skipped if last.filled else skipped
        yield held
    if last.filled:
        yield last
