"""A tokenizer from a local folder, and text through it as a stream of token ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, DataError
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.text import Document

if TYPE_CHECKING:
    from darkframe.interfaces import I32
    from darkframe.lm.parts import Text

CHARACTERS_AT_ONCE = 1 << 19
"""Text given to the tokenizer in one call; the tokenizer's own threads share it."""


_FILES = ("tokenizer.json", "vocab.*", "*.model", "tekken.json")


@dataclass(frozen=True, eq=False)
class TokenDocument:
    """One document as token ids, without tokens the tokenizer would add.

    Attributes:
        ids: (n,) int32.
        number: Index among the documents read, from 0; skipped ones not counted.
        skipped: Documents skipped before it. The last item of a stream has no ids, and the number skipped in the whole text.
    """

    ids: I32
    number: int
    skipped: int


class Tokenizer:
    """A Hugging Face tokenizer, loaded from a folder without touching the network.

    Args:
        folder: A model's folder, with ``tokenizer.json`` or the older files of its kind.

    Raises:
        DataError: The folder holds no tokenizer that transformers can open.
    """

    def __init__(self, folder: Path) -> None:
        if not any(path for pattern in _FILES for path in folder.glob(pattern)):  # transformers would make up an empty one
            raise DataError(f"The model folder {folder} has no tokenizer.", hint="Expected tokenizer.json in it.")
        with quiet_transformers():
            from transformers import AutoTokenizer

            try:
                self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            except (OSError, ValueError, KeyError) as error:
                raise DataError(f"No tokenizer could be opened in {folder}: {error}") from error

    @property
    def size(self) -> int:
        """Entries of the vocabulary, added tokens included."""
        return len(self._tokenizer)

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of BOS, EOS, padding, separator and class tokens, those that the tokenizer has."""
        names = ("bos", "eos", "pad", "sep", "cls")
        return frozenset(i for name in names if (i := self.special(name)) is not None)

    def special(self, name: str) -> int | None:
        """Id of the special token ``bos``, ``eos``, ``pad``, ``sep`` or ``cls``, or None."""
        token = getattr(self._tokenizer, f"{name}_token_id")
        return None if token is None else int(token)

    @property
    def leads_with_bos(self) -> bool:
        """Whether it puts BOS before a text by itself, where that is not switched off."""
        bos = self.special("bos")
        return bos is not None and list(self._tokenizer("a")["input_ids"])[:1] == [bos]

    def encode(self, texts: Sequence[str]) -> list[I32]:
        """Token ids of each text, nothing added; special tokens written out in a text are read as such, as SAELens does."""
        batch = self._tokenizer(
            list(texts), add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
        )
        return [np.asarray(ids, np.int32) for ids in batch["input_ids"]]

    def decode_each(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own; bytes that are no whole character show as U+FFFD."""
        ids = [[int(token)] for token in tokens]
        decoded: list[str] = self._tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False) if ids else []
        return decoded

    def stream(self, text: Text) -> Iterator[TokenDocument]:
        """The text's documents as token ids, in order; see ``TokenDocument`` for the last item."""
        number = 0
        for group in _groups(text.documents()):
            documents = [item for item in group if isinstance(item, Document)]
            for document, ids in zip(documents, self.encode([d.text for d in documents]) if documents else []):
                yield TokenDocument(ids, number, document.skipped)
                number += 1
            for end in group[len(documents) :]:
                assert isinstance(end, int)
                yield TokenDocument(np.empty(0, np.int32), number, end)


def _groups(items: Iterable[Document | int]) -> Iterator[list[Document | int]]:
    """Cut a stream into groups of about ``CHARACTERS_AT_ONCE`` characters; what came before an error is given first."""
    group: list[Document | int] = []
    size = 0
    failure: DarkframeError | None = None
    stream = iter(items)
    while True:
        try:
            item = next(stream)
        except StopIteration:
            break
        except DarkframeError as error:  # whoever needs no more than what was read shall not notice
            failure = error
            break
        group.append(item)
        size += len(item.text) if isinstance(item, Document) else 0
        if size >= CHARACTERS_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group
    if failure is not None:
        raise failure
