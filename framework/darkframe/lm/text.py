"""Documents streamed from text files: ``.jsonl``, ``.jsonl.gz``, ``.txt``, ``.txt.gz``."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from darkframe.errors import DataError, UserError
from darkframe.interfaces import Fetched
from darkframe.lm.fingerprint import hash_file

SHORTEST = 20
"""Documents with fewer characters, white space at the ends not counted, are skipped."""

COUNTED = 64 << 20
"""Bytes of text beyond which tokens are not counted in advance."""

LONGEST_LINE = 1 << 26
"""Bytes in the longest line that is read: what bounds memory on a file without line ends."""


@dataclass(frozen=True)
class Document:
    """One document of the text.

    Attributes:
        text: As in the file.
        id: The record's ``id`` where it has one, else ``file:line``.
        skipped: Documents skipped before this one, from the start of the text.
    """

    text: str
    id: str
    skipped: int


def long_enough(records: Iterable[tuple[str, str | None]]) -> Iterator[Document | int]:
    """Documents of at least ``SHORTEST`` characters; last of all, the number skipped.

    Args:
        records: Ids and texts in order; a text that is missing counts as skipped.
    """
    skipped = 0
    for name, text in records:
        if text is None or len(text.strip()) < SHORTEST:
            skipped += 1
        else:
            yield Document(text, name, skipped)
    yield skipped


class TextFile:
    """The documents of one file, in order, read as a stream: memory holds one document.

    A ``.jsonl`` file holds one JSON object a line with the document in ``field``; a ``.txt`` file holds documents
    separated by blank lines. Either may be gzipped (``.gz``).

    Args:
        path: The file.
        field: Name of the text in a ``.jsonl`` record.

    Raises:
        UserError: No such file, or of a kind that is not read.
    """

    _damaged = (EOFError, zlib.error, gzip.BadGzipFile)  # reached through self: a stream may outlive the module's names at exit

    def __init__(self, path: Path, field: str = "text") -> None:
        self.path = path
        self.field = field
        self._suffixes = [s.lower() for s in path.suffixes]
        self._gzipped = self._suffixes[-1:] == [".gz"]
        kind = self._suffixes[-2:-1] if self._gzipped else self._suffixes[-1:]
        if kind not in ([".jsonl"], [".txt"]):
            raise UserError(
                f"The text file {path} is of a kind that is not read.", hint="Expected .jsonl, .jsonl.gz, .txt or .txt.gz."
            )
        if not path.is_file():
            raise UserError(f"The text file {path} does not exist.", hint="Check the path given for the text.")
        self.kind = kind[0]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def identity(self) -> dict[str, Any]:
        """Hash of the file, and the field read from it."""
        return {"file": hash_file(self.path), "field": self.field}

    def details(self) -> dict[str, Any]:
        """The file's name."""
        return {"file": self.path.name}

    def countable(self) -> bool:
        """Whether the file is small enough to be read twice."""
        return self.path.stat().st_size <= COUNTED

    def fetched(self) -> Fetched | None:
        """Nothing to download."""
        return None

    def documents(self) -> Iterator[Document | int]:
        """Documents of at least ``SHORTEST`` characters in order; last of all, the number skipped in the whole file.

        Raises:
            DataError: Damaged gzip, bytes that are not UTF-8, a line that is not JSON or lacks the field; the line is named.
        """
        return long_enough(self._records() if self.kind == ".jsonl" else self._paragraphs())

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with cast("BinaryIO", gzip.open(self.path, "rb") if self._gzipped else self.path.open("rb")) as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
                    if len(line) == LONGEST_LINE:
                        raise self._error(number, f"is longer than {LONGEST_LINE >> 20} MiB")
                    yield number, self._decode(number, line)
        except self._damaged as error:
            raise DataError(f"The text file {self.path} is damaged: {error}.", hint="Fetch or write it again.") from error
        except OSError as error:
            raise DataError(f"The text file {self.path} cannot be read: {error.strerror or error}.") from error

    def _decode(self, number: int, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise self._error(number, f"is not UTF-8 ({error.reason} at byte {error.start})") from error

    def _records(self) -> Iterator[tuple[str, str]]:
        for number, line in self._lines():
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise self._error(number, f"is not JSON ({error})") from error
            yield self._text_of(number, record)

    def _text_of(self, number: int, record: object) -> tuple[str, str]:
        if not isinstance(record, dict):
            raise self._error(number, f"holds no JSON object but {type(record).__name__}")
        text = record.get(self.field)
        if not isinstance(text, str):
            fields = ", ".join(sorted(map(repr, record))) or "none"
            raise self._error(number, f"has no text in field {self.field!r} (its fields: {fields})")
        if not text.isascii():
            self._check_surrogates(number, text)
        name = record.get("id")
        return name if isinstance(name, str) else f"{self.path.name}:{number}", text

    def _check_surrogates(self, number: int, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self._error(number, "holds half of a surrogate pair, which is no character") from error

    def _paragraphs(self) -> Iterator[tuple[str, str]]:
        lines: list[str] = []
        first, size = 1, 0
        for number, line in self._lines():
            if line.strip():
                first = number if not lines else first
                lines.append(line)
                size += len(line)
                if size > LONGEST_LINE:
                    raise self._error(first, f"begins a document longer than {LONGEST_LINE >> 20} Mi characters")
            elif lines:
                yield f"{self.path.name}:{first}", "".join(lines).strip()
                lines, size = [], 0
        if lines:
            yield f"{self.path.name}:{first}", "".join(lines).strip()

    def _error(self, number: int, what: str) -> DataError:
        return DataError(f"Line {number} of the text file {self.path} {what}.")
