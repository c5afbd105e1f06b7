"""Short questions to the hub, each answered within seconds or not at all."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar, cast

from darkframe.errors import HubError
from darkframe.hub.cache import is_commit
from darkframe.hub.failures import Away, answered, is_named, is_transport, unreachable
from darkframe.hub.records import Advice, Repository

T = TypeVar("T")

TIMEOUT = 4.0
"""Seconds that connecting, and each wait for the answer, may take."""

DEADLINE = 6.0
"""Seconds a whole question may take, name lookup and further addresses included: time-outs do not cover those."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a commit as the hub describes it."""

    name: str
    etag: str
    size: int
    url: str


def within(seconds: float, question: Callable[[], T]) -> T:
    """The answer of ``question``, or TimeoutError; a question without an answer is left to itself in its thread."""
    outcome: list[tuple[bool, Any]] = []

    def ask() -> None:
        try:
            outcome.append((True, question()))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=ask, daemon=True, name="darkframe-hub-question")
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:g} s")
    fine, value = outcome[0]
    if fine:
        return cast("T", value)
    raise cast("BaseException", value)


def ask(question: Callable[[], T], repository: Repository, name: str | None, advice: Advice) -> T:
    """The answer to a question about a repository, or about one of its files.

    Raises:
        Away: There was no answer; says why.
        HubError: The answer was that it cannot be had.
    """
    try:
        return within(DEADLINE, question)
    except Exception as error:
        if is_transport(error):
            raise Away(unreachable(error)) from error
        sentence = answered(error, repository, name, advice)
        if sentence is not None:
            raise sentence from error
        if is_named(error, "FileMetadataError") or isinstance(error, ValueError | TypeError | LookupError):
            raise HubError(
                f"{repository.id} was asked for and something answered that is no Hugging Face hub.",
                hint="Check HF_ENDPOINT, and whether a proxy or a log-in page stands between.",
            ) from error
        raise


def commit_and_listing(repository: Repository, advice: Advice, *, listed: bool = True) -> tuple[str, tuple[str, ...]]:
    """The commit that the revision stands for now, and the names of its files (without ``listed``, perhaps none)."""
    from huggingface_hub import HfApi

    def question() -> tuple[str, tuple[str, ...]]:
        # A data set may have very many files, which nobody here asks for by pattern; its id alone answers at once.
        short: dict[str, Any] = {"expand": ["sha"]} if repository.kind == "dataset" and not listed else {}
        info = HfApi().repo_info(repository.id, repo_type=repository.kind, revision=repository.revision, timeout=TIMEOUT, **short)
        names = (sibling.rfilename for sibling in getattr(info, "siblings", None) or ())
        if not is_commit(str(info.sha)):
            raise ValueError(f"{info.sha!r} is no commit")
        return str(info.sha), tuple(name for name in names if _inside(name))

    return ask(question, repository, None, advice)


def _inside(name: str) -> bool:
    """Whether a file of that name lies inside the folder it is put into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def describe(repository: Repository, commit: str, name: str, advice: Advice) -> RemoteFile:
    """ETag and size of one file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repository.id, name, repo_type=repository.kind, revision=commit)

    def question() -> RemoteFile:
        told = get_hf_file_metadata(url, timeout=TIMEOUT)
        if told.etag is None or told.size is None:
            raise HubError(f"The hub does not say how large {repository.id}'s {name} is.", hint="Check HF_ENDPOINT.")
        if not re.fullmatch(r"[\w.+=-]+", told.etag):  # it becomes the name of a file
            raise HubError(
                f"The hub gives {repository.id}'s {name} an ETag that is none: {told.etag!r}.", hint="Check HF_ENDPOINT."
            )
        return RemoteFile(name, told.etag, told.size, url)

    return ask(question, repository, name, advice)
