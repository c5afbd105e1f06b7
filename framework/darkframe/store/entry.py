"""An unfinished entry of the activation cache, write side: arrays that grow, checkpoints, and the finish."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.store.arrays import ArrayWriter
from darkframe.store.atomic import remove_temporaries, write_json, writing
from darkframe.store.collection import ARRAYS, SCHEMA, WIDE
from darkframe.store.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    State = dict[str, NDArray[Any]]

CHECKPOINT = "unfinished.safetensors"


class EntryWriter:
    """Writes one entry. What was committed survives anything; what was not is cut off when the entry is opened again.

    Args:
        folder: The entry's folder, made if it is missing; the caller holds its lock.
        d_model: d.
        keep_activations: Whether x is stored beside e.

    Attributes:
        state: The accumulators as last committed, or None where nothing was.
        record: What was committed with them: at least ``rows``.

    Raises:
        StoreError: The folder cannot be written, or what it holds is damaged.
    """

    def __init__(self, folder: Path, d_model: int, *, keep_activations: bool) -> None:
        self.folder = folder
        self.state: State | None = None
        self.record: dict[str, Any] = {"rows": 0}
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        remove_temporaries(folder)
        if (folder / CHECKPOINT).is_file():
            self.state, self.record = read_tensors(folder / CHECKPOINT)
        self._writers = {}
        for name, dtype in ARRAYS.items():
            if name != "activations" or keep_activations:
                shape = (d_model,) if name in WIDE else ()
                self._writers[name] = ArrayWriter(folder / f"{name}.npy", shape, dtype, rows=self.record["rows"])

    @property
    def rows(self) -> int:
        """Rows written so far, committed or not."""
        return self._writers["tokens"].rows

    def append(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add the same number of rows to every array."""
        for name, writer in self._writers.items():
            writer.append(arrays[name])

    def commit(self, state: State, record: Mapping[str, Any]) -> None:
        """Make everything so far durable: first the arrays, then, in one atomic write, the state that belongs to them."""
        for writer in self._writers.values():
            writer.commit()
        write_tensors(self.folder / CHECKPOINT, state, {**record, "rows": self.rows})

    def finish(self, state: State, meta: Mapping[str, Any]) -> None:
        """Complete the entry; ``meta.json`` comes last and makes it count."""
        for writer in self._writers.values():
            writer.commit()
        write_tensors(self.folder / "statistics.safetensors", state)
        size = sum(path.stat().st_size for path in self.folder.iterdir() if path.name != CHECKPOINT)
        write_json(self.folder / "meta.json", {"schema": SCHEMA, **meta, "n_tokens": self.rows, "bytes_on_disk": size})
        with suppress(OSError):
            (self.folder / CHECKPOINT).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the files; what was not committed is lost."""
        for writer in self._writers.values():
            writer.close()
