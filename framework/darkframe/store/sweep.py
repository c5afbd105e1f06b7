"""A sweep's directory: the plan, what became of its cells, the comparison.

``SWEEP/sweep.json`` (the plan, written before anything runs; then the state of every cell, and the table),
``SWEEP/cells/<number>-<values>/`` (each a run directory), ``SWEEP/sweep.csv``, ``SWEEP/figures/``, ``SWEEP/log.txt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from darkframe.errors import StoreError
from darkframe.store.atomic import plain
from darkframe.store.manifest import ManifestDir

MANIFEST = "sweep.json"
CELLS = "cells"


class SweepDir(ManifestDir):
    """One sweep on disk.

    Attributes:
        path: The folder.
        manifest: ``schema``, ``kind``, ``status`` (``running``, ``done``, ``failed`` or ``interrupted``), ``created``, ``base``,
            ``axes``, ``cells`` (a mapping each), and at the end ``columns`` and ``table``.
    """

    NOUN, KIND, MANIFEST, SCHEMA = "sweep", "darkframe-sweep", MANIFEST, 1

    @classmethod
    def create(cls, path: Path, plan: Mapping[str, Any]) -> SweepDir:
        """Make a new sweep in a folder that does not exist yet or is empty.

        Raises:
            OutputError: The folder holds something already, or cannot be written.
        """
        return cls._create(path, plan)

    @classmethod
    def open(cls, path: Path) -> SweepDir:
        """Open an existing sweep.

        Raises:
            OutputError: The folder is missing or is not a sweep.
            StoreError: Its manifest is damaged or of another version.
        """
        made = super().open(path)
        missing = [name for name in ("base", "axes", "cells") if name not in made.manifest]
        if missing:
            raise StoreError(f"{made.path / MANIFEST} is damaged: it lacks {', '.join(missing)}.", hint="Run the sweep again.")
        return made

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Every cell's record, in order."""
        cells: list[dict[str, Any]] = self.manifest["cells"]
        return cells

    def cell_path(self, cell: Mapping[str, Any]) -> Path:
        """Where a cell's run lies."""
        return self.path / CELLS / str(cell["folder"])

    def update_cell(self, number: int, **fields: Any) -> None:
        """Change fields of one cell, atomically."""
        cells = [{**cell, **plain(fields)} if cell["number"] == number else cell for cell in self.cells]
        self.update(cells=cells)


def is_sweep(path: Path) -> bool:
    """Whether a folder is a sweep's."""
    return (path / MANIFEST).is_file()
