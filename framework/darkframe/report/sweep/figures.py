"""The plots of a sweep: lines over a swept parameter, a map for two of them; drawn on demand, saved as PNG and SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.report.style import fit_titles, new_figure, save_bytes, styled
from darkframe.report.sweep.lines import Line, draw_lines
from darkframe.report.sweep.maps import draw_map
from darkframe.report.sweep.measures import Measure, measures
from darkframe.results.sweep import SweepCell, SweepResults
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LINES = 8
"""Lines in a panel at most: a grid with more combinations is not drawn as lines."""

Draw = Callable[[], "Figure"]


def sweep_figures(results: SweepResults) -> dict[str, Draw]:
    """The plots there are, by name; each is drawn when called."""
    found, made = measures(results), dict[str, Draw]()
    across = _across(results)
    if len(_series(results, across)) <= MOST_LINES:
        made |= {"overview": lambda: _overview(results, found, across)} if found else {}
        made |= {m.name: (lambda m=m: _single(results, m, across)) for m in found}  # type: ignore[misc]
    if len(results.axes) == 2 and all(len(axis.texts) > 1 for axis in results.axes):
        made |= {f"{m.name}-map": (lambda m=m: _map(results, m)) for m in found}  # type: ignore[misc]
    return made


def draw(make: Draw) -> Figure:
    """One plot, in the project's look."""
    with styled():
        figure = make()
        fit_titles(figure)
        return figure


def save_figures(results: SweepResults, folder: Path) -> list[Path]:
    """Draw every plot and write ``<name>.png`` and ``.svg`` into the folder, each atomically; those of before are replaced."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, make in sweep_figures(results).items():
        figure = draw(make)
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            write_bytes(path, save_bytes(figure, kind))
            paths.append(path)
    return paths


def _across(results: SweepResults) -> int:
    """The axis that lines run over: the longest, numbers first."""
    return max(range(len(results.axes)), key=lambda i: (len(results.axes[i].texts), results.axes[i].numeric, -i))


def _series(results: SweepResults, across: int) -> list[tuple[str, list[SweepCell]]]:
    """For each combination of the other axes its name and its cells, in order of the axis that lines run over."""
    others = [(place, axis) for place, axis in enumerate(results.axes) if place != across]
    series = []
    for combination in itertools.product(*(axis.texts for _, axis in others)):
        having = [c for c in results.cells if all(c.values[place] == text for (place, _), text in zip(others, combination))]
        name = ", ".join(f"{axis.title} {text}" for (_, axis), text in zip(others, combination))
        series.append((name, having))
    return series


def _levels(results: SweepResults, measure: Measure) -> int:
    return max(results.levels, 1) if measure.levels else 1


def _single(results: SweepResults, measure: Measure, across: int) -> Figure:
    """One measure; a panel for each level where there are other axes to tell apart by colour."""
    levels, several = _levels(results, measure), len(_series(results, across)) > 1
    panels = levels if several else 1
    figure = new_figure(8.0 if panels == 1 else 5.2 * panels, 4.4)
    for number, ax in enumerate(figure.subplots(1, panels, squeeze=False)[0]):
        lines = _lines(results, measure, across, [number] if several else range(levels))
        suffix = f", level {number}" if several and measure.levels else ""
        draw_lines(ax, results.axes[across], measure, lines, suffix, legend=number == panels - 1)
    return figure


def _overview(results: SweepResults, found: Sequence[Measure], across: int) -> Figure:
    """All measures; of several levels where lines are levels, else of the coarsest."""
    rows, several = math.ceil(len(found) / 2), len(_series(results, across)) > 1
    figure = new_figure(13.0, 4.2 * rows)
    for measure, ax in zip(found, figure.subplots(rows, 2, squeeze=False).ravel()):
        levels = [0] if several else range(_levels(results, measure))
        suffix = ", level 0" if several and measure.levels else ""
        draw_lines(ax, results.axes[across], measure, _lines(results, measure, across, levels), suffix, legend=True)
    return figure


def _lines(results: SweepResults, measure: Measure, across: int, levels: Sequence[int]) -> list[Line]:
    series = _series(results, across)
    made = []
    for (name, cells), level in itertools.product(series, levels):
        label = name or (f"level {level}" if measure.levels and len(levels) > 1 else "")
        values = tuple(measure.get(cell, level) for cell in cells)
        null = tuple(measure.null(cell, level) for cell in cells) if measure.null else ()
        made.append(Line(label, values, null))
    return made


def _map(results: SweepResults, measure: Measure) -> Figure:
    """One measure over two axes: a panel for each level."""
    levels = _levels(results, measure)
    figure = new_figure(max(5.4 * levels, 6.4), 4.6)
    down, right = results.axes
    for level, ax in enumerate(figure.subplots(1, levels, squeeze=False)[0]):
        values = [measure.get(cell, level) for cell in results.cells]
        null = [measure.null(cell, level) for cell in results.cells] if measure.null else []
        suffix = f", level {level}" if measure.levels else ""
        draw_map(ax, down, right, measure, values, null, suffix)
    return figure
