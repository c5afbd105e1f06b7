"""Named arrays in one safetensors file: no pickle, checked on reading, the same bytes for the same content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from darkframe.errors import StoreError
from darkframe.store.atomic import plain, write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write_tensors(path: Path, arrays: dict[str, NDArray[Any]], record: Any = None) -> None:
    """Write arrays and a JSON-able record in one file, atomically.

    Raises:
        StoreError: The disk is full or the folder is not writable.
    """
    text = json.dumps(plain(record), sort_keys=True)
    write_bytes(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata={"record": text}))


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    """The arrays and the record.

    Raises:
        StoreError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {}).get("record", "null"))
            return {name: file.get_tensor(name) for name in file.keys()}, record  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError, ValueError) as error:
        raise StoreError(f"{path} is missing or damaged ({error}).", hint=f"Delete {Path(path).parent} and run again.") from error
