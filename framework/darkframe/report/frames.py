"""Neutral tables as pandas data frames with proper dtypes."""

from __future__ import annotations

import pandas as pd

from darkframe.report.table import Column, Table

_DTYPES = {"text": "string", "token": "string", "count": "Int64", "number": "Int64", "size": "Int64", "yes-no": "boolean"}


def frame(table: Table) -> pd.DataFrame:
    """A data frame with the table's raw values: strings, Int64, boolean, and float64 for everything else.

    Its ``attrs`` hold the title, the caption and each column's definition.
    """
    columns = {column.name: _series(column, [row[i] for row in table.rows]) for i, column in enumerate(table.columns)}
    out = pd.DataFrame(columns)
    out.attrs = {"title": table.title, "caption": table.caption, "columns": {c.name: c.help or c.title for c in table.columns}}
    return out


def _series(column: Column, values: list[object]) -> pd.Series:
    dtype = _DTYPES.get(column.format, "float64")
    if dtype == "string":  # a lone surrogate has no UTF-8: it is written as \\ud800
        values = [None if value is None else str(value).encode("utf-8", "backslashreplace").decode() for value in values]
    return pd.Series(values, dtype=dtype)
