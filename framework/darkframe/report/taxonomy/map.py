"""The map of features: UMAP of the decoder rows, coloured by their cluster of level 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.report.style import FAINT, drawable, title
from darkframe.report.taxonomy.colours import FAMILIES, OTHER, lighter
from darkframe.report.taxonomy.summary import said_by
from darkframe.report.text import count, share, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.interfaces import I64, Bool
    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import TaxonomyResults


def feature_map(ax: Axes, results: TaxonomyResults, data: TaxonomyData, *, legend: bool = True, width: int = 34) -> None:
    """The scatter; its legend names the largest clusters by their tokens."""
    first = results.levels[0]
    noise = first.noise / max(results.order.n, 1)
    found = f"{count(first.clusters)} level-0 clusters; the largest holds {share(first.largest_share)}"
    title(
        ax,
        (found + (f", noise {share(noise)}" if first.noise else "")) if first.clusters else "No clusters: every feature is noise",
        f"UMAP of {count(len(data.embedding))} decoder rows, coloured by cluster of level 0",
    )
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    ax.grid(False)
    if not len(data.embedding):
        ax.text(0.5, 0.5, "no embedding was made", ha="center", color=FAINT, transform=ax.transAxes)
        return
    labels = data.labels[0][data.rows]
    named = [int(data.clusters.id[place]) for place in data.clusters.at(0)[: len(FAMILIES)]]
    _grey(ax, data, labels, named, f"noise: {count(first.noise)} in no cluster")
    said = {record.cluster: said_by(record) for record in results.clusters}
    for colour, cluster in zip(FAMILIES, named):
        label = shorten(drawable(f"L0:{cluster}  {said.get(cluster, '')}"), width)
        _dots(ax, data, labels == cluster, colour, label)
    if legend:
        _legend(ax)


def _grey(ax: Axes, data: TaxonomyData, labels: I64, named: list[int], noise: str) -> None:
    """Noise and the smaller clusters, below the rest."""
    others = (labels >= 0) & ~np.isin(labels, named)
    number = len(np.unique(data.labels[0][data.labels[0] >= 0])) - len(named)
    if (labels < 0).any():
        _dots(ax, data, labels < 0, lighter(FAINT, 0.55), noise, marker="x")
    if others.any():
        _dots(ax, data, others, OTHER, f"{count(number)} smaller clusters")


def _dots(ax: Axes, data: TaxonomyData, mine: Bool, colour: str, label: str, marker: str = "o") -> None:
    size = float(np.clip(24_000 / max(len(data.embedding), 1), 1.2, 26))
    x, y = data.embedding[mine].T
    line = 0.8 if marker == "x" else 0
    ax.scatter(x, y, s=size, color=colour, marker=marker, lw=line, alpha=0.8, label=label, rasterized=len(x) > 2000)


def _legend(ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    last = [i for i, label in enumerate(labels) if not label.startswith("L0:")]
    order = [i for i in range(len(labels)) if i not in last] + last[::-1]
    shown = ax.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0
    )
    for handle, text in zip(shown.legend_handles, shown.get_texts()):
        text.set_parse_math(False)
        if handle is not None:
            handle.set_sizes([36])  # type: ignore[attr-defined]
            handle.set_alpha(1)
