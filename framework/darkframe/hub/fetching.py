"""``fetch`` and ``commit_of``: from the hub if it answers, from the cache if that holds everything."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from darkframe.errors import GatedRepositoryError, HubAwayError, HubError, MissingFileError, MissingRepositoryError
from darkframe.hub.asking import RemoteFile, commit_and_listing, describe
from darkframe.hub.cache import RepositoryCache, cache_folder, is_commit, is_pattern, matching
from darkframe.hub.environment import prepare
from darkframe.hub.failures import Away, away, missing_file, no_space
from darkframe.hub.hush import hushed
from darkframe.hub.records import NO_ADVICE, Advice, Repository, Snapshot
from darkframe.hub.transfer import MEGA, download
from darkframe.hub.view import is_open, lock
from darkframe.progress import Progress

logger = logging.getLogger("darkframe.hub")

T = TypeVar("T")

_SILENCE = 120.0
"""Seconds for which a hub that gave no answer is not asked again where the cache holds what is needed."""

_unanswered: dict[str, tuple[float, str]] = {}


def fetch(
    repository: Repository,
    wanted: Sequence[str],
    *,
    optional: Sequence[str] = (),
    advice: Advice = NO_ADVICE,
    progress: Progress,
) -> Snapshot:
    """Files of a repository, downloaded into huggingface_hub's cache as far as they are not there.

    Where the hub does not answer, or may not be asked (``HF_HUB_OFFLINE=1``), the cache does, if it holds everything.

    Args:
        repository: And its revision.
        wanted: Names of files, or patterns such as ``"blocks.6.hook_resid_pre/*"``; each has to match something.
        optional: The same, of files that need not exist.
        advice: What to tell a user whose machine cannot reach the hub.
        progress: Where to report.

    Raises:
        HubError: The files cannot be had; says why and what to do. Its kinds are told apart in ``darkframe.errors``.
    """
    request = _Request(repository, tuple(wanted), tuple(optional), advice, progress)
    with _alone(repository):
        return _ask(repository, advice, progress, request.online, request.cached, request.missing)


def commit_of(repository: Repository, *, advice: Advice = NO_ADVICE, progress: Progress) -> str:
    """The commit that the repository's revision stands for now, or stood for when the hub was last asked.

    Raises:
        HubError: As ``fetch``.
    """
    if is_commit(repository.revision):
        return repository.revision
    cache = RepositoryCache(repository)

    def online() -> str:
        commit, listing = commit_and_listing(repository, advice, listed=False)
        if listing:
            cache.remember_listing(commit, listing)
        return commit

    with _alone(repository):
        return _ask(repository, advice, progress, online, cache.commit, lambda: f"The {repository.told}")


@contextlib.contextmanager
def _alone(repository: Repository) -> Iterator[None]:
    """One thread at a time, with the libraries' settings made and their noise away."""
    prepare()
    with lock:
        if is_open():
            raise RuntimeError(f"{repository} is asked for inside darkframe.hub.opened(), where nothing can be downloaded.")
        with hushed():
            yield


def _ask(
    repository: Repository,
    advice: Advice,
    progress: Progress,
    online: Callable[[], T],
    cached: Callable[[], T | None],
    missing: Callable[[], str],
) -> T:
    """What the hub answers, or else what the cache holds, or else the sentence."""
    offline = _offline()
    silent = _silent()
    if offline or silent:
        held = cached()
        if held is not None:
            return held
    if offline:
        raise away("the Hugging Face hub may not be asked (HF_HUB_OFFLINE=1)", missing(), advice)
    try:
        return online()
    except Away as error:
        _unanswered[_endpoint()] = (time.monotonic(), str(error))
        why = str(error)
        sentence: HubError = away(why, missing(), advice)
    except (HubAwayError, GatedRepositoryError, MissingRepositoryError) as error:
        why, sentence = error.message.rstrip("."), error
    held = cached()
    if held is None:
        raise sentence
    progress.step("hub", f"{why}; going on with {repository} from the cache {cache_folder()}")
    return held


def _offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def _silent() -> bool:
    """Whether the hub has just been asked in vain."""
    since, _ = _unanswered.get(_endpoint(), (-_SILENCE, ""))
    return time.monotonic() - since < _SILENCE


@dataclass(frozen=True)
class _Request:
    """What one call of ``fetch`` wants."""

    repository: Repository
    wanted: tuple[str, ...]
    optional: tuple[str, ...]
    advice: Advice
    progress: Progress

    @property
    def _cache(self) -> RepositoryCache:
        return RepositoryCache(self.repository)

    def cached(self) -> Snapshot | None:
        """The snapshot, where the cache holds all of it."""
        commit = self._cache.commit()
        return None if commit is None else self._cache.held(commit, self.wanted, self.optional)

    def missing(self) -> str:
        """What of it the cache lacks, in words."""
        commit = self._cache.commit()
        names = (self._cache.names(commit, self.wanted) if commit else None) or self.wanted
        lacking = [name for name in names if commit is None or not self._cache.has(commit, name)]
        return f"{self.repository.id}'s {' and '.join(lacking[:2])}{' and more' if len(lacking) > 2 else ''}"

    def online(self) -> Snapshot:
        """The snapshot as the hub has it now."""
        commit, names = self._commit_and_names()
        cache, advice = self._cache, self.advice
        lacking = [name for name in names if not cache.has(commit, name)]
        files = [file for file in (self._described(commit, name) for name in lacking) if file is not None]
        if files:
            self._check_space(files)
            total = sum(file.size for file in files) / MEGA
            with self.progress.task(f"Downloading {self.repository.id} ({total:,.1f} MB)", total, "MB") as task:
                for file in files:
                    task.note(file.name)
                    logger.info("Downloading %s of %s (%d bytes)", file.name, self.repository.id, file.size)
                    download(file, cache, commit, task, advice)
        cache.remember_commit(commit)
        held = tuple(sorted(name for name in names if cache.has(commit, name)))
        return Snapshot(self.repository, commit, cache.snapshot_folder(commit), held)

    def _commit_and_names(self) -> tuple[str, tuple[str, ...]]:
        """The commit, and the files asked for that it has, or may have where its files have not been listed."""
        commit, listing = self._commit_and_listing()
        for name in self.wanted:
            if (listing or is_pattern(name)) and not {*matching(listing, [name])} & {*listing}:
                raise missing_file(self.repository, name)
        names = matching(listing, (*self.wanted, *self.optional))
        return commit, tuple(name for name in names if name in listing) if listing else names

    def _commit_and_listing(self) -> tuple[str, tuple[str, ...]]:
        """The commit and the names of all its files; of a pinned one nothing is asked that the cache knows."""
        cache, revision = self._cache, self.repository.revision
        if is_commit(revision):
            listing = cache.listing(revision)
            if listing is not None or (not any(map(is_pattern, self.wanted)) and cache.held(revision, self.wanted, ())):
                return revision, listing or ()
        commit, listing = commit_and_listing(self.repository, self.advice)
        if listing:
            cache.remember_listing(commit, listing)
        return commit, listing

    def _described(self, commit: str, name: str) -> RemoteFile | None:
        """What the hub says of a file; None for an optional one that does not exist."""
        required = name in self.wanted or bool(matching([name], [p for p in self.wanted if is_pattern(p)]))
        if not required and self._cache.known_missing(commit, name):
            return None
        try:
            return describe(self.repository, commit, name, self.advice)
        except MissingFileError:
            if required:
                raise
            self._cache.remember_missing(commit, name)
            return None

    def _check_space(self, files: Sequence[RemoteFile]) -> None:
        folder = cache_folder()
        place = next((p for p in (folder, *folder.parents) if p.exists()), folder)
        needed, free = sum(self._cache.lacking(file.etag, file.size) for file in files), shutil.disk_usage(place).free
        if needed > free:
            raise no_space(needed, free, folder, self.repository.id)
