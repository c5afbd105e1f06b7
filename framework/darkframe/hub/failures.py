"""What goes wrong between here and the hub, each said in its own sentence."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from darkframe.errors import (
    GatedRepositoryError,
    HubAwayError,
    HubError,
    MissingFileError,
    MissingRepositoryError,
    MissingRevisionError,
)
from darkframe.hub.cache import cache_folder, portable
from darkframe.hub.records import Advice, Repository

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


class Away(Exception):
    """The hub gave no answer; the text says why."""


def endpoint() -> str:
    """Where the hub is, ``HF_ENDPOINT``."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def is_named(error: BaseException, name: str) -> bool:
    """Whether the error's class or one it derives from is called that; libraries change the HTTP client they use."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def is_transport(error: BaseException) -> bool:
    """Whether it is the HTTP client's: no connection, none any more, or no answer."""
    return is_named(error, "TransportError") or is_named(error, "OfflineModeIsEnabled") or isinstance(error, TimeoutError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def reason(error: BaseException) -> str:
    """In a few words, why there was no answer."""
    chain = list(_chain(error))
    if any(isinstance(e, socket.gaierror) for e in chain):
        return "its name could not be looked up"
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain):
        return f"its TLS certificate is not trusted{_via_proxy()}; SSL_CERT_FILE can name the certificates to trust"
    if any(isinstance(e, ssl.SSLError) for e in chain):
        return f"no TLS connection could be made{_via_proxy()}"
    if is_named(error, "ProxyError"):
        return f"the proxy does not let it through{_via_proxy()}"
    if any(isinstance(e, TimeoutError) or is_named(e, "TimeoutException") for e in chain):
        return f"it does not answer{_via_proxy()}"
    if any(isinstance(e, ConnectionRefusedError) for e in chain):
        return f"the connection was refused{_via_proxy()}"
    told = " ".join(str(error).split()).rstrip(".")
    return told or type(error).__name__


def _via_proxy() -> str:
    """The proxy that the environment puts before the hub, without its password."""
    where = urlsplit(endpoint())
    proxy = getproxies().get(where.scheme)
    if not proxy or (where.hostname and proxy_bypass(where.hostname)):
        return ""
    return f" (through the proxy {proxy.rpartition('@')[2]}, which {where.scheme.upper()}_PROXY names)"


def away(why: str, missing: str, advice: Advice) -> HubAwayError:
    """The hub is not to be had, and what is needed is not here."""
    folder, variable = portable()
    copied = f"the Hugging Face cache ({variable}) to {folder}"
    elsewhere = (
        f"run '{advice.fetch}' and copy what it names here, {copied}" if advice.fetch else f"download it and copy {copied}"
    )
    hint = f"On a machine with network {elsewhere}"
    hint += f", or give a folder with --set {advice.folder}." if advice.folder else "."
    return HubAwayError(f"{missing} is not in the cache {cache_folder()}, and {why}.", hint=hint)


def unreachable(error: BaseException) -> str:
    """Why, as the part of a sentence."""
    return f"the Hugging Face hub at {endpoint()} cannot be reached: {reason(error)}"


def answered(error: BaseException, repository: Repository, name: str | None, advice: Advice) -> HubError | None:
    """The sentence for an error that the hub answered with; None where it is something else.

    Args:
        error: As huggingface_hub raised it.
        repository: What was asked about.
        name: The file, or None if it was the repository.
        advice: Of the user of this function.
    """
    folder = f", or give a folder with --set {advice.folder}" if advice.folder else ""
    if is_named(error, "GatedRepoError"):
        return GatedRepositoryError(
            f"The {repository.kind} {repository.id} is gated: {endpoint()} gives it only to those who accepted its conditions.",
            hint=f"Accept them on {endpoint()}/{_web(repository)} and log in with 'hf auth login' or HF_TOKEN{folder}.",
        )
    if is_named(error, "RevisionNotFoundError"):
        return MissingRevisionError(
            f"The {repository.kind} {repository.id} has no revision {repository.revision!r}.",
            hint=f"Its branches, tags and commits are listed on {endpoint()}/{_web(repository)}.",
        )
    if is_named(error, "RepositoryNotFoundError"):
        return MissingRepositoryError(
            f"{endpoint()} has no {repository.kind} {repository.id!r}, or it is private.",
            hint=f"Check the name; for a private one, log in with 'hf auth login' or HF_TOKEN{folder}.",
        )
    if is_named(error, "EntryNotFoundError") and name:
        return missing_file(repository, name)
    if is_named(error, "HFValidationError"):
        return MissingRepositoryError(
            f"{repository.id!r} is no name of a repository.", hint=f"Expected owner/name as on {endpoint()}{folder}."
        )
    return _status(error, repository, name)


def _status(error: BaseException, repository: Repository, name: str | None) -> HubError | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None:
        return None
    what = f"{repository.id}'s {name}" if name else f"the {repository.kind} {repository.id}"
    if status in {401, 403}:
        return GatedRepositoryError(
            f"{endpoint()} refuses {what} (status {status}).", hint="Log in with 'hf auth login', or check HF_TOKEN."
        )
    hint = "It limits how often it may be asked: wait a few minutes." if status == 429 else "Try again later."
    return HubAwayError(f"{endpoint()} answers with an error (status {status}) when asked for {what}.", hint=hint)


def missing_file(repository: Repository, name: str) -> MissingFileError:
    """The repository does not have it."""
    return MissingFileError(
        f"The {repository.told} has no file {name}.",
        hint=f"What it holds is listed on {endpoint()}/{_web(repository)}/tree/{repository.revision}.",
    )


def _web(repository: Repository) -> str:
    return repository.id if repository.kind == "model" else f"{repository.kind}s/{repository.id}"


def storage(error: OSError, what: str) -> HubError:
    """The sentence for an ``OSError`` met while writing ``what`` into the cache."""
    cache = cache_folder()
    if error.errno in _FULL:
        return HubError(
            f"The disk is full (or a quota or file-size limit is reached): {what} could not be written into the cache {cache}.",
            hint=f"Free some space, or move the cache with {portable()[1]}=FOLDER; what was downloaded is kept.",
        )
    if error.errno in _FORBIDDEN:
        return HubError(
            f"The cache {cache} cannot be written ({os.strerror(error.errno or 0)}), and it lacks {what}.",
            hint=f"Change its permissions, or choose another with {portable()[1]}=FOLDER.",
        )
    return HubError(f"{what} could not be written into the cache {cache}: {error.strerror or error}.", hint="Check that disk.")


def no_space(needed: int, free: int, folder: Path, what: str) -> HubError:
    """There is less room than the download needs."""
    return HubError(
        f"The disk of the cache {folder} is too full for {what}: {needed / 1e6:,.0f} MB are missing, "
        f"{free / 1e6:,.0f} MB are free.",
        hint=f"Free some space, or move the cache with {portable()[1]}=FOLDER.",
    )
