"""The columns of a sweep's table, each with the figure of the records that it shows."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from darkframe.report.sweep.table import full_table
from darkframe.results.sweep import DarkFigures, LevelFigures, SweepCell, SweepResults, TaxonomyFigures
from tools.reference_markdown import doc_of, inline, table

RENAMED: Mapping[str, tuple[type[Any], str]] = {
    "cell": (SweepCell, "number"),
    "run": (SweepCell, "folder"),
    "clustering_seconds": (TaxonomyFigures, "fit_seconds"),
    "largest_tokens": (TaxonomyFigures, "tokens"),
    "fit_seconds": (DarkFigures, "fit_seconds"),
}
"""Columns that are called otherwise than the figure."""


def sweep_columns() -> str:
    """A table of all columns; those of levels once, ``<level>`` for the level."""
    results: SweepResults = example(SweepResults)
    axis = results.axes[0].title
    rows = [("one a swept parameter, by its name", "its value", "[`Axis`](#axis)")]
    for column in full_table(results).columns:
        if column.name != axis:
            name, record, field = _figure(column.name)
            said = doc_of(record).definitions()[field]
            rows.append((inline(name), said, f"[`{record.__name__}.{field}`](#{record.__name__.lower()})"))
    return table(("column", "holds", "as"), rows)


def _figure(column: str) -> tuple[str, type[Any], str]:
    """The column's name on the page, and the record and field that it shows."""
    if column in RENAMED:
        return column, *RENAMED[column]
    if column.endswith("_L0"):
        return f"{column[:-3]}_L<level>", LevelFigures, column[:-3]
    for record in (TaxonomyFigures, DarkFigures, SweepCell):
        if column in {field.name for field in dataclasses.fields(record)}:
            return column, record, column
    raise ValueError(f"the column {column!r} of a sweep's table is none of its figures; add it to RENAMED")


def example(hint: Any) -> Any:
    """Some value of a type: records with every part there, tuples of one."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{field.name: example(hints[field.name]) for field in dataclasses.fields(hint)})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return example(next(each for each in arguments if each is not type(None)))
    if origin is tuple:
        return (example(arguments[0]),)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {}
    return "a" if hint is Any else hint(1)
