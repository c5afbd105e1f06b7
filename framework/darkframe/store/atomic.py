"""Small files written whole or not at all, and what goes wrong with files, said in a sentence."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def plain(value: Any) -> Any:
    """Records, mappings, tuples, paths and numpy scalars as JSON's own types; NaN and infinities become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def content_key(obj: Any) -> str:
    """sha256, in hexadecimal, of the canonical JSON of ``obj`` (keys sorted, no spaces)."""
    text = json.dumps(plain(obj), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


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


def write_json(path: Path, obj: Any) -> None:
    """Write ``obj`` (records allowed; NaN becomes null) as indented JSON, atomically."""
    text = json.dumps(plain(obj), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode("utf-8", "backslashreplace"))  # a lone surrogate, as JSON escapes it


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StoreError: It is missing, unreadable or not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} could not be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise StoreError(f"{path} is damaged: it is not JSON ({error}).", hint="Delete its folder and run again.") from error


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a ``.npy`` file atomically (never pickled)."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)


def remove_tree(folder: Path) -> None:
    """Delete a folder and everything in it; a missing one is fine."""
    with writing(folder):
        if folder.exists():
            shutil.rmtree(folder)


def remove_temporaries(folder: Path) -> None:
    """Delete what writes that were killed half-way left in a folder; only for whoever holds its lock."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError):
            path.unlink()
