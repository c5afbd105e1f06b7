"""Hashes of files of arrays, which may be very large."""

from __future__ import annotations

import hashlib
from pathlib import Path

from darkframe.errors import DataError
from darkframe.lm.fingerprint import hash_file

WHOLE = 4 << 30
"""Bytes up to which a file is hashed whole."""

SAMPLES, SAMPLE = 1024, 1 << 20


def hash_array_file(path: Path) -> str:
    """What stands for a file's content.

    Up to 4 GiB: sha256 of all bytes. Beyond: sha256 of 1024 pieces of 1 MiB, evenly spaced from the first byte to the last, with
    the file's size and time of change: a change between the pieces is told by its time.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        status = path.stat()
        if status.st_size <= WHOLE:
            return hash_file(path)
        digest = hashlib.sha256(f"{status.st_size}|{status.st_mtime_ns}|".encode())
        with path.open("rb") as file:
            for number in range(SAMPLES):
                file.seek((status.st_size - SAMPLE) * number // (SAMPLES - 1))
                digest.update(file.read(SAMPLE))
    except OSError as error:
        raise DataError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    return f"in part: {digest.hexdigest()}"
