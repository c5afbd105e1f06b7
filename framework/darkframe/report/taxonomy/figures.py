"""The figures of a taxonomy: drawn on demand, saved as PNG and SVG; the sunburst also as a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.report.style import FAINT, fit_titles, new_figure, save_bytes, styled, title
from darkframe.report.taxonomy import panels, panels_nulls
from darkframe.report.taxonomy.data import TaxonomyData, gather_taxonomy
from darkframe.report.taxonomy.map import feature_map
from darkframe.report.taxonomy.sunburst import legend, sunburst
from darkframe.store.atomic import write_bytes
from darkframe.store.taxonomy import Taxonomy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from darkframe.results import TaxonomyResults
    from darkframe.store.run import RunDir

_MOST_LEVELS = 4  # drawn side by side


@dataclass(frozen=True, eq=False)
class Drawn:
    """What every figure is drawn from."""

    results: TaxonomyResults
    data: TaxonomyData


Draw = Callable[[Drawn], "Figure"]


def _cluster_sizes(of: Drawn) -> Figure:
    levels = of.results.levels[:_MOST_LEVELS]
    figure = new_figure(max(6.4, 5.0 * len(levels)), 4.4)
    for ax, level in zip(figure.subplots(1, len(levels), squeeze=False)[0], levels):
        panels.sizes(ax, level, of.data, of.results.order.n)
    return figure


def _feature_map(of: Drawn) -> Figure:
    figure = new_figure(11.0, 7.0)
    feature_map(figure.add_subplot(), of.results, of.data)
    return figure


def _sunburst(of: Drawn) -> Figure:
    figure = new_figure(13.0, 9.4)
    figure.set_layout_engine("none")
    rings, words = figure.add_axes((0.01, 0.01, 0.64, 0.9)), figure.add_axes((0.68, 0.01, 0.31, 0.9))
    legend(words, of.results)
    sunburst(rings, of.results, of.data)
    return figure


def _specificity(of: Drawn) -> Figure:
    figure = new_figure(8.4, 5.2)
    panels.specificity(figure.add_subplot(), of.results, of.data)
    return figure


def _curve(of: Drawn) -> Figure:
    figure = new_figure(11.0, 4.6)
    if not of.results.curve.points:
        _absent(figure.add_subplot(), "Vigilance curve", of.results.curve.note)
        return figure
    left, right = figure.subplots(1, 2)
    panels.curve_clusters(left, of.results)
    panels.curve_largest(right, of.results)
    return figure


def _absent(ax: Axes, name: str, note: str) -> None:
    title(ax, name)
    ax.set_axis_off()
    ax.text(0, 0.9, note or "not made in this run", color=FAINT, transform=ax.transAxes, va="top", parse_math=False, wrap=True)


def _landscape(of: Drawn) -> Figure:
    figure = new_figure()
    panels.landscape(figure.add_subplot(), of.results, of.data)
    return figure


def _levels(of: Drawn) -> Figure:
    figure = new_figure(12.0, 7.4)
    panels_nulls.levels_vs_null(figure, of.results)
    return figure


def _overview(of: Drawn) -> Figure:
    figure = new_figure(15.5, 9.4)
    axes = figure.subplots(2, 3)
    sunburst(axes[0, 0], of.results, of.data, labels=False)
    feature_map(axes[0, 1], of.results, of.data, legend=False)
    panels.tokens_panel(axes[0, 2], of.results)
    panels.all_sizes(axes[1, 0], of.results, of.data)
    panels_nulls.cohesion_panel(axes[1, 1], of.results)
    if of.results.curve.points:
        panels.curve_largest(axes[1, 2], of.results)
    else:
        panels.specificity(axes[1, 2], of.results, of.data)
    return figure


TAXONOMY_FIGURES: Mapping[str, Draw] = {
    "taxonomy_overview": _overview,
    "sunburst": _sunburst,
    "feature_map": _feature_map,
    "cluster_sizes": _cluster_sizes,
    "levels_vs_null": _levels,
    "size_vs_specificity": _specificity,
    "vigilance_curve": _curve,
    "pca_landscape": _landscape,
}
"""Every figure by its file name."""


def draw_taxonomy(name: str, results: TaxonomyResults, run: RunDir) -> Figure:
    """One figure (a key of ``TAXONOMY_FIGURES``), not saved anywhere."""
    return _draw(name, Drawn(results, gather_taxonomy(Taxonomy(run))))


def _draw(name: str, of: Drawn) -> Figure:
    with styled():
        figure = TAXONOMY_FIGURES[name](of)
        fit_titles(figure)
        return figure


def save_taxonomy_figures(results: TaxonomyResults, run: RunDir) -> list[Path]:
    """Draw every figure and write ``figures/<name>.png`` and ``.svg``, and ``figures/sunburst.html``; returns their paths."""
    from darkframe.report.taxonomy.sunburst_page import write_sunburst_page

    folder = run.path / "figures"
    folder.mkdir(exist_ok=True)
    of, paths = Drawn(results, gather_taxonomy(Taxonomy(run))), []
    for name in TAXONOMY_FIGURES:
        figure = _draw(name, of)
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            write_bytes(path, save_bytes(figure, kind))
            paths.append(path)
    return [*paths, write_sunburst_page(folder / "sunburst.html", results, of.data)]
