"""Files written whole or not at all, and what goes wrong with them, said in a sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from darkframe.errors import DarkframeError, StoreError

TEMPORARY = ".darkframe-tmp"  # ends the names of files that are not whole yet
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def storage_error(path: Path, error: OSError, kind: type[DarkframeError] = StoreError) -> DarkframeError:
    """The sentence for an ``OSError`` met while writing ``path``."""
    if error.errno in _FULL:
        return kind(
            f"The disk is full (or a quota or file-size limit is reached): {path} could not be written.",
            hint="Free some space and run the same command again: what was finished before is kept and reused.",
        )
    if error.errno in _FORBIDDEN:
        return kind(f"{path} is not writable ({error.strerror}).", hint="Choose another folder or change its permissions.")
    return kind(f"{path} could not be written: {error.strerror or error}.", hint="Check the folder and the disk it is on.")


@contextmanager
def writing(path: Path, kind: type[DarkframeError] = StoreError) -> Iterator[None]:
    """Turn any ``OSError`` of the block into a sentence about ``path``."""
    try:
        yield
    except OSError as error:
        raise storage_error(path, error, kind) from error


def fsync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable; some file systems cannot, which is not an error."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, synced and renamed to ``path`` if the block succeeds."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    with writing(path):
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        fsync_folder(path.parent)


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file atomically.

    Raises:
        StoreError: The disk is full or the folder is not writable; the old file, if any, is untouched.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)


def remove_temporaries(folder: Path) -> None:
    """Delete what writes that were killed half-way left in a folder; only for whoever holds its lock."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError):
            path.unlink()
