"""The figures of a tracking: drawn on demand, saved as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.report.style import fit_titles, new_figure, save_bytes, styled
from darkframe.report.tracking import panels
from darkframe.report.tracking.data import TrackData, gather_tracking
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from darkframe.results import TrackedLevel, TrackingResults
    from darkframe.store.run import RunDir

    Panel = Callable[[Axes, TrackingResults, TrackedLevel], None]

Draw = Callable[["TrackingResults", TrackData], "Figure"]
_MOST_LEVELS = 4  # drawn side by side
_WIDTH, _HEIGHT = 5.8, 4.4


def _by_level(panel: Panel) -> Draw:
    def draw(results: TrackingResults, data: TrackData) -> Figure:
        levels = results.levels[:_MOST_LEVELS]
        figure = new_figure(max(7.0, _WIDTH * len(levels)), _HEIGHT)
        for ax, level in zip(figure.subplots(1, len(levels), squeeze=False)[0], levels):
            panel(ax, results, level)
        return figure

    return draw


def _overview(results: TrackingResults, data: TrackData) -> Figure:
    levels = results.levels[:_MOST_LEVELS]
    figure = new_figure(3 * _WIDTH, _HEIGHT * len(levels))
    for row, level in zip(figure.subplots(len(levels), 3, squeeze=False), levels):
        for ax, panel in zip(row, (panels.categories, panels.passing, panels.staying)):
            panel(ax, results, level)
    return figure


def _sizes(results: TrackingResults, data: TrackData) -> Figure:
    shown = min(panels.SHOWN, int((data.level == 0).sum()))
    told = bool((data.tokens >= 0).any())
    figure = new_figure(11.0 if told else 8.0, 1.9 + 0.3 * max(shown, 4))
    figure.set_layout_engine("none")
    bottom = 0.75 / figure.get_figheight()
    top = 0.75 / figure.get_figheight()
    left, width = (0.06, 0.46) if told else (0.085, 0.69)  # dormant ones are said so on the right either way
    panels.sizes(figure.add_axes((left, bottom, width, 1 - bottom - top)), results, data)
    return figure


TRACKING_FIGURES: Mapping[str, Draw] = {
    "tracking_overview": _overview,
    "categories_over_training": _by_level(panels.categories),
    "features_passing": _by_level(panels.passing),
    "features_staying": _by_level(panels.staying),
    "category_sizes": _sizes,
}
"""Every figure by its file name."""


def draw_tracking(name: str, results: TrackingResults, data: TrackData) -> Figure:
    """One figure (a key of ``TRACKING_FIGURES``), not saved anywhere."""
    with styled():
        figure = TRACKING_FIGURES[name](results, data)
        fit_titles(figure)
        return figure


def save_tracking_figures(results: TrackingResults, run: RunDir) -> list[Path]:
    """Draw every figure and write ``figures/<name>.png`` and ``.svg``, each atomically; returns their paths."""
    folder = run.path / "figures"
    folder.mkdir(exist_ok=True)
    data, paths = gather_tracking(run), []
    for name in TRACKING_FIGURES:
        figure = draw_tracking(name, results, data)
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            write_bytes(path, save_bytes(figure, kind))
            paths.append(path)
    return paths
