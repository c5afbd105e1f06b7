"""The neutral table: plain data with typed columns, rendered by the terminal, pandas and HTML alike. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from darkframe.report.text import FORMATS, format_value


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Key of the column in data frames and JSON.
        title: What people read above it.
        format: How its values are written, a key of ``darkframe.report.text.FORMATS``.
        help: A definition, where the title is not one.
        priority: Narrow terminals drop columns of the highest number first; 0 is never dropped.
    """

    name: str
    title: str
    format: str = "text"
    help: str = ""
    priority: int = 0

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"column {self.name!r} has the unknown format {self.format!r}; expected one of {', '.join(FORMATS)}")

    @property
    def is_numeric(self) -> bool:
        """Whether its values are set flush right."""
        return self.format not in {"text", "token", "yes-no"}


@dataclass(frozen=True)
class Table:
    """Rows of plain values (str, int, float, bool, None) under typed columns.

    Attributes:
        name: Its key among a run's tables.
        title: A few words.
        caption: Definitions a reader needs, in a sentence or two.
        columns: One for each value of a row.
        rows: The values, raw: unformatted and unescaped.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...] = field(default=())
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.name!r} has {len(self.columns)} columns but a row of {len(row)} values")

    def formatted(self) -> list[list[str]]:
        """Every cell as people read it: one line each, control characters visible, markup not yet escaped."""
        return [[format_value(column.format, value) for column, value in zip(self.columns, row)] for row in self.rows]

    def only(self, names: Sequence[str]) -> Table:
        """The same rows with just these columns, in this order."""
        places = [next(i for i, column in enumerate(self.columns) if column.name == name) for name in names]
        columns = tuple(self.columns[i] for i in places)
        return Table(self.name, self.title, columns, tuple(tuple(row[i] for i in places) for row in self.rows), self.caption)

    def head(self, n: int) -> Table:
        """The same table with its first ``n`` rows."""
        return Table(self.name, self.title, self.columns, self.rows[:n], self.caption)

    def turned(self, start: int, stop: int) -> Table:
        """Rows ``start`` to ``stop`` as columns, a row for each column there is: for tables too wide for a terminal."""
        chosen = self.formatted()[start:stop]
        head = (
            Column("figure", "figure"),
            *(Column(f"row_{i}", f"{self.columns[0].title} {row[0]}") for i, row in enumerate(chosen, start)),
        )
        lines = [(column.title, *(row[i] for row in chosen)) for i, column in enumerate(self.columns)]
        return Table(self.name, self.title, head, tuple(lines[1:]), self.caption)
