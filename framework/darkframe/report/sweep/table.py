"""The comparison as tables: every figure in a column of its own (CSV, JSON, pandas), and what fits a terminal."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection
from typing import Any

from darkframe.report.table import Column, Table
from darkframe.report.text import cosine, count, share, token_text
from darkframe.results.sweep import DONE, FAILED, LevelFigures, SweepCell, SweepResults
from darkframe.store.atomic import plain

_NAME = "sweep"
_FEW = 5  # tokens in a terminal
Get = Callable[[SweepCell], Any]
Columns = list[tuple[Column, Get]]

_LARGEST_HELP = "rows in the largest cluster / all rows; lower is less of a catch-all"
_NOISE_HELP = "rows in no cluster / all rows"
_NULL_HELP = "the same of rows without structure put through the same clusterer, of the null where it is larger"
_ORDER_HELP = "mean adjusted Rand index between the labels of different row orders"


def full_table(results: SweepResults) -> Table:
    """Every figure of every cell, one column a level where they differ by level."""
    own: Columns = [(Column("status", "status"), lambda cell: cell.status)]
    own.append((Column("error", "why it failed"), lambda cell: cell.error or None))
    if any(cell.taxonomy for cell in results.cells):
        own += _taxonomy_columns(results.levels)
    if any(cell.dark for cell in results.cells):
        own += _dark_columns()
    own.append((Column("seconds", "time", "seconds", "of the cell's process"), lambda cell: cell.seconds))
    own.append((Column("run", "run directory"), lambda cell: cell.folder))
    taken = {"cell", *(column.name for column, _ in own)}
    number: Columns = [(Column("cell", "cell", "number"), lambda cell: cell.number)]
    return _table(results, [*number, *_axes(results, taken), *own], "")


def shown_table(results: SweepResults) -> Table:
    """The comparison as a terminal shows it: figures of several levels in one column, coarsest first."""
    columns: Columns = [*_axes(results, set())]
    taxonomy, dark = (any(getattr(cell, name) for cell in results.cells) for name in ("taxonomy", "dark"))
    if taxonomy:
        columns += _shown_taxonomy(noise=_has_noise(results))
    if dark:
        columns += _shown_dark()
    if not taxonomy and not dark:
        columns.append((Column("outcome", "outcome"), _outcome))
    columns.append((Column("seconds", "time", "seconds", priority=3), lambda cell: cell.seconds))
    if taxonomy:
        columns.append((Column("largest_tokens", "largest cluster's tokens", priority=2), lambda cell: _tokens(cell, _FEW)))
    return _table(results, columns, _caption(taxonomy, dark))


def csv_text(results: SweepResults) -> str:
    """``full_table`` as CSV: names in the first line, raw values, nothing where there is none."""
    table, out = full_table(results), io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow(["" if value is None else value for value in plain(list(row))])
    return out.getvalue()


def records(table: Table) -> list[dict[str, Any]]:
    """A table's rows by column name, as JSON has them."""
    names = [column.name for column in table.columns]
    return [dict(zip(names, plain(list(row)))) for row in table.rows]


def failures(results: SweepResults) -> list[str]:
    """One line for each failed cell: which, and why."""
    return [f"{_told(results, cell)}: {cell.error}" for cell in results.failed]


def outcome(cell: SweepCell) -> str:
    """A cell in half a line."""
    if cell.status != DONE:
        return "FAILED" if cell.status == FAILED else "not run"
    told = []
    if cell.taxonomy:
        clusters, largest = _joined(cell, lambda level: count(level.clusters), "/"), share(cell.taxonomy.levels[0].largest_share)
        noisy = any(level.noise for level in cell.taxonomy.levels)
        noise = f", noise {_joined(cell, lambda level: share(level.noise), '/')}" if noisy else ""
        told.append(f"{clusters} clusters, largest {largest}{noise}, {_VERDICTS[cell.taxonomy.verdict]}")
    if cell.dark:
        told.append(f"{cell.dark.beat_null} of {cell.dark.components} components beat their null")
    return "; ".join(told)


def _told(results: SweepResults, cell: SweepCell) -> str:
    return ", ".join(f"{axis.title}={value}" for axis, value in zip(results.axes, cell.values))


def _table(results: SweepResults, columns: Columns, caption: str) -> Table:
    rows = tuple(tuple(get(cell) for _, get in columns) for cell in results.cells)
    return Table(_NAME, "Comparison of the cells", tuple(column for column, _ in columns), rows, caption)


def _axes(results: SweepResults, taken: Collection[str]) -> Columns:
    """A column for each axis: under its short name, unless another column has that."""
    return [
        (Column(axis.name if axis.title in taken else axis.title, axis.title, help=axis.name), _value(place))
        for place, axis in enumerate(results.axes)
    ]


def _value(place: int) -> Get:
    return lambda cell: cell.values[place]


def _taxonomy(name: str) -> Get:
    return lambda cell: getattr(cell.taxonomy, name) if cell.taxonomy else None


def _dark(name: str) -> Get:
    return lambda cell: getattr(cell.dark, name) if cell.dark else None


def _of_level(name: str, level: int) -> Get:
    def get(cell: SweepCell) -> Any:
        has = cell.taxonomy is not None and level < len(cell.taxonomy.levels)
        return getattr(cell.taxonomy.levels[level], name) if has and cell.taxonomy else None

    return get


def _taxonomy_columns(levels: int) -> Columns:
    columns: Columns = [
        (Column("dims", "dims", "count", "dimensions that were clustered"), _taxonomy("dims")),
        (Column("variance", "variance kept", "share"), _taxonomy("variance")),
    ]
    for level in range(levels):
        columns += [
            (Column(f"clusters_L{level}", f"clusters L{level}", "count"), _of_level("clusters", level)),
            (Column(f"largest_share_L{level}", f"largest L{level}", "share", _LARGEST_HELP), _of_level("largest_share", level)),
            (Column(f"noise_L{level}", f"noise L{level}", "share", _NOISE_HELP), _of_level("noise", level)),
            (Column(f"silhouette_L{level}", f"silhouette L{level}", "cosine"), _of_level("silhouette", level)),
            (
                Column(f"silhouette_null_L{level}", f"by chance L{level}", "cosine", _NULL_HELP),
                _of_level("silhouette_null", level),
            ),
            (
                Column(f"stability_L{level}", f"order stability L{level}", "cosine", _ORDER_HELP),
                _of_level("stability", level),
            ),
            (Column(f"beats_null_L{level}", f"beats null L{level}", "yes-no"), _of_level("beats_null", level)),
        ]
    columns.append((Column("verdict", "verdict"), _taxonomy("verdict")))
    columns.append((Column("clustering_seconds", "clustering", "seconds"), _taxonomy("fit_seconds")))
    columns.append((Column("largest_tokens", "largest cluster's tokens"), _tokens))
    return columns


def _dark_columns() -> Columns:
    return [
        (Column("components", "components", "count"), _dark("components")),
        (Column("converged", "converged", "yes-no"), _dark("converged")),
        (Column("beat_null", "beat the null", "count"), _dark("beat_null")),
        (Column("novel", "novel", "count"), _dark("novel")),
        (Column("novel_null", "novel by chance", "tenths"), _dark("novel_null")),
        (Column("stability", "stability", "cosine"), _dark("stability")),
        (Column("stability_null", "stability by chance", "cosine"), _dark("stability_null")),
        (Column("explained", "explained", "share", "of the residual's variance"), _dark("explained")),
        (Column("finding", "finding"), _dark("finding")),
        (Column("fit_seconds", "fit", "seconds"), _dark("fit_seconds")),
    ]


def _has_noise(results: SweepResults) -> bool:
    return any(level.noise for cell in results.cells if cell.taxonomy for level in cell.taxonomy.levels)


def _shown_taxonomy(*, noise: bool) -> Columns:
    def first(cell: SweepCell) -> Any:
        return cell.taxonomy.levels[0].largest_share if cell.taxonomy and cell.taxonomy.levels else None

    return [
        (Column("dims", "dims", "count", priority=4), _taxonomy("dims")),
        (Column("variance", "variance kept", "share", priority=3), _taxonomy("variance")),
        (Column("clusters", "clusters"), lambda cell: _joined(cell, lambda level: count(level.clusters), "/")),
        (Column("largest", "largest", "share", priority=1), first),
        *(
            [(Column("noise", "noise", priority=1), lambda cell: _joined(cell, lambda level: share(level.noise)))]
            if noise
            else []
        ),
        (Column("silhouette", "silhouette", priority=1), lambda cell: _joined(cell, lambda level: _short(level.silhouette))),
        (Column("null", "by chance", priority=1), lambda cell: _joined(cell, lambda level: _short(level.silhouette_null))),
        (Column("order", "order stability", priority=2), lambda cell: _joined(cell, lambda level: _short(level.stability))),
        (Column("verdict", "verdict"), lambda cell: _VERDICTS[cell.taxonomy.verdict] if cell.taxonomy else _outcome(cell)),
        (Column("clustering", "clustering", "seconds", priority=4), _taxonomy("fit_seconds")),
    ]


def _shown_dark() -> Columns:
    return [
        (Column("components", "components", "count", priority=1), _dark("components")),
        (Column("converged", "converged", "yes-no", priority=3), _dark("converged")),
        (Column("beat_null", "beat the null", "count"), _dark("beat_null")),
        (Column("novel", "novel", "count", priority=1), _dark("novel")),
        (Column("novel_null", "by chance", "tenths", priority=2), _dark("novel_null")),
        (Column("stability", "stability", "cosine", priority=1), _dark("stability")),
        (Column("stability_null", "by chance", "cosine", priority=2), _dark("stability_null")),
        (Column("explained", "explained", "share", priority=1), _dark("explained")),
        (Column("finding", "finding"), lambda cell: cell.dark.finding if cell.dark else _outcome(cell)),
    ]


_VERDICTS = {"structure": "structure", "some": "some levels", "nothing": "nothing", "unjudged": "not judged"}


def _joined(cell: SweepCell, write: Callable[[LevelFigures], str], by: str = " / ") -> str | None:
    return by.join(write(level) for level in cell.taxonomy.levels) if cell.taxonomy else None


def _short(value: float) -> str:
    """Two decimals: figures of several levels stand side by side."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−") if math.isfinite(value) else cosine(value)


def _tokens(cell: SweepCell, most: int | None = None) -> str | None:
    return " ".join(token_text(token) for token in cell.taxonomy.tokens[:most]) or None if cell.taxonomy else None


def _outcome(cell: SweepCell) -> str | None:
    return {DONE: None, FAILED: "FAILED"}.get(cell.status, "not run")


def _caption(taxonomy: bool, dark: bool) -> str:
    told = []
    if taxonomy:
        told.append(
            "clusters, silhouette and order stability by level, coarsest first; largest: share of the rows in the largest "
            "cluster of level 0; by chance: the silhouette of rows without structure; verdict: against the nulls"
        )
    if dark:
        told.append("stability: mean Icasso index; by chance: as many directions, or fits, of the elliptical null")
    return "; ".join(told) + "." if told else ""
