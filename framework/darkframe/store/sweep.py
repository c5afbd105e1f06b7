"""A sweep's directory: the plan, what became of its cells, the comparison.

``SWEEP/sweep.json`` (the plan, written before anything runs; then the state of every cell, and the table),
``SWEEP/cells/<number>-<values>/`` (each a run directory), ``SWEEP/sweep.csv``, ``SWEEP/figures/``, ``SWEEP/log.txt``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from darkframe.errors import OutputError, StoreError
from darkframe.store.atomic import TEMPORARY, plain, read_json, remove_temporaries, write_json, writing
from darkframe.store.lock import try_lock

SCHEMA = 1
KIND = "darkframe-sweep"
MANIFEST = "sweep.json"
CELLS = "cells"


class SweepDir:
    """One sweep on disk. Reading needs no lock; the first write takes it, and keeps it until ``close`` or the process's end.

    Attributes:
        path: The folder.
        manifest: ``schema``, ``kind``, ``status`` (``running``, ``done``, ``failed`` or ``interrupted``), ``created``, ``base``,
            ``axes``, ``cells`` (a mapping each), and at the end ``columns`` and ``table``.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock: IO[bytes] | None = None

    @classmethod
    def create(cls, path: Path, plan: Mapping[str, Any]) -> SweepDir:
        """Make a new sweep in a folder that does not exist yet or is empty.

        Raises:
            OutputError: The folder holds something already, or cannot be written.
        """
        path = Path(path).absolute()
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} exists and is not a folder.", hint="Choose another folder with --out.")
        with writing(path, OutputError):
            if path.exists() and any(p.name != ".lock" and not p.name.endswith(TEMPORARY) for p in path.iterdir()):
                advice = "Choose another folder with --out, or go on with --resume."
                raise OutputError(f"{path} exists already and is not empty.", hint=advice)
            path.mkdir(parents=True, exist_ok=True)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sweep = cls(path, {"schema": SCHEMA, "kind": KIND, "status": "running", "created": created, **plain(plan)})
        sweep.update()
        return sweep

    @classmethod
    def open(cls, path: Path) -> SweepDir:
        """Open an existing sweep.

        Raises:
            OutputError: The folder is missing or is not a sweep.
            StoreError: Its manifest is damaged or of another version.
        """
        path = Path(path).absolute()
        if not (path / MANIFEST).is_file():
            what = f"is not a sweep: it has no {MANIFEST}" if path.is_dir() else "does not exist"
            raise OutputError(f"{path} {what}.", hint="Give the folder that `darkframe sweep` printed.")
        manifest = read_json(path / MANIFEST)
        if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
            raise OutputError(f"{path} is not a sweep of darkframe: its {MANIFEST} is something else's.")
        if manifest.get("schema") != SCHEMA:
            raise StoreError(
                f"{path} has schema {manifest.get('schema')}; this darkframe reads schema {SCHEMA}.",
                hint="Use the version of darkframe that wrote it, or run the sweep again.",
            )
        missing = [name for name in ("base", "axes", "cells") if name not in manifest]
        if missing:
            raise StoreError(f"{path / MANIFEST} is damaged: it lacks {', '.join(missing)}.", hint="Run the sweep again.")
        return cls(path, manifest)

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Every cell's record, in order."""
        cells: list[dict[str, Any]] = self.manifest["cells"]
        return cells

    def cell_path(self, cell: Mapping[str, Any]) -> Path:
        """Where a cell's run lies."""
        return self.path / CELLS / str(cell["folder"])

    def own(self) -> None:
        """Take the sweep's lock.

        Raises:
            OutputError: Another process is at work on it.
        """
        if self._lock is None:
            self._lock = try_lock(self.path / ".lock")
            if self._lock is None:
                raise OutputError(
                    f"Another process is at work on the sweep {self.path}.", hint="Wait until it ends, or choose another --out."
                )
            remove_temporaries(self.path)

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            with suppress(OSError):
                self._lock.close()
            self._lock = None

    def update(self, **fields: Any) -> None:
        """Change fields of the manifest, atomically."""
        self.own()
        manifest = {**self.manifest, **plain(fields)}
        write_json(self.path / MANIFEST, manifest)
        self.manifest = manifest

    def update_cell(self, number: int, **fields: Any) -> None:
        """Change fields of one cell, atomically."""
        cells = [{**cell, **plain(fields)} if cell["number"] == number else cell for cell in self.cells]
        self.update(cells=cells)

    def log(self, line: str) -> None:
        """Append one line, with the time, to ``log.txt``."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with (
            writing(self.path / "log.txt"),
            (self.path / "log.txt").open("a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(f"{stamp} {' '.join(line.split())}\n")


def is_sweep(path: Path) -> bool:
    """Whether a folder is a sweep's."""
    return (path / MANIFEST).is_file()
