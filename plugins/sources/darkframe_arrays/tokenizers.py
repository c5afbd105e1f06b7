"""A tokenizer from a folder or from its tokenizer.json alone, only to show tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from darkframe.errors import DataError, ParameterError


class Shows(Protocol):
    """Shows tokens as text."""

    @property
    def size(self) -> int:
        """Tokens it knows."""

    @property
    def special_ids(self) -> frozenset[int]:
        """BOS, EOS, padding and the like."""

    def decode_each(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own."""


def open_tokenizer(path: Path) -> Shows:
    """Open a tokenizer.

    Raises:
        ParameterError: Nothing there.
        DataError: Not a tokenizer's.
    """
    if path.is_dir():
        from darkframe.lm.tokens import Tokenizer

        return Tokenizer(path)
    if not path.is_file():
        raise ParameterError(f"source.tokenizer: {path} does not exist.", hint="Expected a folder or a tokenizer.json.")
    return FileTokenizer(path)


class FileTokenizer:
    """A tokenizer.json, whose special tokens are those that it marks as such."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{path} is not a tokenizer.json: {error}.") from error

    @property
    def size(self) -> int:
        """Entries of the vocabulary, added tokens included."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of tokens marked special."""
        return frozenset(int(i) for i, token in self._tokenizer.get_added_tokens_decoder().items() if token.special)

    def decode_each(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own; bytes that are no whole character show as U+FFFD."""
        return [self._tokenizer.decode([int(token)], skip_special_tokens=False) for token in tokens]
