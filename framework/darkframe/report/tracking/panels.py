"""The panels of a tracking's figures: categories by state, features that pass, features that stay, sizes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from darkframe.report.style import FAINT, FEATURES, INK, NULLS, RUN, drawable, plain_numbers, title
from darkframe.report.taxonomy.words import cluster_name, tokens_line
from darkframe.report.text import count, share, shorten
from darkframe.report.tracking.words import level_label, mean, null_of, short_values, tokens_seen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.report.tracking.data import TrackData
    from darkframe.results import TrackedLevel, TrackedStep, TrackingResults

GROWING, DORMANT = "#56B4E9", "#8C8C8C"
STATES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("dormant", "dormant", {"color": DORMANT, "marker": "s", "ls": "--"}),
    ("new", "new", {"color": FEATURES, "marker": "^"}),
    ("resonant", "resonant", {"color": RUN, "marker": "o"}),
    ("growing", "of them growing", {"color": GROWING, "marker": "o", "ls": ":", "ms": 4.5}),
)
_WIDE = 30  # of the largest value to the least from which on an axis is logarithmic
SHOWN = 18
"""Categories of the picture of sizes."""

_MAP = LinearSegmentedColormap.from_list("sizes", ["#FFFFFF", "#9CC9E8", RUN, "#08306B"])


def steps_axis(ax: Axes, results: TrackingResults) -> None:
    """Checkpoints along the horizontal axis, with the tokens that the SAE had seen where that is known."""
    checkpoints = results.checkpoints
    names = short_values([c.value for c in checkpoints])
    labels = ["\n".join(part for part in (drawable(name), tokens_seen(c)) if part) for name, c in zip(names, checkpoints)]
    crowded = sum(max(map(len, label.split("\n"))) for label in labels) > 44
    ax.set_xticks(
        range(len(labels)), labels, rotation=30 if crowded else 0, ha="right" if crowded else "center", parse_math=False
    )
    seen = " (tokens seen)" if any(tokens_seen(c) for c in checkpoints) else ""
    ax.set_xlabel(drawable(f"{results.over}{seen}"), parse_math=False)
    ax.set_xlim(-0.35, len(labels) - 0.65)
    ax.grid(visible=False, axis="x")


def categories(ax: Axes, results: TrackingResults, level: TrackedLevel) -> None:
    """How many categories are resonant, growing, new and dormant at each step."""
    last = level.steps[-1]
    known = f"{last.resonant:,} of {last.known:,} known resonant" if last.known else "all categories new"
    title(ax, f"{level_label(level)}, last: {known}", "categories at each checkpoint; known: made at an earlier one")
    x, values = range(len(level.steps)), list[float]()
    for name, label, look in STATES:
        mine = [float(getattr(step, name)) if step.known or name == "new" else math.nan for step in level.steps]
        _line(ax, x, mine, label, **{"ms": 6, "mec": "white", "mew": 0.8} | look)
        values += [value for value in mine if not math.isnan(value)]
    most, least = max(values), min((value for value in values if value), default=1.0)
    if most > _WIDE * least:
        ax.set_yscale("symlog", linthresh=max(1, least), linscale=0.5)
        plain_numbers(ax.yaxis)
        ax.set_ylim(0, most * 3.2)
    else:
        ax.set_ylim(0, most * 1.24)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_ylabel("categories")
    steps_axis(ax, results)
    ax.legend(loc="upper left", ncols=4, columnspacing=1.0, handlelength=1.6, handletextpad=0.5)


def passing(ax: Axes, results: TrackingResults, level: TrackedLevel) -> None:
    """Share of features that passed a known category's vigilance, beside unrelated rows and no change at all."""
    last = level.steps[-1]
    chance = mean([mean(null.passed) for null in last.nulls])
    beside = "" if math.isnan(chance) else f"; chance {share(chance)}"
    said = "no category is known yet" if math.isnan(last.passed) else f"{share(last.passed)} passed{beside}"
    again = [step.unchanged_passed for step in level.steps]
    others = [step.passed for step in level.steps] + [v for step in level.steps for null in step.nulls for v in null.passed]
    title(ax, f"{level_label(level)}, last: {said}", "share of features that passed a known category's vigilance")
    x = np.arange(len(level.steps))
    _unchanged(ax, x, again, others)
    _line(ax, x, [step.passed for step in level.steps], "features", color=RUN, marker="o", ms=6, mec="white", mew=0.8)
    for name, offset in (("isotropic", -0.06), ("covariance", 0.06)):
        _draws(ax, level.steps, name, offset)
    _share_axis(ax, results)


def _draws(ax: Axes, steps: tuple[TrackedStep, ...], name: str, offset: float) -> None:
    """Every draw of a null at each step, and their mean."""
    found = [(step.step, null.passed) for step in steps if (null := null_of(step, name)) is not None]
    if not found:
        return
    colour, label = NULLS[name], {"isotropic": "isotropic null", "covariance": "covariance null"}[name]
    ax.plot([at + offset for at, _ in found], [mean(values) for _, values in found], color=colour, lw=1.5, label=label)
    points = [(at + offset, value) for at, values in found for value in values]
    ax.plot(*zip(*points), "o", ms=3.6, color=colour, alpha=0.65, mew=0)


def staying(ax: Axes, results: TrackingResults, level: TrackedLevel) -> None:
    """Share of features in the category of a step before, beside chance and no change at all; and the adjusted Rand index."""
    last = level.steps[-1]
    said = "nothing to compare with" if math.isnan(last.kept) else f"{share(last.kept)} stayed"
    beside = "" if math.isnan(last.kept) else f"; chance {share(last.kept_by_chance)}"
    again = [step.unchanged_kept for step in level.steps]
    title(ax, f"{level_label(level)}, last: {said}{beside}", "share of features in the category of one step before")
    x = np.arange(len(level.steps))
    _unchanged(ax, x, again, [value for step in level.steps for value in (step.kept, step.kept_by_chance, step.agreement)])
    _line(ax, x, [step.kept for step in level.steps], "features", color=RUN, marker="o", ms=6, mec="white", mew=0.8)
    _line(ax, x, [step.kept_by_chance for step in level.steps], "labels dealt at random", color=NULLS["isotropic"], lw=1.5)
    _line(
        ax,
        x,
        [step.agreement for step in level.steps],
        "ARI of the two steps",
        color="#CC79A7",
        ls="--",
        lw=1.5,
        marker="D",
        ms=4,
    )
    _share_axis(ax, results)


def _unchanged(ax: Axes, x: Any, values: list[float], others: list[float]) -> None:
    """Where no change at all lies; in the legend alone, if that is too far above everything else to share its axis."""
    known, near = ([v for v in each if not math.isnan(v)] for each in (values, others))
    look: dict[str, Any] = {"color": INK, "ls": ":", "lw": 1.5}
    if not known or not near or max(near) > 0.4 * min(known):
        _line(ax, x, values, "same rows once more", **look)
        return
    low, high = (f"{100 * value:.0f}" for value in (min(known), max(known)))
    ax.plot([], [], label=f"same rows once more: {low if low == high else f'{low} to {high}'} %", **look)


def _line(ax: Axes, x: Any, values: list[float], label: str, **look: Any) -> None:
    """A line over the steps that have a value; nothing where none has."""
    shown = [(at, value) for at, value in zip(x, values) if not math.isnan(value)]
    if not shown:
        return
    if len(shown) == 1:
        look = {"marker": "o", "ms": 5} | look
    ax.plot(*zip(*shown), label=label, clip_on=False, zorder=3, **look)


def _share_axis(ax: Axes, results: TrackingResults) -> None:
    """Percent from 0 to what there is, with room for the legend above."""
    drawn = np.concatenate([np.asarray(line.get_ydata(), np.float64) for line in ax.lines] or [np.ones(1)])
    most = max(float(drawn.max()), 0.01)
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(0, min(most, 1.0))
    ax.set_yticks([tick for tick in ticks if tick <= 1 + 1e-9])
    ax.set_ylim(0, most * 1.32)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    steps_axis(ax, results)
    if ax.lines:
        ax.legend(loc="upper left", ncols=2, columnspacing=1.2, handlelength=1.8)


def sizes(ax: Axes, results: TrackingResults, data: TrackData) -> None:
    """Features that the largest categories of level 0 receive at each step, with their tokens at the end."""
    mine = np.flatnonzero(data.level == 0)
    ever = data.sizes[:, mine].sum(axis=0)
    chosen = mine[np.lexsort((mine, -ever))][:SHOWN]
    chosen = chosen[np.lexsort((-data.sizes[:, chosen].sum(axis=0), data.born[chosen]))]
    values = data.sizes[:, chosen].T / np.array([max(c.rows, 1) for c in results.checkpoints])
    tokens = ", and their tokens at the last" if (data.tokens >= 0).any() else ""
    title(
        ax,
        f"The {len(chosen)} largest of {count(len(mine))} categories of {level_label(results.levels[0])}",
        f"features they receive at each checkpoint (largest over all of them){tokens}",
    )
    ax.imshow(values, cmap=_MAP, vmin=0, vmax=max(float(values.max()), 1e-9), aspect="auto", interpolation="nearest")
    bright = values > 0.5 * values.max()
    for (row, step), value in np.ndenumerate(data.sizes[:, chosen].T):
        if value:
            ax.text(step, row, f"{value:,}", ha="center", va="center", fontsize=8.5, color="white" if bright[row, step] else INK)
    ax.set_yticks(range(len(chosen)), [cluster_name(0, int(data.id[place])) for place in chosen])
    steps_axis(ax, results)
    ax.set_xlim(-0.5, len(results.checkpoints) - 0.5)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for row, place in enumerate(chosen):
        said = tokens_line(data.said(place), 8)
        dormant = not data.sizes[-1, place]
        text = f"dormant since step {data.last[place] + 1}" if dormant else drawable(shorten(said, 60))
        place_text: dict[str, Any] = {"xy": (1, row), "xycoords": ("axes fraction", "data"), "xytext": (8, 0)}
        place_text |= {"textcoords": "offset points", "va": "center", "fontsize": 9, "color": FAINT if dormant else INK}
        ax.annotate(text, parse_math=False, **place_text)
