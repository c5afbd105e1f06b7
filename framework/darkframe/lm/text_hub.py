"""A data set on the Hugging Face hub as a text: streamed as far as it is needed, and kept on disk as far as it was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from darkframe.disk import write_bytes, writing
from darkframe.errors import HubAwayError, MissingRepositoryError
from darkframe.hub import Advice, Repository, commit_of
from darkframe.hub.cache import is_commit
from darkframe.hub.failures import Away
from darkframe.interfaces import Fetched, SourceContext
from darkframe.lm.text import Document, long_enough
from darkframe.lm.text_kept import Index, KeptText
from darkframe.lm.text_stream import HubRows, Place

SEGMENT = 1 << 20
"""Characters that are read from the hub at once, about 250,000 tokens of English: what a process that is killed may lose."""

CHARACTERS_A_TOKEN = 4.5
"""Of English prose under GPT-2's tokenizer, for words to the user."""


@dataclass(frozen=True)
class DataSet:
    """Which text of a Hugging Face data set.

    Attributes:
        name: ``owner/name``.
        revision: Branch, tag or commit.
        config: Configuration; None: the only or default one.
        split: Such as ``train``.
        column: The one with the text.
    """

    name: str
    revision: str = "main"
    config: str | None = None
    split: str = "train"
    column: str = "text"


class HubText:
    """The documents of a data set, in its own order.

    What was read is kept in ``context.cache / "texts"``; a second pass, another run and ``HF_HUB_OFFLINE=1`` read it from there
    and ask the hub only for what lies beyond.

    Args:
        data_set: What to read.
        context: From the framework.
        advice: Whose ``fetch`` is the command that only downloads.
    """

    def __init__(self, data_set: DataSet, context: SourceContext, advice: Advice = Advice()) -> None:  # noqa: B008 - frozen
        self._data_set, self._progress, self._advice = data_set, context.progress, advice
        self._root = context.cache / "texts" / data_set.name.replace("/", "--")

    @property
    def name(self) -> str:
        """The data set's name, configuration and split."""
        chosen = self._data_set
        config = f", configuration {chosen.config}" if chosen.config else ""
        return f"{chosen.name}{config}, split {chosen.split}"

    def identity(self) -> dict[str, Any]:
        """Everything the documents depend on."""
        return {**asdict(self._data_set), "revision": self.commit}

    def details(self) -> dict[str, Any]:
        """What was asked for, and the commit it stands for."""
        return {**asdict(self._data_set), "commit": self.commit}

    def countable(self) -> bool:
        """Never: data sets are too large to be read in advance."""
        return False

    def fetched(self) -> Fetched:
        """What of it is kept on disk."""
        index = self._kept.index()
        return Fetched("text", self._data_set.name, self.commit, len(index.segments), index.bytes, self._kept.folder)

    def documents(self) -> Iterator[Document | int]:
        """Documents of at least ``SHORTEST`` characters in order; last of all, the number skipped, missing ones included.

        Raises:
            HubError: What is kept was read, and the hub does not give more.
            ParameterError: The data set has no such configuration, split or column.
            DataError: It cannot be read.
            StoreError: What is kept is damaged, or no more can be written.
        """
        name = self._data_set.name
        return long_enough((f"{name}:{number}", text) for number, text in enumerate(self._rows()))

    # ------------------------------------------------------------ which commit

    @cached_property
    def commit(self) -> str:
        """The commit that the revision stands for now, or stood for when its text was last read.

        Raises:
            HubError: The hub does not say, and nothing of the text is kept.
        """
        chosen = self._data_set
        repository = Repository(chosen.name, "dataset", chosen.revision)
        if is_commit(chosen.revision):
            return chosen.revision
        before = self._commit_before()
        if before and _offline():
            return before
        try:
            return commit_of(repository, advice=self._advice, progress=self._progress)
        except HubAwayError as error:
            if before:
                self._progress.step("text", f"{error.message} Going on with commit {before[:8]}, which was read before.")
                return before
            raise HubAwayError(error.message, hint=self._elsewhere()) from error
        except MissingRepositoryError as error:
            hint = f"{error.hint} Nor is there a file or folder {Path(chosen.name).absolute()}."
            raise MissingRepositoryError(error.message, hint=hint) from error

    @property
    def _commit_file(self) -> Path:
        return self._root / "revisions" / quote(self._data_set.revision, safe="")

    def _commit_before(self) -> str | None:
        with suppress(OSError):
            found = self._commit_file.read_text().strip()
            return found if is_commit(found) else None
        return None

    def _remember_commit(self) -> None:
        if not is_commit(self._data_set.revision) and self._commit_before() != self.commit:
            with writing(self._commit_file):
                self._commit_file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._commit_file, f"{self.commit}\n".encode())

    # ------------------------------------------------------------ reading

    @cached_property
    def _kept(self) -> KeptText:
        about = self.identity()
        key = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        return KeptText(self._root / f"{self.commit[:12]}-{key[:12]}", {"data_set": about})

    def _rows(self) -> Iterator[str | None]:
        """All rows: those that are kept, then more from the hub, which are kept first."""
        kept, done = self._kept, 0
        stream: HubRows | None = None
        try:
            while True:
                index = kept.index()
                for segment in index.segments[done:]:
                    yield from kept.read(segment)
                done = len(index.segments)
                if index.end:
                    return
                stream = self._read_on(stream, done)
        finally:
            if stream is not None:
                stream.close()

    def _read_on(self, stream: HubRows | None, known: int) -> HubRows | None:
        """Have one segment more on disk than the known ones, whoever reads it; gives the stream, where it is still good."""
        with self._progress.task(f"Reading {self._data_set.name}", None, "") as task:
            with self._kept.lock(lambda: task.note("another process is reading it")):
                index = self._kept.index()
                if len(index.segments) > known or index.end:
                    return stream
                try:
                    stream = self._at(stream, index)
                    rows, end = stream.take(SEGMENT)
                except Away as error:
                    raise self._away(str(error), index) from error
                self._kept.append(rows, stream.position, end=end)
                self._remember_commit()
            if stream.broken:
                stream.close()
                return None
            return stream

    def _at(self, stream: HubRows | None, index: Index) -> HubRows:
        """The stream where what is kept ends: the one that is open, unless another process has read on meanwhile."""
        if stream is not None:
            if stream.position == index.position:
                return stream
            stream.close()
        chosen = self._data_set
        place = Place(Repository(chosen.name, "dataset", self.commit), chosen.config, chosen.split, chosen.column)
        return HubRows(place, index.position, self._advice)

    # ------------------------------------------------------------ where the hub is away

    def _away(self, why: str, index: Index) -> HubAwayError:
        name = self._data_set.name
        if not index.rows:
            return HubAwayError(f"Nothing of the data set {name} is kept on this machine, and {why}.", hint=self._elsewhere())
        tokens = int(index.characters / CHARACTERS_A_TOKEN)
        return HubAwayError(
            f"The data set {name} is kept on this machine only as far as its first {index.rows:,} documents (roughly "
            f"{round(tokens, 2 - len(str(tokens))):,} tokens), and {why}.",
            hint=f"Ask for fewer tokens. {self._elsewhere()}",
        )

    def _elsewhere(self) -> str:
        command = self._advice.fetch or "darkframe fetch --source NAME"
        return (
            f"Where there is a network, run '{command} --tokens N' and copy its folder {self._root} here; or give a file with "
            "--set source.text=FILE."
        )


def _offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
