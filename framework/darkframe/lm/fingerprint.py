"""Hashes of what activations and codes depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from darkframe.errors import DataError


def hash_file(path: Path) -> str:
    """sha256 of a file's bytes, in hex.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def hash_files(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """sha256 of each file in a folder (not below it) that matches a pattern, by name."""
    found = {path.name: path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {name: hash_file(found[name]) for name in sorted(found)}
