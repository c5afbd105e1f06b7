"""What goes wrong with a data set on the hub, each said in its own sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence

from darkframe.errors import DarkframeError, DataError, GatedRepositoryError, HubAwayError, ParameterError, UserError
from darkframe.hub import Advice, Repository
from darkframe.hub.failures import Away, answered, is_named, is_transport, storage, unreachable

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS}


def missing_split(repository: Repository, split: str, splits: Sequence[str]) -> ParameterError:
    """The data set has no such split."""
    return ParameterError(
        f"source.text_split: the data set {repository.id} has no split {split!r}.", hint=f"Expected one of {', '.join(splits)}."
    )


def missing_column(repository: Repository, column: str, columns: Sequence[str]) -> ParameterError:
    """The data set has no such column."""
    return ParameterError(
        f"source.text_field: the data set {repository.id} has no column {column!r}.",
        hint=f"Expected one of {', '.join(map(str, columns)) or 'none'}.",
    )


def no_text(repository: Repository, column: str, kind: str, texts: Sequence[str]) -> ParameterError:
    """The column holds something else."""
    return ParameterError(
        f"source.text_field: column {column!r} of the data set {repository.id} holds no text but {kind}.",
        hint=f"Columns of text: {', '.join(texts) or 'none'}.",
    )


def explain(error: Exception, repository: Repository, config: str | None, advice: Advice) -> DarkframeError | Away:
    """The sentence for an error that ``datasets`` raised, or ``Away`` where the hub gave no answer."""
    for each in _chain(error):
        if is_transport(each) or isinstance(each, ConnectionError):
            return Away(unreachable(each))
        if isinstance(each, OSError) and each.errno in _DISK:
            return storage(each, f"what the library datasets keeps of {repository.id}")
        sentence = answered(each, repository, None, advice)
        if isinstance(sentence, HubAwayError):
            return Away(sentence.message.rstrip("."))
        if sentence is not None:
            return sentence
    return _told(error, repository, config)


def _told(error: Exception, repository: Repository, config: str | None) -> DarkframeError:
    """By what ``datasets`` says."""
    said = " ".join(str(error).split()).rstrip(".")
    name = f"The data set {repository.id}"
    if isinstance(error, RuntimeError) and "scripts are no longer supported" in said:
        return UserError(
            f"{name} is made by a loading script, and such scripts are no longer run by the library datasets.",
            hint="The hub often has a Parquet copy of such a data set, or of its beginning: "
            "--set source.text_revision=refs/convert/parquet.",
        )
    if isinstance(error, ValueError) and (configs := _configs(said)):
        known = f"source.text_config: the data set {repository.id}"
        what = f"{known} has several configurations." if config is None else f"{known} has no configuration {config!r}."
        return ParameterError(what, hint=f"Expected one of {configs}.")
    if is_named(error, "DatasetNotFoundError") and "gated" in said:
        return GatedRepositoryError(f"{name} is gated.", hint="Accept its conditions on the hub and log in with 'hf auth login'.")
    if is_named(error, "DataFilesNotFoundError") or is_named(error, "EmptyDatasetError"):
        return DataError(f"{name} holds no files of a kind that the library datasets reads.", hint="Name another data set.")
    return DataError(f"{name} cannot be read: {said or type(error).__name__} ({type(error).__name__}).")


def _configs(said: str) -> str:
    """The configurations that ``datasets`` lists where one was not named, or named wrongly; else an empty string."""
    for words in ("among the available configs: ", "not found. Available: "):
        if words in said:
            return said.partition(words)[2].partition("]")[0].strip("[ ").replace("'", "")
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
