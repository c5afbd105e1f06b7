"""The panels of the figures: the residual (kurtosis, PCA) and the components against the dictionary (similarity, kurtosis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.scale import SymmetricalLogTransform

from darkframe.report.style import FAINT, FEATURES, INK, MASSIVE, NULLS, RUN, plain_numbers, title
from darkframe.report.text import count, decimal, tenths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from darkframe.interfaces import F64
    from darkframe.report.data import FigureData
    from darkframe.results import DarkMatterResults, NullSummary


def residual_kurtosis(ax: Axes, results: DarkMatterResults, data: FigureData) -> None:
    """Histogram of the residual's kurtosis over its dimensions, beside that of random rotations of it."""
    values, summary = data.residual_kurtosis, results.diagnose.kurtosis
    rotation = data.null_kurtosis.get("rotation", np.empty(0))
    chance = f"; random rotations {decimal(float(rotation.mean()))}" if len(rotation) else ""
    left_out = ", massive tokens left out" if results.collect.massive.count else ""
    title(ax, f"Residual: mean kurtosis {decimal(summary.mean)}{chance}", f"excess kurtosis of each residual dimension{left_out}")
    low, high, beyond = _clip(values, rotation)
    bins = np.linspace(low, high, 51)
    ax.hist(np.clip(values, low, high), bins=bins.tolist(), color=RUN, alpha=0.85, label=f"{count(summary.n)} dimensions")
    if len(rotation):
        _outline(ax, np.clip(rotation, low, high), bins, len(values), NULLS["rotation"], "random rotations (null)")
    ax.axvline(0, color=INK, lw=1.4, ls="--", label="Gaussian (0)")
    ax.axvline(summary.mean, color=INK, lw=1.4, label=f"mean {decimal(summary.mean)}")
    ax.set(xlabel="excess kurtosis", ylabel="dimensions", ylim=(0, ax.get_ylim()[1] * 1.28))
    if beyond:
        ax.plot([], [], " ", label=f"last bin: {count(beyond)} beyond, up to {decimal(summary.max)}")
    ax.legend(loc="upper right", ncols=2, columnspacing=1.2)


def _clip(*samples: F64) -> tuple[float, float, int]:
    """A histogram's range: all samples, or up to 8 interquartile ranges above the quartile; how many of the first lie beyond."""
    every = np.concatenate([*samples, np.zeros(1)])
    low, high = float(every.min()), float(every.max())
    quartiles = [np.quantile(sample, [0.25, 0.75]) for sample in samples if len(sample)]
    cut = max((float(upper + 8 * (upper - lower)) for lower, upper in quartiles), default=high)
    high = cut if low < cut < high else max(high, low + 0.1)
    margin = 0.02 * (high - low)
    return low - margin, high + margin, int((samples[0] > high + margin).sum())


def residual_pca(ax: Axes, results: DarkMatterResults, data: FigureData) -> None:
    """Cumulative variance over principal components with 90, 95 and 99 %, beside an even spread."""
    pca, d = results.pca.ordinary, _dimensions(results, data)
    title(
        ax,
        f"{pca.n_90} of {d} components hold 90 % of the variance",
        "cumulative share of the residual's variance over its principal components",
    )
    shares, everything = data.pca_shares, data.pca_shares_all
    shown = min(len(shares), max(pca.n_99 + max(pca.n_99 // 10, 3), 10))
    if len(everything) and results.collect.massive.count:
        ax.plot(*_cumulative(everything[:shown]), color=MASSIVE, lw=1.6, ls="--", label="with massive tokens")
    ax.plot(*_cumulative(shares[:shown]), color=RUN, label="residual")
    ax.plot([0, shown], [0, 100 * shown / max(d, 1)], color=NULLS["isotropic"], lw=1.6, ls=":", label="even spread (isotropic)")
    for level, n in ((90, pca.n_90), (95, pca.n_95), (99, pca.n_99)):
        if n <= shown:
            ax.plot([n, n, 0], [0, level, level], color=FAINT, lw=0.9, ls="-", alpha=0.6)
            ax.plot([n], [level], "o", ms=6, color=RUN, mec="white", mew=1)
            ax.annotate(
                f"{level} %: {n}", (n, level), xytext=(-6, 3), ha="right", textcoords="offset points", fontsize=9.5, color=INK
            )
    ax.set(xlabel="principal components", ylabel="variance (%)", xlim=(0, shown * 1.02), ylim=(0, 106))
    ax.legend(loc="lower right")


def _dimensions(results: DarkMatterResults, data: FigureData) -> int:
    return int(results.source.get("d_model", len(data.residual_kurtosis)))


def _cumulative(shares: F64) -> tuple[F64, F64]:
    return np.arange(len(shares) + 1, dtype=np.float64), np.concatenate([[0.0], 100 * np.cumsum(shares)])


def ica_sae_similarity(ax: Axes, results: DarkMatterResults, data: FigureData) -> None:
    """Histogram of every component's largest |cos| with the dictionary, the cuts and the nulls."""
    match = results.match
    total = len(match.components)
    expected = match.expected_novel.get("elliptical", match.expected_novel.get("rotation"))
    chance = "" if expected is None else f"; {tenths(expected)} by chance"
    title(
        ax,
        f"{match.novel} of {total} components novel by the cut{chance}",
        "largest |cos| of each component's direction with any decoder direction",
    )
    bins = np.linspace(0, 1, 51)
    ax.hist([c.cosine for c in match.components], bins=bins.tolist(), color=RUN, alpha=0.85, label=f"{total} components")
    _null_steps(ax, data.null_cosines, match.nulls, bins, total)
    top = ax.get_ylim()[1] * 1.14
    ax.set(xlim=(0, 1), ylim=(0, top), xlabel="largest |cos| with an SAE decoder direction", ylabel="components")
    edges = (0.0, match.novel_cut, match.known_cut, 1.0)
    for cut in edges[1:3]:
        ax.axvline(cut, color=INK, lw=1.3, ls="--")
    for name, number, left, right in zip(
        ("novel", "partial", "known"), (match.novel, match.partial, match.known), edges, edges[1:]
    ):
        ax.text((left + right) / 2, top * 0.985, f"{name}\n{number}", ha="center", va="top", fontsize=9.5, color=INK)
    ax.legend(loc="upper right", bbox_to_anchor=(0.8, 0.86))


def _null_steps(ax: Axes, draws: Mapping[str, F64], summaries: Sequence[NullSummary], bins: F64, total: int) -> None:
    """Each null's distribution scaled to as many components; from its summary (median and 5–95 %) where there are no draws."""
    for i, null in enumerate(summaries):
        colour = NULLS.get(null.name, FAINT)
        values = draws.get(null.name)
        if values is not None and len(values):
            _outline(ax, np.clip(values, bins[0], bins[-1]), bins, total, colour, f"{null.name} null")
        else:
            y = ax.get_ylim()[1] * (0.08 + 0.06 * i)
            ax.plot([null.q05, null.q95], [y, y], color=colour, lw=3, solid_capstyle="round", label=f"{null.name} null, 5–95 %")
            ax.plot([null.median], [y], "o", color=colour, mec="white")


def ica_vs_sae_kurtosis(ax: Axes, results: DarkMatterResults, data: FigureData) -> None:
    """Kurtosis of components, of active SAE features and of the nulls, as shares, on a symmetric log axis."""
    compare = results.compare
    components = np.array([c.kurtosis for c in results.match.components if np.isfinite(c.kurtosis)])
    title(
        ax,
        f"Median kurtosis: components {decimal(compare.components.median)}, SAE {decimal(compare.features.median)}",
        "excess kurtosis of activations; symmetric log axis, linear between −1 and 1",
    )
    samples = [s for s in (components, data.feature_kurtosis, *data.null_kurtosis.values()) if len(s)]
    ax.set_xscale("symlog", linthresh=1, linscale=0.6)
    bins = _symlog_bins(samples)
    _shares(ax, data.feature_kurtosis, bins, FEATURES, f"{count(compare.active_features)} active SAE features")
    _shares(ax, components, bins, RUN, f"{count(len(components))} components")
    for name, draws in data.null_kurtosis.items():
        _outline(ax, draws, bins, 100, NULLS[name], f"{name} null")
    ax.axvline(0, color=INK, lw=1.2, ls="--")
    ax.set(xlabel="excess kurtosis (0: Gaussian)", ylabel="share (%)", xlim=(bins[0], bins[-1]))
    plain_numbers(ax.xaxis)
    ax.legend(loc="upper right")


def _symlog_bins(samples: list[F64], n: int = 46) -> F64:
    every = np.concatenate([*samples, [-1.0, 3.0]])
    scale = SymmetricalLogTransform(10, 1, 0.6)
    ends = np.asarray(scale.transform_non_affine(np.array([every.min(), every.max()])), np.float64)
    pad = 0.02 * (ends[1] - ends[0])
    return np.asarray(scale.inverted().transform_non_affine(np.linspace(ends[0] - pad, ends[1] + pad, n + 1)), np.float64)


def _shares(ax: Axes, values: F64, bins: F64, colour: str, label: str) -> None:
    if len(values):
        ax.hist(values, bins=bins.tolist(), weights=np.full(len(values), 100 / len(values)), color=colour, alpha=0.6, label=label)


def _outline(ax: Axes, values: F64, bins: F64, total: float, colour: str, label: str) -> None:
    """A histogram's outline, scaled to ``total``, only where it has something."""
    if not len(values):
        return
    heights = np.histogram(values, bins)[0] * total / len(values)
    filled = np.flatnonzero(heights)
    first, last = (filled[0], filled[-1] + 1) if len(filled) else (0, 0)
    ax.stairs(heights[first:last], bins[first : last + 1], baseline=0, lw=2, color=colour, label=label)
