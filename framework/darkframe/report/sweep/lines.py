"""One panel of lines over a swept parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from darkframe.report.style import FAINT, drawable, title
from darkframe.report.text import count
from darkframe.results.sweep import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.report.sweep.measures import Measure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C")
"""Okabe & Ito's, told apart by the colour-blind too."""

_WIDE = 8  # from this ratio of the largest to the smallest value on, a parameter is drawn logarithmically
_MARGIN = 0.06  # of the range, left and right of it


@dataclass(frozen=True)
class Line:
    """Values over the parameter, and the same by chance (or nothing); NaN where there is none."""

    label: str
    values: tuple[float, ...]
    null: tuple[float, ...] = ()


def draw_lines(ax: Axes, axis: Axis, measure: Measure, lines: Sequence[Line], suffix: str, *, legend: bool) -> None:
    """Draw the lines of one measure; cells that failed are marked where no line has a value."""
    places = positions(ax, axis)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(places, line.values, color=colour, marker="o", markersize=5, label=drawable(line.label) or None)
        if line.null:
            ax.plot(places, line.null, color=colour, linestyle="--", linewidth=1.4, marker="o", markersize=3)
    _scale(ax, measure, [value for line in lines for value in (*line.values, *line.null)])
    for place, column in zip(places, zip(*(line.values for line in lines))):
        if all(math.isnan(value) for value in column):
            lacking = ax.text(place, 0.03, "failed", transform=ax.get_xaxis_transform(), fontsize=9, color=FAINT)
            lacking.set(rotation=90, va="bottom", ha="center")
    title(ax, measure.title + suffix, measure.subtitle)
    ax.set_xlabel(drawable(axis.title), parse_math=False)
    if legend and any(line.label for line in lines):
        ax.legend(loc="best")


def positions(ax: Axes, axis: Axis) -> list[float]:
    """Where each value of the parameter lies: by its size where all are numbers, else side by side."""
    if axis.numeric:
        places = [float(value) for value in axis.values]
        low, high = min(places), max(places)
        if low > 0 and high / low >= _WIDE:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
            ax.set_xlim(low * (low / high) ** _MARGIN, high * (high / low) ** _MARGIN)
        else:
            room = _MARGIN * (high - low) or 1.0
            ax.set_xlim(low - room, high + room)
    else:
        places = [float(number) for number in range(len(axis.values))]
        ax.set_xlim(-0.4, len(places) - 0.6)
    ax.set_xticks(places, [drawable(text) for text in axis.texts])
    return places


def _scale(ax: Axes, measure: Measure, values: Sequence[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    if measure.log and finite and min(finite) > 0 and max(finite) / min(finite) >= _WIDE:
        ax.set_yscale("log")
        ax.yaxis.set_minor_locator(NullLocator())
    elif finite and (min(finite) >= 0 or measure.full):
        low, high = min(0.0, *finite), max(measure.full, *finite)
        ax.set_ylim(bottom=low * 1.08 if low < -0.005 * measure.full else 0, top=high * 1.08 or 1.0)
    if measure.write is count and ax.get_yscale() == "linear":
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: measure.write(value)))
