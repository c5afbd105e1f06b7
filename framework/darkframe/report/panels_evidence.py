"""The panels that hold the components against chance: stability, the map of evidence, and what the most novel ones fire on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.report.data import finite
from darkframe.report.style import FAINT, INK, NULLS, RUN, drawable, plain_numbers, title
from darkframe.report.summary import top_tokens
from darkframe.report.text import decimal, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.results import ComponentMatch, DarkMatterResults, PairStability

LABELS = {"novel": "#0072B2", "partial": "#9A9A9A", "known": "#009E73"}


def stability(ax: Axes, results: DarkMatterResults) -> None:
    """Replication over document halves and Icasso's index of every component, sorted, with what chance gives."""
    s, total = results.stability, len(results.stability.index)
    replication, index = finite(s.replication), finite(s.index)
    if len(replication):
        title(
            ax,
            f"{s.replicated} of {total} components replicate over document halves",
            "components, each curve sorted; dashed: the best of as many by chance",
        )
        ax.plot(np.arange(1, len(replication) + 1), np.sort(replication)[::-1], color=RUN, label="replication over halves")
    else:
        title(ax, f"Mean stability index {decimal(s.index_mean)}", "components sorted by Icasso's index")
    ax.plot(
        np.arange(1, len(index) + 1), np.sort(index)[::-1], color="#56B4E9", lw=1.6, label="stability index Iq (seeds, halves)"
    )
    if np.isfinite(s.replication_cut):
        ax.axhline(
            s.replication_cut,
            color=NULLS["elliptical"],
            lw=1.6,
            ls="--",
            label=f"chance cut for replication, {s.replication_cut:.2f}",
        )
    if s.index_null_mean is not None:
        ax.axhline(
            s.index_null_mean,
            color=NULLS["elliptical"],
            lw=1.6,
            ls=":",
            label=f"mean Iq under the elliptical null, {s.index_null_mean:.2f}",
        )
    ax.set(
        xlabel="component, sorted",
        ylabel="stability",
        xlim=(1, max(total, 2)),
        ylim=(min(0.0, float(index.min(initial=0))) - 0.02, 1.03),
    )
    ax.legend(loc="best")


def pairs(ax: Axes, results: DarkMatterResults) -> None:
    """Matched |cos| of every pair of fits: seeds, halves, and the nulls' fits."""
    s = results.stability
    rows: list[tuple[str, PairStability, str]] = [(f"{p.a}, {p.b}", p, RUN) for p in s.pairs]
    rows += [] if s.halves is None else [("document halves", s.halves, RUN)]
    rows += [(_null_name(p), p, NULLS["rotation" if "rotation" in p.a + p.b else "elliptical"]) for p in s.null_pairs]
    title(ax, "One-to-one matches between fits", "|cos|: mean ●, worst |; best match, many to one ○")
    for y, (_, pair, colour) in enumerate(rows):
        ax.plot([pair.matched_min, pair.matched_mean], [y, y], color=colour, lw=2, alpha=0.6)
        ax.plot([pair.matched_min], [y], "|", ms=12, mew=2, color=colour)
        ax.plot([pair.best_mean], [y], "o", ms=9, mfc="none", mec=colour)
        ax.plot([pair.matched_mean], [y], "o", ms=6, color=colour)
    ax.set_yticks(range(len(rows)), [drawable(name) for name, _, _ in rows])
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.set(xlabel="|cos|", xlim=(0, 1.03), ylim=(len(rows) - 0.4, -0.6))
    ax.grid(False, axis="y")


def _null_name(pair: PairStability) -> str:
    name, other = pair.a, pair.b.partition(", ")[2]
    return f"{name} null, {other}" if other else f"{name} null"


def evidence(ax: Axes, results: DarkMatterResults) -> None:
    """Every component by kurtosis and replication, with the cuts that chance sets: what beats the null is filled."""
    match, conclusion = results.match, results.conclusion
    title(
        ax,
        f"{conclusion.beat_null} of {conclusion.n_components} components beat the null",
        "filled: beats the elliptical null; dashed: its family-wise 5 % cuts",
    )
    if max((abs(c.kurtosis) for c in match.components if np.isfinite(c.kurtosis)), default=0) > 10:
        ax.set_xscale("symlog", linthresh=1, linscale=0.6)
        plain_numbers(ax.xaxis)
    replicated = any(np.isfinite(c.replication) for c in match.components)
    for label, colour in LABELS.items():
        _dots(ax, [c for c in match.components if c.label == label], colour, label, replicated)
    for key, line in (("kurtosis", ax.axvline), ("kurtosis_low", ax.axvline), ("replication", ax.axhline)):
        cut = match.null_cuts.get(key, float("nan"))
        if np.isfinite(cut) and (key != "replication" or replicated):
            line(cut, color=NULLS["elliptical"], lw=1.5, ls="--")
    ylabel = "replication over document halves" if replicated else "stability index Iq"
    ax.set(xlabel="excess kurtosis of the component's source", ylabel=ylabel, ylim=(-0.04, 1.04))
    ax.legend(loc="best", title="against the dictionary", title_fontsize=9.5)


def _dots(ax: Axes, components: list[ComponentMatch], colour: str, label: str, replicated: bool) -> None:
    x = [c.kurtosis for c in components]
    y = [c.replication if replicated else c.stability for c in components]
    faces = [colour if c.beats_null else "none" for c in components]
    ax.scatter(x, y, s=34, facecolors=faces, edgecolors=colour, linewidths=1.2)
    ax.scatter([], [], s=34, color=colour, label=f"{label} ({len(components)})")


def novel_tokens(ax: Axes, results: DarkMatterResults, *, width: int = 46) -> None:
    """What the most novel components fire on: their top tokens, with |cos|, in words."""
    matches = {c.component: c for c in results.match.components}
    shown = results.interpret.components[:10]
    title(ax, "What the most novel components fire on", "tokens of largest |activation|; ● beats the null, ○ does not")
    ax.set_axis_off()
    if not shown:
        ax.text(0, 0.9, "none interpreted", color=FAINT)
    for i, component in enumerate(shown):
        match = matches[component.component]
        y = 0.95 - i * 0.1
        mark = "●" if match.beats_null else "○"
        ax.text(
            0.0,
            y,
            f"{mark} #{match.component}",
            fontsize=9.5,
            color=RUN,
            va="center",
            weight="bold",
            transform=ax.transAxes,
            parse_math=False,
        )
        ax.text(0.145, y, f"{match.cosine:.2f}", fontsize=9.5, color=INK, va="center", transform=ax.transAxes)
        tokens = shorten(drawable(top_tokens(component)), width)
        ax.text(0.24, y, tokens, fontsize=9, color=INK, va="center", transform=ax.transAxes, parse_math=False)
