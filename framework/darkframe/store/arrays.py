"""Append-only ``.npy`` files: written block by block, resumable at a committed length, read without being held in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError
from darkframe.store.atomic import writing

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import DTypeLike, NDArray

HEADER_BYTES = 128  # one fixed size, so that the shape can be rewritten in place as rows are added


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """A version 1.0 ``.npy`` header of exactly ``HEADER_BYTES``."""
    description = repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    body = description.encode("latin1").ljust(HEADER_BYTES - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little") + body


class ArrayWriter:
    """Appends rows to a ``.npy`` file. Rows count once ``commit`` has returned.

    Args:
        path: The file; its folder exists.
        row_shape: Shape of one row, such as ``(d,)`` or ``()``.
        dtype: Of the elements.
        rows: Committed rows of an earlier writer to go on from: anything after them is cut off. 0 starts afresh.

    Raises:
        StoreError: The disk is full, the file is not writable, or it holds fewer rows than were committed.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: DTypeLike, *, rows: int = 0) -> None:
        self.path = Path(path)
        self.dtype = np.dtype(dtype)
        self.row_shape = tuple(row_shape)
        self.rows = rows
        self._row_bytes = self.dtype.itemsize * int(np.prod(self.row_shape, dtype=np.int64))
        with writing(self.path):
            self._file = self.path.open("r+b" if rows else "wb", buffering=0)
            self._cut(HEADER_BYTES + rows * self._row_bytes)

    def _cut(self, length: int) -> None:
        if self.rows and os.fstat(self._file.fileno()).st_size < length:
            self._file.close()
            raise StoreError(
                f"{self.path} is damaged: it holds fewer than the {self.rows} rows that were committed.",
                hint=f"Delete {self.path.parent} and run again.",
            )
        self._file.truncate(length)
        self._file.seek(length)

    def append(self, block: NDArray[Any]) -> None:
        """Add rows (n, *row_shape); converted to the file's dtype."""
        data = np.ascontiguousarray(block, self.dtype)
        if data.shape[1:] != self.row_shape:
            raise ValueError(f"rows of shape {data.shape[1:]} do not fit {self.path.name}, whose rows are {self.row_shape}")
        view = data.reshape(-1).view(np.uint8).data
        with writing(self.path):
            while view:
                view = view[self._file.write(view) :]
        self.rows += len(data)

    def commit(self) -> None:
        """Make every appended row durable."""
        with writing(self.path):
            os.pwrite(self._file.fileno(), npy_header((self.rows, *self.row_shape), self.dtype), 0)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close without committing."""
        self._file.close()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()


def open_array(path: Path) -> NDArray[Any]:
    """A read-only memory map of a ``.npy`` file.

    Raises:
        StoreError: It is missing, truncated or not a ``.npy`` file.
    """
    path = Path(path)
    try:
        if path.stat().st_size and _holds_no_rows(path):
            return _read_only(np.load(path, allow_pickle=False))  # an empty file cannot be mapped
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing.", hint=f"Delete {path.parent} and run again.") from error
    except (OSError, ValueError, EOFError) as error:
        raise StoreError(f"{path} is damaged or truncated ({error}).", hint=f"Delete {path.parent} and run again.") from error
    return array


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        return shape, dtype, file.tell()


def _holds_no_rows(path: Path) -> bool:
    return 0 in _header(path)[0]


class ArrayReader:
    """Reads ranges of rows of a ``.npy`` file with plain reads, whose pages do not count as the process's memory.

    Raises:
        StoreError: The file is missing, damaged or truncated.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.shape, self.dtype, self._offset = _header(self.path)
            size = self.path.stat().st_size
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path} is damaged or missing ({error}).", hint=f"Delete {self.path.parent} and run again."
            ) from error
        self._row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        if size < self._offset + self.shape[0] * self._row_bytes:
            raise StoreError(
                f"{path} is truncated: its {self.shape[0]} rows are not all there.",
                hint=f"Delete {self.path.parent} and run again.",
            )

    def __len__(self) -> int:
        return self.shape[0]

    def _fill(self, descriptor: int, out: NDArray[Any], start: int) -> None:
        view, position = out.reshape(-1).view(np.uint8).data, self._offset + start * self._row_bytes
        while view:
            got = os.preadv(descriptor, [view], position)
            if got <= 0:
                raise StoreError(
                    f"{self.path} was truncated while it was read.", hint=f"Delete {self.path.parent} and run again."
                )
            view, position = view[got:], position + got

    def blocks(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first row, rows) of consecutive ranges; one buffer is reused, so a block is valid until the next."""
        stop = len(self) if stop is None else min(stop, len(self))
        buffer = np.empty((min(size, max(stop - start, 0)), *self.shape[1:]), self.dtype)
        with self.path.open("rb", buffering=0) as file:
            for first in range(start, stop, size):
                block = buffer[: min(size, stop - first)]
                self._fill(file.fileno(), block, first)
                yield first, block

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The rows of those numbers (ascending), in an array of the caller's own; neighbouring rows are read together."""
        out = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        edges = np.flatnonzero(np.diff(numbers) != 1) + 1
        bounds = [0, *edges.tolist(), len(numbers)]
        with self.path.open("rb", buffering=0) as file:
            for first, last in pairwise(bounds):
                if last > first:
                    self._fill(file.fileno(), out[first:last], int(numbers[first]))
        return out
