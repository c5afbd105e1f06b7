"""Files written whole or not at all, with the same bytes for the same content."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes an object as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no object")
    return value


def write_jsonl_gz(path: Path, records: Iterable[Mapping[str, str]]) -> None:
    """Writes records, one a line, gzipped with no time stamp: the same records give the same bytes."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    write_bytes(path, gzip.compress(lines.encode(), compresslevel=9, mtime=0))


def read_jsonl_gz(path: Path) -> list[dict[str, str]]:
    """Reads what `write_jsonl_gz` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes an array as .npy, atomically."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def read_array(path: Path) -> npt.NDArray[Any]:
    """Reads an .npy array, mapped."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
