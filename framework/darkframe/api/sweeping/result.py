"""A sweep in Python: its table, its runs and its figures; what ``darkframe.sweep`` returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import UserError
from darkframe.report.plain import paragraph, table_lines
from darkframe.report.shown import Lazy
from darkframe.report.sweep.gather import sweep_results
from darkframe.report.sweep.table import failures, full_table, records, shown_table
from darkframe.report.table import Table
from darkframe.report.text import visible
from darkframe.result import RunResult, load
from darkframe.results.sweep import DONE, SweepCell, SweepResults
from darkframe.store.sweep import SweepDir

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class CellResult:
    """One cell.

    Attributes:
        number: From 1.
        values: Parameter to value, as text.
        status: ``done``, ``failed`` or ``waiting`` (it was stopped, or not begun).
        error: Why it failed, in a sentence; empty otherwise.
        path: Of its run.
    """

    def __init__(self, sweep: Path, cell: SweepCell, names: tuple[str, ...]) -> None:
        self.number, self.status, self.error = cell.number, cell.status, cell.error
        self.values: Mapping[str, str] = dict(zip(names, cell.values))
        self.path = sweep / cell.folder

    @cached_property
    def result(self) -> RunResult:
        """Its run.

        Raises:
            UserError: It has not finished; says why.
        """
        if self.status != DONE:
            why = self.error or "It was not begun, or was stopped; resume the sweep."
            raise UserError(f"Cell {self.number} ({self}) has no result.", hint=why)
        return load(self.path)

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.values.items())

    def __repr__(self) -> str:
        return f"CellResult({self.number}: {self}, {self.status})"


class SweepResult:
    """A sweep.

    Attributes:
        path: Its directory.
        results: The comparison, as frozen records.
        cells: Every cell, in order: the full product of the grids, the first of which changes slowest.
    """

    def __init__(self, sweep: SweepDir) -> None:
        self._sweep = sweep
        self.path: Path = sweep.path
        self.results: SweepResults = sweep_results(sweep)
        names = tuple(axis.name for axis in self.results.axes)
        self.cells: tuple[CellResult, ...] = tuple(CellResult(self.path, cell, names) for cell in self.results.cells)

    @property
    def failed(self) -> tuple[CellResult, ...]:
        """The cells that failed."""
        return tuple(cell for cell in self.cells if cell.status == "failed")

    @cached_property
    def neutral_tables(self) -> Mapping[str, Table]:
        """``comparison``, as the command prints it, and ``cells``: every figure of every cell."""
        return {"comparison": shown_table(self.results), "cells": full_table(self.results)}

    @cached_property
    def table(self) -> pd.DataFrame:
        """The comparison, one row a cell; swept numbers are numbers, other values text."""
        import pandas as pd

        from darkframe.report.frames import frame

        table = full_table(self.results)
        out, numeric = frame(table), {axis.name for axis in self.results.axes if axis.numeric}
        for column in table.columns:
            if column.help in numeric:
                out[column.name] = pd.to_numeric(out[column.name])
        return out

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The plots, drawn when asked for."""
        from darkframe.report.sweep.figures import draw, sweep_figures

        made = sweep_figures(self.results)
        return Lazy("figure", list(made), lambda name: draw(made[name]))

    @property
    def files(self) -> tuple[Path, ...]:
        """What the sweep wrote beside its runs."""
        own = (self.path / "sweep.json", self.path / "sweep.csv", *sorted((self.path / "figures").glob("*.png")))
        return tuple(path for path in own if path.is_file())

    def summary(self, width: int = 80) -> str:
        """What the command prints at the end, as plain text."""
        lines = table_lines(shown_table(self.results), width)
        for line in failures(self.results):
            lines += paragraph(visible(f"FAILED {line}"), width, "! ", "  ")
        return "\n".join([*lines, "", f"Sweep directory: {self.path}"]) + "\n"

    def json(self) -> str:
        """The comparison as strict ASCII JSON (NaN is null): ``grid``, ``cells``, and every figure's definition."""
        table = full_table(self.results)
        record: dict[str, Any] = {
            "sweep": str(self.path),
            "status": self._sweep.manifest.get("status"),
            "base": dict(self.results.base),
            "grid": {axis.name: list(axis.texts) for axis in self.results.axes},
            "columns": {column.name: column.help or column.title for column in table.columns},
            "cells": records(table),
        }
        return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=True)

    def __repr__(self) -> str:
        return f"SweepResult({str(self.path)!r}: {len(self.cells)} cells, {len(self.failed)} failed)"

    def _repr_html_(self) -> str:
        """Compact, for notebooks: the comparison, and what failed."""
        from darkframe.report.html import escaped, table_html

        told = "".join(f"<p>⚠ {escaped(line)}</p>" for line in failures(self.results))
        return f"<div>{table_html(shown_table(self.results))}{told}<p><code>{escaped(self.path)}</code></p></div>"
