"""The figures of a dark-matter run: drawn on demand, saved as PNG and SVG under the notebook's names and a few more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.report import panels, panels_evidence
from darkframe.report.data import FigureData, gather
from darkframe.report.style import fit_titles, new_figure, save_bytes, styled
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from darkframe.results import DarkMatterResults
    from darkframe.store.collection import Collection
    from darkframe.store.run import RunDir

Draw = Callable[["DarkMatterResults", FigureData], "Figure"]


def _single(panel: Callable[[Axes, DarkMatterResults, FigureData], None]) -> Draw:
    def draw(results: DarkMatterResults, data: FigureData) -> Figure:
        figure = new_figure()
        panel(figure.add_subplot(), results, data)
        return figure

    return draw


def _stability(results: DarkMatterResults, data: FigureData) -> Figure:
    figure = new_figure(11.0, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    panels_evidence.stability(left, results)
    panels_evidence.pairs(right, results)
    return figure


def _evidence(results: DarkMatterResults, data: FigureData) -> Figure:
    figure = new_figure()
    panels_evidence.evidence(figure.add_subplot(), results)
    return figure


def _overview(results: DarkMatterResults, data: FigureData) -> Figure:
    figure = new_figure(15.0, 8.6)
    axes = figure.subplots(2, 3)
    panels.residual_kurtosis(axes[0, 0], results, data)
    panels.residual_pca(axes[0, 1], results, data)
    panels.ica_sae_similarity(axes[0, 2], results, data)
    panels.ica_vs_sae_kurtosis(axes[1, 0], results, data)
    panels_evidence.evidence(axes[1, 1], results)
    panels_evidence.novel_tokens(axes[1, 2], results)
    return figure


FIGURES: Mapping[str, Draw] = {
    "overview": _overview,
    "residual_kurtosis": _single(panels.residual_kurtosis),
    "residual_pca": _single(panels.residual_pca),
    "ica_sae_similarity": _single(panels.ica_sae_similarity),
    "ica_vs_sae_kurtosis": _single(panels.ica_vs_sae_kurtosis),
    "stability": _stability,
    "components_vs_null": _evidence,
}
"""Every figure by its file name; the four of the notebook keep theirs."""


def draw(name: str, results: DarkMatterResults, data: FigureData) -> Figure:
    """One figure (a key of ``FIGURES``), not saved anywhere."""
    with styled():
        figure = FIGURES[name](results, data)
        fit_titles(figure)
        return figure


def figures(results: DarkMatterResults, run: RunDir, collection: Collection | None = None) -> dict[str, Figure]:
    """Every figure; without ``collection``, from what the run itself keeps."""
    data = gather(results, run, collection)
    return {name: draw(name, results, data) for name in FIGURES}


def save_figures(results: DarkMatterResults, run: RunDir, collection: Collection | None = None) -> list[Path]:
    """Draw every figure and write ``figures/<name>.png`` and ``.svg``, each atomically; returns their paths."""
    folder = run.path / "figures"
    folder.mkdir(exist_ok=True)
    data, paths = gather(results, run, collection), []
    for name in FIGURES:
        figure = draw(name, results, data)
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            write_bytes(path, save_bytes(figure, kind))
            paths.append(path)
    return paths
