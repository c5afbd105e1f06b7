"""huggingface_hub's cache as it lies on disk: what it holds of a repository, and whether that is whole.

Layout: ``<cache>/models--owner--name/{refs/REVISION, snapshots/COMMIT/FILE → blobs/ETAG, .no_exist/COMMIT/FILE}``. The name of a
blob is its ETag: the SHA-256 of what lies in LFS, git's blob id of the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.disk import write_bytes
from darkframe.errors import HubError, StoreError
from darkframe.hub.records import Repository, Snapshot

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK = 1 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LISTING = "darkframe-listings.json"  # names of all the commit's files


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit id, which never stands for anything else."""
    return _COMMIT.fullmatch(revision) is not None


def cache_folder() -> Path:
    """Folder of the cache, ``HF_HUB_CACHE``."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def portable() -> tuple[Path, str]:
    """The folder to copy where the cache is to go to another machine, and the environment variable that names it."""
    from huggingface_hub import constants

    cache, home = cache_folder(), Path(constants.HF_HOME)
    return (home, "HF_HOME") if cache == home / "hub" else (cache, "HF_HUB_CACHE")


class RepositoryCache:
    """What the cache holds of one repository."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.folder = cache_folder() / "--".join([f"{repository.kind}s", *repository.id.split("/")])

    def commit(self) -> str | None:
        """The commit that the revision stood for when the hub was last asked; None: never asked."""
        revision = self.repository.revision
        if is_commit(revision):
            return revision
        with contextlib.suppress(OSError):
            found = (self.folder / "refs" / revision).read_text().strip()
            return found if is_commit(found) else None
        return None

    def remember_commit(self, commit: str) -> None:
        """Note what the revision stands for, once everything that was asked for is there."""
        if self.repository.revision == commit or self.commit() == commit:
            return
        with contextlib.suppress(OSError, StoreError):  # a cache that others fill may be read-only
            place = self.folder / "refs" / self.repository.revision
            place.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(place, commit.encode())

    def snapshot_folder(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def blob(self, etag: str) -> Path:
        return self.folder / "blobs" / etag

    def part(self, etag: str) -> Path:
        """Where a blob lies while it is downloaded."""
        return self.folder / "blobs" / f"{etag}.darkframe.incomplete"

    def lacking(self, etag: str, size: int) -> int:
        """How many of a blob's bytes are not here yet."""
        place = self.blob(etag) if self.blob(etag).is_file() else self.part(etag)
        return max(0, size - place.stat().st_size) if place.is_file() else size

    def link(self, commit: str, name: str, etag: str) -> None:
        """Put a blob into a commit's snapshot folder: as a relative link, or moved there where links are not to be had."""
        from huggingface_hub import constants

        pointer, blob = self.snapshot_folder(commit) / name, self.blob(etag)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.unlink(missing_ok=True)  # to a blob that is gone
        if not getattr(constants, "HF_HUB_DISABLE_SYMLINKS", False):
            with contextlib.suppress(PermissionError, NotImplementedError):
                pointer.symlink_to(os.path.relpath(blob, pointer.parent))
                return
        blob.replace(pointer)

    def lock(self, etag: str) -> Path:
        """The lock that huggingface_hub itself takes while it downloads a blob."""
        return self.folder.parent / ".locks" / self.folder.name / f"{etag}.lock"

    def has(self, commit: str, name: str) -> bool:
        return (self.snapshot_folder(commit) / name).is_file()

    def known_missing(self, commit: str, name: str) -> bool:
        """Whether the hub has said before that the commit has no such file."""
        return (self.folder / ".no_exist" / commit / name).is_file()

    def remember_missing(self, commit: str, name: str) -> None:
        with contextlib.suppress(OSError):
            place = self.folder / ".no_exist" / commit / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()

    def listing(self, commit: str) -> tuple[str, ...] | None:
        """Names of all the commit's files, where they have been listed."""
        names = self._listings().get(commit)
        return tuple(map(str, names)) if isinstance(names, list) else None

    def _listings(self) -> dict[str, object]:
        try:
            told = json.loads((self.folder / _LISTING).read_text())
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def remember_listing(self, commit: str, names: Iterable[str]) -> None:
        with contextlib.suppress(OSError, StoreError):  # it only spares a request
            (self.folder / "snapshots").mkdir(parents=True, exist_ok=True)  # which huggingface_hub's own tools look for
            write_bytes(self.folder / _LISTING, json.dumps({**self._listings(), commit: sorted(names)}).encode())

    def names(self, commit: str, wanted: Sequence[str]) -> tuple[str, ...] | None:
        """``wanted`` with its patterns resolved by the listing; None where the commit has not been listed."""
        if not any(map(is_pattern, wanted)):
            return tuple(dict.fromkeys(wanted))
        listing = self.listing(commit)
        return None if listing is None else matching(listing, wanted)

    def held(self, commit: str, wanted: Sequence[str], optional: Sequence[str]) -> Snapshot | None:
        """The snapshot, where the cache holds all of ``wanted`` that the commit has; None otherwise."""
        names = self.names(commit, wanted) or self._present(commit, wanted)
        if (wanted and not names) or not all(self.has(commit, name) for name in names):
            return None
        more = self.names(commit, optional) or self._present(commit, optional)
        files = {*names, *(name for name in more if self.has(commit, name))}
        return Snapshot(self.repository, commit, self.snapshot_folder(commit), tuple(sorted(files)))

    def _present(self, commit: str, wanted: Sequence[str]) -> tuple[str, ...]:
        """Where nobody has listed the commit (another program filled the cache): every name, and what matches the patterns."""
        folder = self.snapshot_folder(commit)
        there = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
        if not all(any(fnmatchcase(name, pattern) for name in there) for pattern in wanted if is_pattern(pattern)):
            return ()
        return matching([*there, *(name for name in wanted if not is_pattern(name))], wanted)


def is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def matching(names: Iterable[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The exact names of ``wanted`` and those of ``names`` that match its patterns, once each."""
    exact = [name for name in wanted if not is_pattern(name)]
    patterns = [name for name in wanted if is_pattern(name)]
    return tuple(dict.fromkeys([*exact, *(n for n in names if any(fnmatchcase(n, pattern) for pattern in patterns))]))


def checksum(etag: str, size: int) -> _Hash | None:
    """The hash whose hexadecimal digest is this ETag of a file of ``size`` bytes; None where it is no hash."""
    if re.fullmatch(r"[0-9a-f]{64}", etag):
        return hashlib.sha256()
    if re.fullmatch(r"[0-9a-f]{40}", etag):
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return None


def verify(*snapshots: Snapshot) -> None:
    """See that every file of the snapshots is what the hub has, byte for byte.

    Raises:
        HubError: A file is not; it has been removed, so that it is downloaded anew.
    """
    damaged = [(snapshot, name) for snapshot in snapshots for name in snapshot.files if not _whole(snapshot.path(name))]
    for snapshot, name in damaged:
        place = snapshot.path(name)
        with contextlib.suppress(OSError):
            place.resolve().unlink(missing_ok=True)
            place.unlink(missing_ok=True)
    if damaged:
        told = ", ".join(f"{snapshot.repository.id}'s {name}" for snapshot, name in damaged)
        raise HubError(
            f"{told} in the cache {cache_folder()} {'is' if len(damaged) == 1 else 'are'} damaged (not the bytes that the hub "
            "has) and was removed.",
            hint="Run the same command again to download it anew.",
        )


def _whole(path: Path) -> bool:
    blob = path.resolve()  # where links are not to be had, its name is no ETag and nothing can be compared
    try:
        digest = checksum(blob.name, blob.stat().st_size)
        if digest is None:
            return True
        with blob.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == blob.name
