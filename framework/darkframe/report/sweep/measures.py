"""What the plots of a sweep show: a figure of each cell and level, beside the same by chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from darkframe.report.text import count, decimal, share, tenths
from darkframe.results.sweep import SweepCell, SweepResults

Get = Callable[[SweepCell, int], float]


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        name: Of its plot.
        title, subtitle: What it is, and its definition.
        get: Its value in a cell at a level; NaN where there is none.
        null: The same by chance; None where there is no such thing.
        write: A value as text.
        log: Whether it is drawn on a logarithmic axis.
        full: Value that its axis reaches at least, so that noise does not fill it.
        levels: Whether it differs by level.
    """

    name: str
    title: str
    subtitle: str
    get: Get
    null: Get | None = None
    write: Callable[[float], str] = decimal
    log: bool = False
    full: float = 0.0
    levels: bool = False


def _level(name: str) -> Get:
    def get(cell: SweepCell, level: int) -> float:
        if cell.taxonomy is None or level >= len(cell.taxonomy.levels):
            return math.nan
        return float(getattr(cell.taxonomy.levels[level], name))

    return get


def _dark(name: str) -> Get:
    def get(cell: SweepCell, level: int) -> float:
        return float(getattr(cell.dark, name)) if cell.dark else math.nan

    return get


TAXONOMY = (
    Measure("clusters", "Clusters", "of each level", _level("clusters"), write=count, log=True, levels=True),
    Measure(
        "largest-share",
        "Share of the largest cluster",
        "rows in it / all rows: lower is less of a catch-all",
        _level("largest_share"),
        write=share,
        levels=True,
    ),
    Measure(
        "silhouette",
        "Silhouette against chance",
        "mean by cosine distance; dashed: rows without structure, clustered the same way",
        _level("silhouette"),
        _level("silhouette_null"),
        levels=True,
    ),
    Measure(
        "order-stability",
        "Order stability",
        "mean adjusted Rand index between row orders",
        _level("stability"),
        full=1.0,
        levels=True,
    ),
)
DARK = (
    Measure("beat-null", "Components that beat the null", "the elliptical null", _dark("beat_null"), write=count),
    Measure(
        "novel",
        "Novel components against chance",
        "|cos| with every decoder direction at most the novel cut; dashed: by chance",
        _dark("novel"),
        _dark("novel_null"),
        write=tenths,
    ),
    Measure(
        "stability",
        "Stability against chance",
        "mean Icasso index over seeds and document halves; dashed: the elliptical null",
        _dark("stability"),
        _dark("stability_null"),
    ),
    Measure("explained", "Explained variance", "share of the residual's variance", _dark("explained"), write=share),
)


def measures(results: SweepResults) -> tuple[Measure, ...]:
    """Those that any of the cells has."""
    found: tuple[Measure, ...] = ()
    if any(cell.taxonomy for cell in results.cells):
        found += TAXONOMY
    if any(cell.dark for cell in results.cells):
        found += DARK
    return found
