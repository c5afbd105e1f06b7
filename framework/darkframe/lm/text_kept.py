"""A text that comes from elsewhere, kept on disk as far as it was read.

Layout: ``<folder>/index.json`` and segments ``00000.jsonl.gz``, ``00001.jsonl.gz``, … of JSON lines: a document each, or null.
Segments are written once and never changed; one counts when the index names it, and the index is replaced as a whole: a process
that is killed loses the segment it was reading, and readers need no lock. Whoever appends holds ``lock``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darkframe.disk import remove_temporaries, write_bytes, writing
from darkframe.errors import StoreError
from darkframe.locks import locked

FORMAT = 1


@dataclass(frozen=True)
class Segment:
    """One file of rows, missing ones included."""

    file: str
    rows: int
    characters: int
    bytes: int


@dataclass(frozen=True)
class Index:
    """What is kept.

    Attributes:
        segments: In order.
        position: From where reading goes on, in the words of what is read from (JSON); None: from the beginning.
        end: Whether the text ends there.
    """

    segments: tuple[Segment, ...] = ()
    position: Any = None
    end: bool = False

    @property
    def rows(self) -> int:
        """Documents, skipped ones included."""
        return sum(segment.rows for segment in self.segments)

    @property
    def characters(self) -> int:
        """Length of the documents together."""
        return sum(segment.characters for segment in self.segments)

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return sum(segment.bytes for segment in self.segments)


class KeptText:
    """The folder of one text.

    Args:
        folder: Made when the first segment is written.
        about: What the text is, written into the index for those who look.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self._about = about
        self._place = folder / "index.json"

    def lock(self, waiting: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Held by whoever appends; see ``locks.locked``."""
        return locked(self.folder / "lock", waiting)

    def index(self) -> Index:
        """What is kept now.

        Raises:
            StoreError: The index cannot be read or is no index.
        """
        try:
            told = json.loads(self._place.read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise StoreError(f"{self.folder} was written by another version of darkframe.", hint="Delete it and run again.")
            return Index(tuple(Segment(**segment) for segment in told["segments"]), told["position"], bool(told["end"]))
        except FileNotFoundError:
            return Index()
        except OSError as error:
            raise StoreError(f"{self._place} cannot be read: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(self._place, error) from error

    def read(self, segment: Segment) -> list[str | None]:
        """The rows of a segment.

        Raises:
            StoreError: The file is missing or damaged.
        """
        path = self.folder / segment.file
        try:
            rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise self._damaged(path, error) from error
        if len(rows) != segment.rows:
            raise self._damaged(path, f"{len(rows)} rows instead of {segment.rows}")
        return rows

    def append(self, rows: Sequence[str | None], position: Any, *, end: bool) -> None:
        """Add a segment (none if there are no rows) and say where reading goes on; only with the lock held.

        Raises:
            StoreError: The disk is full, or the folder cannot be written.
        """
        index = self.index()
        remove_temporaries(self.folder)
        segments = index.segments
        if rows:
            segments = (*segments, self._write(f"{len(segments):05d}.jsonl.gz", rows))
        told = {"format": FORMAT, **self._about, "segments": [asdict(s) for s in segments], "position": position, "end": end}
        write_bytes(self._place, (json.dumps(told, indent=1) + "\n").encode())

    def _write(self, name: str, rows: Sequence[str | None]) -> Segment:
        lines = "".join(json.dumps(row) + "\n" for row in rows)  # ASCII: a line ends where JSON says so
        data = gzip.compress(lines.encode(), 6, mtime=0)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.folder / name, data)
        return Segment(name, len(rows), sum(len(row) for row in rows if row), len(data))

    def _damaged(self, path: Path, why: object) -> StoreError:
        told = " ".join(str(why).split()).rstrip(".")
        return StoreError(
            f"{path}, a part of a text that was kept, is missing or damaged ({told}).",
            hint=f"Delete the folder {self.folder} and run again: the text is read anew.",
        )
