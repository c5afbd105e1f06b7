"""The hierarchy as a sunburst: level 0 innermost, areas by features, tokens where they fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.collections import PatchCollection
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Wedge
from matplotlib.textpath import text_to_path

from darkframe.report.style import FAINT, INK, drawable, title
from darkframe.report.taxonomy.colours import FAMILIES, NOISE, OTHER, family_colour, ink_on, lighter
from darkframe.report.taxonomy.tree import CLUSTER, OTHERS, Node, kept_by_share, tree
from darkframe.report.text import count, share, token_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import TaxonomyResults

_HOLE, _RIM = 0.17, 1.0
_LEAST_DEGREES = 0.7  # narrower wedges are folded
_SIZES = (9.5, 8.5, 7.5, 6.5, 5.5)
_LEAST_OTHERS = 3.0  # degrees from which on folded ones are labelled


@dataclass(frozen=True)
class _Ring:
    """One node as drawn: angles in degrees clockwise from the top, radii, and the axes' points per unit."""

    node: Node
    start: float
    end: float
    inner: float
    outer: float
    colour: str


def sunburst(ax: Axes, results: TaxonomyResults, data: TaxonomyData, *, labels: bool = True) -> None:
    """Draw the hierarchy.

    Args:
        ax: Where to.
        results: The study's.
        data: Its arrays.
        labels: Whether to write tokens into the wedges.
    """
    n, levels = results.order.n, len(results.levels)
    numbers = " → ".join(count(level.clusters) for level in results.levels)
    what = "level 0 innermost, area: features" + ("; clusters too small to draw are folded in grey" if labels else "")
    title(ax, f"{numbers} clusters of {count(n)} features" + _noise_told(results), what)
    ax.set_axis_off()
    ax.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03), aspect="equal")
    nodes = tree(data.clusters, n, kept_by_share(data.clusters, n, _LEAST_DEGREES / 360), levels)
    rings = [_ring(node, i, n, levels) for i, node in enumerate(nodes)]
    patches = [Wedge((0, 0), r.outer, 90 - r.end, 90 - r.start, width=r.outer - r.inner) for r in rings]
    ax.add_collection(PatchCollection(patches, facecolors=[r.colour for r in rings], edgecolors="white", linewidths=0.6))
    ax.text(0, 0, f"{count(n)}\nfeatures", ha="center", va="center", fontsize=9.5 if labels else 8, color=INK)
    if labels:
        for ring in rings:
            _label(ax, ring, data)


def _noise_told(results: TaxonomyResults) -> str:
    """The share of noise level by level, as the title has it; nothing where there is none."""
    if not any(level.noise for level in results.levels):
        return ""
    return ", noise " + " → ".join(share(level.noise / max(results.order.n, 1)) for level in results.levels)


def _ring(node: Node, turn: int, n: int, levels: int) -> _Ring:
    radii = _radii(levels)
    scale = 360 / max(n, 1)
    start, end = node.start * scale, (node.start + node.size) * scale
    outer = radii[node.level + 1] if node.kind == CLUSTER else _RIM  # nothing below others is drawn
    return _Ring(node, start, end, radii[node.level], outer, _colour(node, turn))


def _radii(levels: int) -> list[float]:
    """Radii between the rings; inner ones are wider, for their text has less arc."""
    weights = [1 / (1 + 0.28 * level) for level in range(levels)]
    step = (_RIM - _HOLE) / sum(weights)
    radii = [_HOLE]
    for weight in weights:
        radii.append(radii[-1] + weight * step)
    return radii


def _colour(node: Node, turn: int) -> str:
    if node.kind == CLUSTER:
        return family_colour(node.family, node.level, turn)
    return NOISE if node.kind != OTHERS else lighter(OTHER, min(0.3 + 0.12 * node.level, 0.75))


def _label(ax: Axes, ring: _Ring, data: TaxonomyData) -> None:
    """Write along the arc or along the radius, whichever leaves more room; nothing where nothing legible fits."""
    if ring.node.kind != CLUSTER and ring.end - ring.start < _LEAST_OTHERS:
        return
    middle, sweep = (ring.inner + ring.outer) / 2, math.radians(min(ring.end - ring.start, 170))
    points = _points_per_unit(ax)
    along = 2 * middle * math.sin(sweep / 2) * points * 0.94
    across = (ring.outer - ring.inner) * points * 0.92
    lines = _lines(ring.node, data)
    tangential = along >= across
    fitted = _fit(lines, along, across * 0.9) if tangential else _fit(lines, across, along * 0.94)
    if fitted is None and not tangential and along > 0.6 * across:
        tangential, fitted = True, _fit(lines, along, across * 0.9)
    if fitted is not None:
        _write(ax, ring, middle, fitted, tangential)


def _points_per_unit(ax: Axes) -> float:
    """Points on paper of one unit of the axes, which keep their aspect."""
    figure = ax.get_figure()
    box, (width, height) = ax.get_position(), figure.get_size_inches()  # type: ignore[union-attr]
    return float(min(box.width * width, box.height * height) * 72 / 2.06)


def _lines(node: Node, data: TaxonomyData) -> list[str]:
    """What may be said, the most important first."""
    if node.kind == OTHERS:
        return [f"{count(node.count)} others"]
    if node.kind != CLUSTER:
        return ["noise"]
    said = [drawable(token_text(token.strip(" ") or token)) for token in data.tokens_of(node.place)]
    return said or [f"L{node.level}:{data.clusters.id[node.place]}"]


def _fit(lines: list[str], width: float, height: float) -> tuple[str, float] | None:
    """As many of the tokens as fit one below another at the largest size that shows the first whole."""
    for size in _SIZES:
        room = int(height // (size * 1.2))
        shown = [line for line in lines if _text_width(line, size) <= width][: min(room, 5)]
        if shown and shown[0] == lines[0]:
            return "\n".join(shown), size
    return None


def _text_width(text: str, size: float) -> float:
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(family="DejaVu Sans", size=size), False)[0])


def _write(ax: Axes, ring: _Ring, radius: float, fitted: tuple[str, float], tangential: bool) -> None:
    text, size = fitted
    angle = (ring.start + ring.end) / 2  # clockwise from the top
    turn = -angle if tangential else 90 - angle
    turn = (turn + 90) % 180 - 90  # never upside down
    whole = ring.end - ring.start > 359
    x, y = (0.0, radius) if whole else (radius * math.sin(math.radians(angle)), radius * math.cos(math.radians(angle)))
    ax.text(
        x, y, text, fontsize=size, rotation=0 if whole else turn, rotation_mode="anchor", ha="center", va="center",
        color=ink_on(ring.colour), parse_math=False, linespacing=1.15,
    )  # fmt: skip


def legend_lines(results: TaxonomyResults, most: int) -> list[tuple[str, str, str]]:
    """Colour, name with share, and tokens of the largest clusters of level 0."""
    from darkframe.report.taxonomy.summary import said_by

    n, first = max(results.order.n, 1), results.levels[0]
    named = results.clusters[: min(most, len(FAMILIES))]
    lines = [(family_colour(i), f"L0:{r.cluster}  {share(r.size / n)}", said_by(r)) for i, r in enumerate(named)]
    if first.clusters > len(named):
        left = n - first.noise - sum(record.size for record in named)
        lines.append((OTHER, f"{count(first.clusters - len(named))} smaller clusters  {share(left / n)}", ""))
    if not any(level.noise for level in results.levels):
        return lines
    shares = [share(level.noise / n) for level in results.levels]
    told = shares[0] if len(shares) == 1 else ", ".join(f"L{level} {part}" for level, part in enumerate(shares))
    return [*lines, (NOISE, f"noise  {told}", "in no cluster")]


def legend(ax: Axes, results: TaxonomyResults, most: int = 10, width: int = 50) -> None:
    """The largest clusters of level 0 in words, beside the rings."""
    from matplotlib.patches import Rectangle

    from darkframe.report.text import shorten

    ax.set_axis_off()
    lines = legend_lines(results, most)
    for i, (colour, name, said) in enumerate(lines):
        y = 0.97 - i * 0.078
        ax.add_patch(Rectangle((0, y - 0.02), 0.045, 0.04, color=colour, transform=ax.transAxes, lw=0))
        words: dict[str, Any] = {"transform": ax.transAxes, "parse_math": False}
        ax.text(0.075, y + 0.004, name, fontsize=9.5, weight="bold", color=INK, va="bottom", **words)
        ax.text(0.075, y - 0.002, shorten(drawable(said), width), fontsize=8.5, color=FAINT, va="top", **words)
