"""What finished studies of every kind show of themselves in Python: arrays, tables and figures by name, a summary, HTML."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from darkframe.errors import UserError
from darkframe.report.summary import Summary, plain_summary
from darkframe.report.table import Table
from darkframe.report.tables import files_table

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class NotThereError(UserError, KeyError):
    """A run has no array, table or figure of that name."""


class Lazy(Mapping[str, T], Generic[T]):
    """A read-only mapping whose values are made when first asked for.

    Args:
        what: What a value is, for messages: ``array``.
        names: Of the values there are.
        make: Gives the value of a name.
        excuse: Says of a name why its value is not there, or gives an empty string.
    """

    def __init__(
        self, what: str, names: list[str], make: Callable[[str], T], excuse: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._what, self._names, self._make, self._excuse = what, names, make, excuse
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise NotThereError(self._excuse(name) or f"This run has no {self._what} {name!r}.", hint=self._hint(name))
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s: {', '.join(self._names)}>"

    def _hint(self, name: str) -> str:
        near = get_close_matches(str(name), self._names, 1)
        return f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(self._names)}."


class Shown(ABC):
    """What finished studies of every kind show of themselves: tables, a summary, HTML for notebooks."""

    NOUN: ClassVar[str]
    """What it is, such as ``run``."""

    path: Path

    @property
    @abstractmethod
    def neutral_tables(self) -> Mapping[str, Table]:
        """Every table as a neutral record, by name."""

    @abstractmethod
    def summaries(self) -> list[Summary]:
        """One screen of each study, as neutral records."""

    def table(self, name: str) -> Table:
        """One neutral table.

        Raises:
            UserError: There is no such table; names those there are.
        """
        if name not in self.neutral_tables:
            near = get_close_matches(name, self.neutral_tables, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UserError(f"A {self.NOUN} has no table {name!r}.", hint=f"{hint}Tables: {', '.join(self.neutral_tables)}.")
        return self.neutral_tables[name]

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        from darkframe.report.frames import frame

        return Lazy("table", list(self.neutral_tables), lambda name: frame(self.neutral_tables[name]))

    def summary(self, width: int = 80) -> str:
        """What the command prints at the end, as plain text."""
        return plain_summary(*self.summaries(), width=width)

    def _json(self, record: Mapping[str, Any]) -> str:
        """A record and the files as strict ASCII JSON (NaN is null)."""
        from darkframe.store.atomic import plain

        files = {str(name): size for name, size in files_table(self.path).rows}
        whole = {"run": str(self.path), **plain(record), "files": files}
        return json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=True)

    def _repr_html_(self) -> str:
        """Compact, for notebooks: each study's finding, its numbers and what stands out."""
        from darkframe.report.html import escaped

        shown = "".join(_summary_html(summary) for summary in self.summaries())
        return f"<div>{shown}<p><code>{escaped(self.path)}</code></p></div>"


def _summary_html(shown: Summary) -> str:
    from darkframe.report.html import escaped, table_html

    parts = [f"<p><b>{escaped(shown.headline)}</b><br>{escaped(shown.text)}</p>"]
    parts += [f"<p>⚠ {escaped(caution)}</p>" for caution in shown.cautions]
    parts += [
        f"<details open><summary>{escaped(t.title)}</summary>{table_html(t)}</details>"
        for t in (shown.numbers, shown.highlights)
        if t.rows
    ]
    return "".join([f"<p>{escaped(shown.title)}</p>", *parts])
