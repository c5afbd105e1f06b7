"""JSON and arrays written whole or not at all, and read back; what every kind of file needs is in ``darkframe.disk``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.disk import TEMPORARY, fsync_folder, remove_temporaries, replacing, storage_error, write_bytes, writing
from darkframe.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "TEMPORARY",
    "content_key",
    "fsync_folder",
    "plain",
    "read_json",
    "remove_temporaries",
    "remove_tree",
    "replacing",
    "save_array",
    "storage_error",
    "write_bytes",
    "write_json",
    "writing",
]


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
