"""A source whose first batches were read already, and are given again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkframe.interfaces import Batch, Dictionary, Source, SourceCard, Unembedding


class Replayed:
    """A source that is looked into before it is collected from, without making any batch twice.

    Args:
        source: The source.

    Attributes:
        title: What a sentence about it begins with; empty where it has no such words.
    """

    def __init__(self, source: Source) -> None:
        self._source, self.title = source, getattr(source, "title", "")
        self._held: list[Batch] = []
        self._rest: Iterator[Batch] | None = None

    def peek(self) -> Iterator[Batch]:
        """The first batches, held until ``batches(0)`` gives them again; once."""
        self._rest = iter(self._source.batches(0))
        for batch in self._rest:
            self._held.append(batch)
            yield batch

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """As the source's own."""
        held, rest = self._held, self._rest
        self._held, self._rest = [], None
        if start or rest is None:
            del held, rest
            yield from self._source.batches(start)
            return
        while held:
            yield held.pop(0)
        yield from rest

    def card(self) -> SourceCard:
        """As the source's own."""
        return self._source.card()

    def available_tokens(self) -> int | None:
        """As the source's own."""
        return self._source.available_tokens()

    def dictionary(self) -> Dictionary:
        """As the source's own."""
        return self._source.dictionary()

    def unembedding(self) -> Unembedding | None:
        """As the source's own."""
        return self._source.unembedding()

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """As the source's own."""
        return self._source.decode_tokens(tokens)
