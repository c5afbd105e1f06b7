"""One array in a .npy, .npz or .safetensors file: its shape before anything is read, and any rows of it, mapped from disk."""

from __future__ import annotations

import math
import mmap
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from darkframe.errors import DataError, ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import SourceContext

KINDS = (".npy", ".npz", ".safetensors")
FLOATS = ("float16", "float32", "float64", "bfloat16")
_SAFETENSORS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "BOOL": "bool"}
_SAFETENSORS |= {f"{sign}{bits}": f"{'u' * (sign == 'U')}int{bits}" for sign in "IU" for bits in (8, 16, 32, 64)}
_PICKLED = {".pt", ".pth", ".bin", ".pkl", ".pickle", ".joblib", ".ckpt"}


@dataclass(frozen=True, eq=False)
class Stored:
    """One array in a file.

    Attributes:
        path: The file.
        key: Its name inside, empty in a .npy file.
        shape: Its shape.
        dtype: NumPy's name of its type, or ``bfloat16``.
        read: Gives rows ``[start:stop)`` of its first axis; bfloat16 as float32.
        release: Gives back the memory of pages that were read; what ``read`` gave must not be used any more.
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[int, int], NDArray[Any]]
    release: Callable[[], None] = lambda: None

    @property
    def label(self) -> str:
        """Such as ``x.npz ('activations')``, for sentences."""
        return f"{self.path} ({self.key!r})" if self.key else str(self.path)

    def whole(self) -> NDArray[Any]:
        """All of it, in memory."""
        return np.array(self.read(0, self.shape[0]) if self.shape else self.read(0, 1))


def expand(paths: Sequence[Path], name: str) -> tuple[Path, ...]:
    """Files of a parameter, patterns expanded in natural order.

    Raises:
        ParameterError: A file does not exist, or a pattern matches none.
    """
    found: list[Path] = []
    for path in paths:
        if path.exists() or not re.search(r"[*?\[]", str(path)):
            found.append(path)
            continue
        matching = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))), key=_natural)
        if not matching:
            raise ParameterError(f"source.{name}: no file matches {path}.")
        found += matching
    for path in found:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "does not exist"
            raise ParameterError(f"source.{name}: {path} {what}.", hint=f"Expected a {', '.join(KINDS)} file.")
    return tuple(found)


def _natural(path: Path) -> list[Any]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(path))]


def keys(path: Path) -> tuple[str, ...]:
    """Names of the arrays in a file; one empty name for a .npy file.

    Raises:
        DataError: Not a file of a kind that is read, or damaged.
    """
    if path.suffix == ".npy":
        return ("",)
    if path.suffix == ".npz":
        with _archive(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    if path.suffix == ".safetensors":
        return tuple(sorted(_tensors(path).keys()))
    hint = "Save it with numpy.save, numpy.savez or safetensors; pickled files can run any code and are not opened."
    if path.suffix in _PICKLED:
        raise DataError(f"{path} is a pickled file ({path.suffix}).", hint=hint)
    raise DataError(f"{path} is of no kind that is read.", hint=f"Expected {', '.join(KINDS)}.")


def choose(path: Path, key: str | None, usual: Sequence[str]) -> str:
    """The name of the array that is meant: ``key``, else the first of the ``usual`` names, else the only one there.

    Raises:
        DataError: There is no such array, or none can be told from the others; lists those there are.
    """
    there = keys(path)
    if there == ("",):
        return ""
    if key is None:
        key = next((name for name in usual if name in there), None)
        if key is None and len(there) == 1:
            return there[0]
    if key is not None and key in there:
        return key
    listed = ", ".join(repr(name) for name in there) or "nothing"
    wanted = f"{key!r}" if key is not None else " or ".join(repr(name) for name in usual)
    raise DataError(f"{path} holds no array {wanted}; it holds {listed}.")


def open_array(path: Path, key: str, context: SourceContext) -> Stored:
    """Open one array; its numbers stay on disk.

    A compressed member of an .npz file cannot be mapped: it is unpacked into ``context.cache``, once, when first read.

    Raises:
        DataError: The file is damaged, or holds Python objects or another type that is not a number.
    """
    if path.suffix == ".safetensors":
        return _open_tensor(path, key)
    if path.suffix == ".npz":
        return _open_member(path, key, context)
    with _opened(path) as file:
        shape, fortran, dtype = _header(file, str(path))
        offset = file.tell()
    mapped = _Mapped(path, offset, shape, fortran, dtype, str(path))
    return Stored(path, "", shape, dtype.name, mapped.read, mapped.release)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def _header(file: IO[bytes], label: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{label} is not an array that NumPy saved: {' '.join(str(error).split())[:200]}.") from error
    if dtype.hasobject:
        hint = "Save plain numbers, all rows of one length."
        raise DataError(f"{label} holds pickled Python objects, which can run any code and are not opened.", hint=hint)
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise DataError(f"{label} is of type {dtype}; expected real numbers of at most 64 bits.")
    return tuple(int(n) for n in shape), bool(fortran), dtype


class _Mapped:
    """An array mapped from a file, read-only."""

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any], label: str) -> None:
        needed = offset + math.prod(shape) * dtype.itemsize
        held = path.stat().st_size
        if held < needed:
            raise DataError(f"{label} is cut short: its header says {shape} of {dtype}, but {needed - held:,} bytes are missing.")
        with _opened(path) as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._array: NDArray[Any] = np.ndarray(shape, dtype, self._map, offset, order="F" if fortran else "C")

    def read(self, start: int, stop: int) -> NDArray[Any]:
        return self._array[start:stop] if self._array.shape else self._array

    def release(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):  # pages stay in the system's cache, but are no longer this process's
            self._map.madvise(mmap.MADV_DONTNEED)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not an archive of arrays that NumPy saved: {error}.") from error


def _open_member(path: Path, key: str, context: SourceContext) -> Stored:
    label = f"{path} ({key!r})"
    with _archive(path) as archive:
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as member:
            shape, fortran, dtype = _header(member, label)
            header = member.tell()
    mapped: list[_Mapped] = []

    def read(start: int, stop: int) -> NDArray[Any]:
        if not mapped:
            place, begin = _place(path, info, context)
            mapped.append(_Mapped(place, begin + header, shape, fortran, dtype, label))
        return mapped[0].read(start, stop)

    if info.compress_type == zipfile.ZIP_STORED:
        read(0, 0)  # a file that is cut short says so at once
    return Stored(path, key, shape, dtype.name, read, lambda: mapped[0].release() if mapped else None)


def _place(path: Path, info: zipfile.ZipInfo, context: SourceContext) -> tuple[Path, int]:
    """Where a member's bytes lie uncompressed, from which offset on."""
    if info.compress_type != zipfile.ZIP_STORED:
        return _unpacked(path, info, context), 0
    with _opened(path) as file:  # the local header's own lengths count, not those of the central directory
        file.seek(info.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return path, info.header_offset + 30 + name + extra


def _unpacked(path: Path, info: zipfile.ZipInfo, context: SourceContext) -> Path:
    """A compressed member, unpacked once into the cache."""
    status = path.stat()
    name = f"{path.absolute()}|{status.st_size}|{status.st_mtime_ns}|{info.filename}|{info.CRC}|{info.file_size}"
    target = context.cache / "arrays" / f"{sha256(name.encode()).hexdigest()}.npy"
    if target.is_file():
        return target
    context.progress.step("unpack", f"{info.filename} of {path.name} is compressed: {info.file_size:,} bytes go to {target}")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _archive(path) as archive, archive.open(info) as member, temporary.open("wb") as out:
            shutil.copyfileobj(member, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(target)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{info.filename} of {path} cannot be unpacked to {target}: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _tensors(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}.") from error


def _open_tensor(path: Path, key: str) -> Stored:
    rows = _tensors(path).get_slice(key)
    shape, kind = tuple(rows.get_shape()), str(rows.get_dtype())
    if kind not in _SAFETENSORS:
        raise DataError(f"{path} ({key!r}) is of type {kind}; expected one of {', '.join(_SAFETENSORS)}.")

    def read(start: int, stop: int) -> NDArray[Any]:
        rows = _tensors(path).get_slice(key)  # opened anew: the pages that are read go with it
        part = rows[start:stop] if shape else rows[...]
        array: NDArray[Any] = (part.float() if kind == "BF16" else part).numpy()
        return array

    return Stored(path, key, shape, _SAFETENSORS[kind], read)
