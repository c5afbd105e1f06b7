"""Panels of the taxonomy's figures: cluster sizes, specificity, PCA, the vigilance curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.report.style import FAINT, INK, NULLS, RUN, plain_decades, title
from darkframe.report.taxonomy.colours import NOISE, level_colour
from darkframe.report.taxonomy.words import level_label, null_mean
from darkframe.report.text import cosine, count, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from darkframe.interfaces import F64, Bool
    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import Level, TaxonomyResults

COVARIANCE = NULLS["covariance"]


def sizes(ax: Axes, level: Level, data: TaxonomyData, n: int) -> None:
    """One level's clusters by rank and size, beside each null's largest cluster and its number of clusters."""
    found, noise = _sizes(data, level), f", {count(level.noise)} noise" if level.noise else ""
    singles = f"{count(level.singletons)} of one feature"
    title(
        ax,
        f"{level_label(level)}: "
        + (f"largest holds {share(level.largest_share)}" if level.clusters else "every feature is noise"),
        f"{count(level.clusters)} clusters by size; median {count(level.median_size)}, {singles}{noise}",
    )
    for null in level.nulls:
        largest, clusters = null_mean(null, lambda q: q.largest_share), null_mean(null, lambda q: q.clusters)
        colour = NULLS.get(null.name, FAINT)
        label = f"{null.name} null: {count(clusters)} clusters, largest {share(largest)}"
        ax.axhline(largest * n or np.nan, color=colour, lw=1.8, ls="--", label=label)  # no line where it has no clusters
        if level.rows == n and clusters:
            ax.axvline(clusters, color=colour, lw=1.4, ls=":")
    _rank_line(ax, found, level_colour(level.level), "this run")
    ax.set(xlabel="cluster, by rank", ylabel="features", xscale="log", yscale="log")
    _decades(ax, len(found), max(found.max(initial=1), _null_largest(level) * n))
    ax.legend(loc="upper right", fontsize=8.5)


def all_sizes(ax: Axes, results: TaxonomyResults, data: TaxonomyData) -> None:
    """Rank and size of the clusters of every level in one panel, with the covariance null's largest of level 0."""
    first, n = results.levels[0], results.order.n
    found = f"Largest of {count(first.clusters)} level-0 clusters: {share(first.largest_share)}"
    title(ax, found if first.clusters else "No clusters of level 0", "clusters by rank and size")
    for level in results.levels:
        _rank_line(ax, _sizes(data, level), level_colour(level.level), f"{level_label(level)}: {count(level.clusters)} clusters")
    for null in first.nulls:
        largest = null_mean(null, lambda q: q.largest_share)
        colour = NULLS.get(null.name, FAINT)
        ax.axhline(largest * n or np.nan, color=colour, lw=1.6, ls="--", label=f"L0, {null.name} null: {share(largest)}")
    ax.set(xlabel="cluster, by rank", ylabel="features", xscale="log", yscale="log")
    _decades(ax, max(level.clusters for level in results.levels), n * max(first.largest_share, _null_largest(first)))
    ax.legend(loc="upper right", fontsize=8.5)


def _null_largest(level: Level) -> float:
    return max((null_mean(null, lambda q: q.largest_share) for null in level.nulls), default=0.0)


def _sizes(data: TaxonomyData, level: Level) -> F64:
    return np.asarray(data.clusters.size[data.clusters.at(level.level)], np.float64)


def _rank_line(ax: Axes, found: F64, colour: str, label: str) -> None:
    marker = "o" if len(found) <= 60 else None
    ax.plot(np.arange(1, len(found) + 1), found, color=colour, marker=marker, ms=4, label=label)


def _decades(ax: Axes, clusters: int, largest: float) -> None:
    """Log axes with room for the legend above what is drawn."""
    largest = max(largest, 1.0)
    ax.set(xlim=(0.85, max(clusters, 4) * 1.3), ylim=(0.7, largest * max((largest / 0.7) ** 0.45, 3)))
    for axis in (ax.xaxis, ax.yaxis):
        plain_decades(axis)


def specificity(ax: Axes, results: TaxonomyResults, data: TaxonomyData) -> None:
    """Size against box specificity of every cluster with more than one feature; cohesion where clusters have no boxes."""
    boxes = bool(np.isfinite(data.clusters.width).any())
    values = data.clusters.width if boxes else data.clusters.cohesion
    shown = np.isfinite(values) & (data.clusters.size > 1)
    what = "box width" if boxes else "cohesion"
    title(
        ax,
        _trend(data, values, shown, what),
        _specificity_words(boxes, len(results.levels) > 1),
    )
    for level in reversed(results.levels):
        mine = shown & (data.clusters.level == level.level)
        label = f"{level_label(level)}: {count(mine.sum())} clusters"
        dots = 22 if mine.sum() < 400 else 9
        ax.scatter(data.clusters.size[mine], values[mine], s=dots, color=level_colour(level.level), alpha=0.55, lw=0, label=label)
    _null_level_lines(ax, results, boxes)
    ax.set(xlabel="features in the cluster", ylabel=_SPECIFICITY[boxes], xscale="log")
    _decades_x(ax, max(results.order.n, 2))
    ax.legend(loc="best", fontsize=8.5)


_SPECIFICITY = {
    True: "mean box width (share of each dimension's range)",
    False: "cohesion (mean pairwise cosine)",
}


def _specificity_words(boxes: bool, levels: bool) -> str:
    lead = "lower is more specific" if boxes else "higher is tighter; this method has no boxes"
    return f"{lead}; dashed: mean under the covariance null" + (", by level" if levels else "")


def _trend(data: TaxonomyData, values: F64, shown: Bool, what: str) -> str:
    """Whether larger clusters are wider: Spearman's correlation within each level, averaged over the clusters."""
    from scipy.stats import spearmanr

    found, weights = [], []
    for level in np.unique(data.clusters.level[shown]):
        mine = shown & (data.clusters.level == level)
        size, value = data.clusters.size[mine], values[mine]
        if len(np.unique(size)) > 2 and len(np.unique(value)) > 2:
            found.append(float(spearmanr(size, value).statistic))
            weights.append(len(size))
    if not found:
        return f"Size against {what}"
    rho = float(np.average(found, weights=weights))
    wide, narrow = ("wider", "narrower") if what == "box width" else ("tighter", "looser")
    how = "do not differ" if abs(rho) < 0.1 else f"are {wide if rho > 0 else narrow}"
    within = "Within levels, larger" if len(np.unique(data.clusters.level)) > 1 else "Larger"
    return f"{within} clusters {how} (Spearman {cosine(rho)})"


def _null_level_lines(ax: Axes, results: TaxonomyResults, boxes: bool) -> None:
    for level in results.levels:
        for null in level.nulls:
            value = null_mean(null, (lambda q: q.width) if boxes else (lambda q: q.cohesion))
            if null.name == "covariance" and not math.isnan(value):
                ax.axhline(value, color=COVARIANCE, lw=1.4, ls="--")
                ax.annotate(
                    f"L{level.level}", (1, value), xycoords=("axes fraction", "data"), xytext=(-4, 3),
                    textcoords="offset points", va="bottom", ha="right", fontsize=9, color=COVARIANCE,
                )  # fmt: skip


def _decades_x(ax: Axes, n: int) -> None:
    ax.set_xlim(1.6, n * 1.15)
    plain_decades(ax.xaxis)


def landscape(ax: Axes, results: TaxonomyResults, data: TaxonomyData) -> None:
    """Cumulative variance of the clustered rows over principal axes, with the dimensions a share needs."""
    pca, variances = results.pca, np.sort(np.maximum(data.variances, 0))[::-1]
    needed = pca.needed.get("90 %")
    found = "Variance of the decoder rows" if needed is None else f"{count(needed)} of {count(pca.of)} axes hold 90 %"
    kept = "all dimensions clustered" if pca.dims is None else f"{count(pca.dims)} kept: {share(pca.share)}"
    title(ax, found, f"cumulative share of the variance of the clustered decoder rows; {kept}")
    curve = np.concatenate([[0.0], 100 * np.cumsum(variances) / max(float(variances.sum()), 1e-300)])
    ax.plot(np.arange(len(curve)), curve, color=RUN, label="decoder rows")
    ax.plot([0, pca.of], [0, 100], color=NULLS["isotropic"], lw=1.6, ls=":", label="even spread (isotropic)")
    for dims, name in _needed(pca.needed).items():
        height = float(curve[min(dims, len(curve) - 1)])
        ax.plot([dims, dims], [0, height], color=FAINT, lw=0.9, alpha=0.6)
        ax.plot([dims], [height], "o", ms=6, color=RUN, mec="white", mew=1)
        aside: dict[str, Any] = {"xytext": (-3, 4), "textcoords": "offset points", "ha": "right", "va": "bottom"}
        ax.annotate(f"{name}: {count(dims)}", (dims, 0), rotation=90, fontsize=9.5, color=INK, **aside)
    if pca.dims is not None:
        ax.axvline(pca.dims, color=INK, lw=1.4, ls="--", label=f"kept: {count(pca.dims)}")
    ax.set(xlabel="principal axes", ylabel="variance (%)", xlim=(0, pca.of * 1.02), ylim=(0, 107))
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.96) if (needed or 0) > 0.3 * pca.of else (0.62, 0.4))


def _needed(needed: Mapping[str, int]) -> dict[int, str]:
    """The shares of variance by the axes they need, those of equal ones together: ``90, 95 %``."""
    found: dict[int, str] = {}
    for name, dims in needed.items():
        found[dims] = f"{found[dims].removesuffix(' %')}, {name}" if dims in found else name
    return found


def curve_clusters(ax: Axes, results: TaxonomyResults) -> None:
    """Clusters at each vigilance, of a sample of the rows and of as many null rows."""
    points = results.curve.points
    at = max(points, key=lambda p: abs(math.log(max(p.clusters, 1) / max(p.null_clusters, 1))))
    sample = "all" if results.curve.rows == results.order.n else "a sample of"
    found = f"ρ {at.vigilance:g}: {count(at.clusters)} clusters, null {count(at.null_clusters)}"
    title(ax, found, f"where they differ most; {sample} {count(results.curve.rows)} rows, one level; log axis")
    x = [p.vigilance for p in points]
    ax.plot(x, [p.clusters for p in points], "o-", ms=5, color=RUN, label="this run")
    ax.plot(x, [p.null_clusters for p in points], "s--", ms=5, color=COVARIANCE, label="covariance null")
    _mark_used(ax, results)
    ax.set(xlabel="vigilance ρ", ylabel="clusters", yscale="log", ylim=(0.8, max(results.curve.rows, 10) * 1.6))
    plain_decades(ax.yaxis)
    ax.legend(loc="best")


def curve_largest(ax: Axes, results: TaxonomyResults) -> None:
    """Share in the largest cluster at each vigilance, beside the null's."""
    points = results.curve.points
    gaps = [(p.null_largest_share - p.largest_share, p) for p in points]
    at = max(gaps, key=lambda item: abs(item[0]))[1]
    title(
        ax,
        f"ρ {at.vigilance:g}: largest {share(at.largest_share)}, null {share(at.null_largest_share)}",
        "share of the rows in the largest cluster; lower is less of a catch-all",
    )
    x = [p.vigilance for p in points]
    ax.plot(x, [100 * p.largest_share for p in points], "o-", ms=5, color=RUN, label="this run")
    ax.plot(x, [100 * p.null_largest_share for p in points], "s--", ms=5, color=COVARIANCE, label="covariance null")
    _mark_used(ax, results)
    ax.set(xlabel="vigilance ρ", ylabel="in the largest cluster (%)", ylim=(-3, 105))
    ax.legend(loc="best")


def _mark_used(ax: Axes, results: TaxonomyResults) -> None:
    used = sorted({level.vigilance for level in results.levels if level.vigilance is not None})
    for i, vigilance in enumerate(used):
        label = "used in this run" if i == 0 else None
        ax.axvline(vigilance, color=FAINT, lw=1.2, ls=":", label=label)


def tokens_panel(ax: Axes, results: TaxonomyResults, *, width: int = 44) -> None:
    """What the largest clusters of level 0 say, in words, with their share of the features."""
    from darkframe.report.style import drawable
    from darkframe.report.taxonomy.colours import family_colour
    from darkframe.report.taxonomy.summary import said_by
    from darkframe.report.text import shorten

    title(ax, "What the largest clusters say", "level 0: id, share of the features, top tokens (differential logit lens)")
    ax.set_axis_off()
    noise = results.levels[0].noise
    if not results.clusters:
        ax.text(0, 0.9, "No clusters: every feature is noise." if noise else "No clusters.", color=FAINT)
        return
    shown = results.clusters[: 9 if noise else 10]
    for i, record in enumerate(shown):
        y = 0.95 - i * 0.1
        words: dict[str, Any] = {"va": "center", "transform": ax.transAxes, "parse_math": False}
        ax.add_patch(_swatch(ax, y, family_colour(i)))
        ax.text(0.05, y, f"L0:{record.cluster}", fontsize=9.5, weight="bold", color=INK, **words)
        ax.text(0.3, y, share(record.size / max(results.order.n, 1)), fontsize=9, ha="right", color=INK, **words)
        ax.text(0.33, y, shorten(drawable(said_by(record)), width), fontsize=9, color=INK, **words)
    if noise:
        y, words = 0.95 - len(shown) * 0.1, {"va": "center", "transform": ax.transAxes, "parse_math": False}
        ax.add_patch(_swatch(ax, y, NOISE))
        ax.text(0.05, y, "noise", fontsize=9.5, weight="bold", color=INK, **words)
        ax.text(0.3, y, share(noise / max(results.order.n, 1)), fontsize=9, ha="right", color=INK, **words)
        ax.text(0.33, y, "in no cluster", fontsize=9, color=FAINT, **words)


def _swatch(ax: Axes, y: float, colour: str) -> Patch:
    from matplotlib.patches import Rectangle

    return Rectangle((0, y - 0.028), 0.03, 0.056, color=colour, transform=ax.transAxes, lw=0)
