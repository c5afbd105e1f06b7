"""One panel of a map over two swept parameters: a colour and a number for each cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from darkframe.report.style import FAINT, drawable, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.report.sweep.measures import Measure
    from darkframe.results.sweep import Axis

_DARK = 0.55  # of the colour scale, below which numbers are written in white


def draw_map(
    ax: Axes, down: Axis, right: Axis, measure: Measure, values: Sequence[float], null: Sequence[float], suffix: str
) -> None:
    """Draw one measure; ``values``, and ``null`` where there is such a thing, are by row, NaN where a cell has none."""
    grid = np.ma.masked_invalid(np.asarray(values, np.float64).reshape(len(down.texts), len(right.texts)))
    norm = _norm(measure, [value for value in values if math.isfinite(value)])
    ax.imshow(grid, norm=norm, cmap="viridis", aspect="auto")
    for (row, column), value in np.ndenumerate(grid.filled(math.nan)):
        lacking = math.isnan(value)
        colour = FAINT if lacking else "white" if norm(value) < _DARK else "black"
        text = "failed" if lacking else measure.write(float(value))
        if null and not lacking and math.isfinite(by_chance := null[row * len(right.texts) + column]):
            text += f"\n(chance {measure.write(by_chance)})"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=9.5)
    ax.set_xticks(range(len(right.texts)), [drawable(text) for text in right.texts])
    ax.set_yticks(range(len(down.texts)), [drawable(text) for text in down.texts])
    ax.set_xlabel(drawable(right.title), parse_math=False)
    ax.set_ylabel(drawable(down.title), parse_math=False)
    ax.grid(False)
    title(ax, measure.title + suffix, measure.subtitle.partition(";")[0])


def _norm(measure: Measure, finite: Sequence[float]) -> Normalize:
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if measure.log and low > 0 and high > low:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1)
