"""One step of a run: a folder with a record and arrays, whole or absent, keyed by the content of its inputs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError
from darkframe.store.arrays import ArrayWriter, open_array
from darkframe.store.atomic import content_key, fsync_folder, plain, read_json, remove_tree, save_array, write_json, writing

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

SCHEMA = 1


class Step:
    """Made by ``RunDir.step``.

    Attributes:
        name: The step's name, such as ``decompose``.
        key: Content hash of its name and inputs.
    """

    def __init__(self, folder: Path, name: str, inputs: Any, own: Callable[[], None]) -> None:
        self.name = name
        self.key = content_key({"schema": SCHEMA, "step": name, "inputs": inputs})
        self._inputs = inputs
        self._folder = folder
        self._unfinished = folder.with_name(f".{folder.name}.unfinished")
        self._own = own
        self._started = False
        self._streamed: set[str] = set()

    @property
    def done(self) -> bool:
        """Whether a finished step with exactly these inputs is on disk."""
        path = self._folder / "record.json"
        return path.is_file() and read_json(path).get("key") == self.key

    def adopt(self, steps: Iterable[Path]) -> bool:
        """Take over the files of another run's step that finished with exactly these inputs; False where there is none.

        Args:
            steps: Folders of finished steps of this name, which may be of other inputs, or go away at any moment.
        """
        for folder in steps:
            try:
                if read_json(folder / "record.json").get("key") != self.key:
                    continue
                target = self._start()
                for path in folder.iterdir():
                    _copy(path, target / path.name)
                if read_json(folder / "record.json").get("key") == self.key:  # still, so that all files are of one piece
                    self._rename(target)
                    return True
            except (OSError, StoreError):  # it is being taken anew there: this run computes its own
                pass
            self._started = False
        return False

    def load(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The step's record, and its arrays as read-only memory maps.

        Raises:
            StoreError: The step is not done, or one of its files is damaged.
        """
        if not self.done:
            raise StoreError(f"Step {self.name!r} of {self._folder.parent.parent} has not finished with these inputs.")
        record = read_json(self._folder / "record.json")
        arrays = {}
        for name, shape in record["arrays"].items():
            arrays[name] = open_array(self._folder / f"{name}.npy")
            if list(arrays[name].shape) != shape:
                raise StoreError(
                    f"{self._folder / name}.npy is damaged: shape {shape} was saved.", hint=f"Delete {self._folder} and resume."
                )
        return record["record"], arrays

    def _start(self) -> Path:
        if not self._started:
            self._own()
            remove_tree(self._unfinished)
            with writing(self._unfinished):
                self._unfinished.mkdir(parents=True)
            self._started = True
        return self._unfinished

    @contextmanager
    def writer(self, array_name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Iterator[ArrayWriter]:
        """Stream an array of ``shape`` by ``append(block)``; it belongs to the step once ``save`` is called.

        Raises:
            StoreError: The disk is full.
            ValueError: Fewer or more rows than ``shape[0]`` were appended.
        """
        path = self._start() / f"{array_name}.npy"
        with ArrayWriter(path, tuple(shape[1:]), dtype) as out:
            yield out
            if out.rows != shape[0]:
                raise ValueError(f"array {array_name!r} of step {self.name!r} got {out.rows} rows instead of {shape[0]}")
        self._streamed.add(array_name)

    def save(self, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Finish the step: write what is left, sync, and rename the whole folder into place.

        Args:
            record: JSON-able (records allowed).
            arrays: Small arrays; the streamed ones are there already.

        Raises:
            StoreError: The disk is full or not writable; a finished step of before stays.
        """
        folder = self._start()
        for name, array in (arrays or {}).items():
            save_array(folder / f"{name}.npy", np.asarray(array))
        names = sorted({*self._streamed, *(arrays or {})})
        shapes = {name: list(open_array(folder / f"{name}.npy").shape) for name in names}
        written = {
            "schema": SCHEMA,
            "step": self.name,
            "key": self.key,
            "inputs": self._inputs,
            "arrays": shapes,
            "record": plain(record),
        }
        write_json(folder / "record.json", written)
        self._rename(folder)

    def _rename(self, folder: Path) -> None:
        with writing(self._folder):
            remove_tree(self._folder)
            folder.replace(self._folder)
        fsync_folder(self._folder.parent)
        self._started = False
        self._streamed.clear()


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
