"""The rows of a data set on the Hugging Face hub, streamed by the unmodified ``datasets``, from any place on."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from darkframe.errors import DarkframeError, MissingFileError
from darkframe.hub import Advice, Repository, prepare
from darkframe.hub.asking import describe
from darkframe.hub.failures import Away
from darkframe.hub.hush import hushed
from darkframe.lm.quiet import quiet
from darkframe.lm.text_refusals import explain, missing_column, missing_split, no_text

logger = logging.getLogger("darkframe.lm")

BLOCK = 1 << 18
"""Bytes that are read ahead of what is asked for: a row group is one request, and little more than itself."""

_TEXT = {"string", "large_string", "string_view"}


@dataclass(frozen=True)
class Place:
    """Which rows of a data set are a text.

    Attributes:
        repository: The data set, its revision a commit.
        config: Configuration, or None for its only or default one.
        split: Such as ``train``.
        column: The one with the text.
    """

    repository: Repository
    config: str | None
    split: str
    column: str


class HubRows:
    """An open stream of one column.

    Files are read one after another, a Parquet file by row groups, so that reading goes on from a position without reading what
    lies before it in the file (``datasets`` itself would read the file from its beginning).

    Args:
        place: What to read.
        position: What ``position`` was where reading shall go on; None: from the beginning.
        advice: What to tell a user.

    Raises:
        Away: The hub does not answer, or may not be asked.
        HubError: It has no such data set, or does not give it.
        ParameterError: No such configuration, split or column.
        DataError: The data set cannot be read, or the column holds no text.
    """

    def __init__(self, place: Place, position: Any, advice: Advice) -> None:
        self._place, self._advice = place, advice
        self._file: int = 0 if position is None else position["file"]
        self._state: Any = None if position is None else position["state"]
        self._part: Any = None
        ask(place.repository, advice)
        with self._explained(), _calm():
            self._data = self._opened()
        self._rows = self._read()
        self.close = weakref.finalize(self, self._rows.close)  # at exit, too: before the modules that it needs are gone
        self.broken = False

    @property
    def position(self) -> Any:
        """From where reading goes on, as JSON: the file's number and ``datasets``' own state within it."""
        state = self._state if self._part is None else self._part.state_dict()
        return {"file": self._file, "state": state}

    def take(self, characters: int) -> tuple[list[str | None], bool]:
        """Rows of about so many characters, and whether the data set ends with them.

        Where the hub fails after some rows, these are given, ``broken`` is set, and a stream opened anew finds out why.

        Raises:
            Away: The hub failed before the first row.
            HubError, DataError: As on opening.
        """
        rows: list[str | None] = []
        size = 0
        try:
            with self._explained(), _calm():
                for row in self._rows:
                    rows.append(row)
                    size += len(row or "") + 16
                    if size >= characters:
                        return rows, False
        except (Away, DarkframeError) as error:
            self.broken = True
            if not rows:
                raise
            logger.info("%s broke off after %d rows: %s", self._place.repository, len(rows), error)
        return rows, not self.broken

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (Away, DarkframeError):
            raise
        except Exception as error:
            raise explain(error, self._place.repository, self._place.config, self._advice) from error

    def _opened(self) -> Any:
        """The streaming data set, of nothing but the column."""
        from datasets import load_dataset_builder

        place = self._place
        builder = load_dataset_builder(
            f"hf://datasets/{place.repository.id}",  # never a folder of that name in the working directory
            place.config,
            revision=place.repository.revision,
            storage_options={"hf": {"block_size": BLOCK}},
        )
        splits = list(builder.config.data_files or ())
        if splits and place.split not in splits:
            raise missing_split(place.repository, place.split, splits)
        data = builder.as_streaming_dataset(place.split)
        if data.features is None:
            return data  # of a format whose rows say themselves what they hold
        self._check(data.features)
        if hasattr(builder.config, "columns"):  # Parquet: the other columns stay where they are
            builder.config.columns = [place.column]
            data = builder.as_streaming_dataset(place.split)
        return data

    def _check(self, features: Any) -> None:
        place = self._place
        if place.column not in features:
            raise missing_column(place.repository, place.column, list(features))
        kind = features[place.column]
        if getattr(kind, "dtype", None) not in _TEXT:
            texts = [name for name, each in features.items() if getattr(each, "dtype", None) in _TEXT]
            raise no_text(place.repository, place.column, str(getattr(kind, "dtype", kind)), texts)

    def _read(self) -> Generator[str | None, None, None]:
        files = self._data.num_shards
        while self._file < files:
            self._part = self._data.shard(num_shards=files, index=self._file).reshard()
            if self._state is not None:
                self._part.load_state_dict(self._state)
            for row in self._part:
                yield self._text(row)
            self._part, self._state = None, None
            self._file += 1

    def _text(self, row: dict[str, Any]) -> str | None:
        place = self._place
        if place.column not in row:
            raise missing_column(place.repository, place.column, list(row))
        text = row[place.column]
        if text is not None and not isinstance(text, str):
            raise no_text(place.repository, place.column, type(text).__name__, [k for k, v in row.items() if isinstance(v, str)])
        return text


def ask(repository: Repository, advice: Advice) -> None:
    """See that the hub answers and gives the data set, within seconds; the libraries would wait for minutes, or for ever.

    Raises:
        Away: It does not answer, or may not be asked.
        HubError: It answers that the data set cannot be had.
    """
    prepare()
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise Away("the Hugging Face hub may not be asked (HF_HUB_OFFLINE=1)")
    with contextlib.suppress(MissingFileError):
        describe(repository, repository.revision, "README.md", advice)


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """``quiet``, without ``datasets``' own bars and warnings, and with less patience: huggingface_hub tries again itself."""
    with quiet(), hushed():
        import datasets
        from datasets import config

        prepare()
        patience = (
            ("STREAMING_READ_MAX_RETRIES", "STREAMING_OPEN_MAX_RETRIES"),
            (
                "STREAMING_READ_RETRY_INTERVAL",
                "STREAMING_OPEN_RETRY_INTERVAL",
            ),
        )
        before = {name: getattr(config, name) for names in patience for name in names}
        level, bars = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        datasets.disable_progress_bars()
        for names, value in zip(patience, (1, 0)):
            for name in names:
                setattr(config, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(config, name, value)
            datasets.logging.set_verbosity(level)
            if not bars:
                datasets.enable_progress_bars()
