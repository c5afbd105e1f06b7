"""Every figure of quality, level by level, beside each draw of each null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from darkframe.report.style import FAINT, INK, NULLS, RUN, plain_decades
from darkframe.report.style import title as headed
from darkframe.report.taxonomy.words import Figure, has_noise, null_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from darkframe.results import Level, TaxonomyResults

MEASURES: tuple[tuple[str, str, Figure], ...] = (
    ("clusters", "clusters (log axis)", lambda q: q.clusters),
    ("share in the largest cluster", "share of the rows (%)", lambda q: 100 * q.largest_share),
    ("cohesion", "mean cosine within clusters", lambda q: q.cohesion),
    ("silhouette", "mean silhouette (cosine)", lambda q: q.silhouette),
    ("match", "mean match", lambda q: q.match),
    ("noise", "rows in no cluster", lambda q: q.noise),
    ("order stability", "mean adjusted Rand index", lambda q: q.stability),
)


def levels_vs_null(figure: Drawing, results: TaxonomyResults) -> None:
    """Small panels, one for each figure of quality that the clusterer has."""
    shown = [measure for measure in MEASURES if _has(results, measure[2])]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (name, label, measure) in zip(axes, shown):
        panel(ax, results, name, label, measure)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    heading = figure.suptitle(verdict(results), x=0.012, ha="left", fontsize=13, fontweight="bold")
    heading.set_parse_math(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower left", ncols=4, fontsize=10)


def verdict(results: TaxonomyResults) -> str:
    """How many levels beat the nulls, in words."""
    judged = [level for level in results.levels if level.nulls]
    if not any(level.clusters for level in results.levels):
        return "No clusters: every feature is noise"
    if not judged:
        return "No nulls were drawn: nothing here is measured against chance"
    beaten = sum(level.beats_null for level in judged)
    if len(judged) == 1:
        return f"The clusters {'beat' if beaten else 'do not beat'} their nulls"
    return f"{beaten} of {len(judged)} levels beat their nulls" if beaten else "No level beats its nulls"


def cohesion_panel(ax: Axes, results: TaxonomyResults) -> None:
    """One panel for the overview: the cohesion of each level beside the nulls'."""
    name, label, measure = MEASURES[2] if _has(results, MEASURES[2][2]) else MEASURES[1]
    panel(ax, results, verdict(results), label, measure)
    ax.legend(loc="best", fontsize=8.5)
    headed(ax, verdict(results), f"{name} of each level; small dots: single draws of a null")


def _has(results: TaxonomyResults, measure: Figure) -> bool:
    if measure is MEASURES[-2][2]:
        return any(has_noise(level) for level in results.levels)
    return any(not math.isnan(measure(level.quality)) for level in results.levels)


def panel(ax: Axes, results: TaxonomyResults, name: str, label: str, measure: Figure) -> None:
    """One figure of quality: the run joined over the levels, each draw of each null a dot, each null's mean a bar."""
    levels = results.levels
    ax.set_title(name, fontsize=11.5, parse_math=False)
    ax.set_ylabel(label)
    names = list(dict.fromkeys(null.name for level in levels for null in level.nulls))
    for place, null_name in enumerate(names):
        _null_dots(ax, levels, null_name, (place - (len(names) - 1) / 2) * 0.24, measure)
    real = [measure(level.quality) for level in levels]
    ax.plot(range(len(levels)), real, "o-", ms=8, mec="white", color=RUN, label="this run")
    counted = measure is MEASURES[0][2] and min(_values(levels, measure)) > 0  # a log axis has no place for none
    if counted:
        ax.set_yscale("log")
    elif measure is MEASURES[0][2]:
        ax.set_ylabel("clusters")
    ax.set_xticks(range(len(levels)), [_tick(level) for level in levels])
    ax.set(xlim=(-0.5, len(levels) - 0.5))
    ax.margins(y=0.14)
    if ax.get_ylim()[0] < 0 and not any(_values(levels, measure)):
        ax.set_ylim(-0.05, 1)
    if counted:
        plain_decades(ax.yaxis)
    for text in ax.get_xticklabels():
        text.set_color(INK)


def _values(levels: tuple[Level, ...], measure: Figure) -> list[float]:
    """Of the run and of every draw of every null."""
    return [measure(quality) for level in levels for quality in (level.quality, *(d for null in level.nulls for d in null.draws))]


def _null_dots(ax: Axes, levels: tuple[Level, ...], name: str, aside: float, measure: Figure) -> None:
    colour, labelled = NULLS.get(name, FAINT), False
    for x, level in enumerate(levels):
        for null in level.nulls:
            if null.name != name:
                continue
            values = [value for draw in null.draws if not math.isnan(value := measure(draw))]
            ax.plot([x + aside] * len(values), values, "o", ms=4, color=colour, alpha=0.7)
            mean = null_mean(null, measure)
            label = None if labelled else f"{name} null"
            ax.plot([x + aside - 0.1, x + aside + 0.1], [mean, mean], color=colour, lw=2.6, label=label)
            labelled = True


def _tick(level: Level) -> str:
    return f"L{level.level}" if level.vigilance is None else f"L{level.level}\nρ {level.vigilance:g}"
