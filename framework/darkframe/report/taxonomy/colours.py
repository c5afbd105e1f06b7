"""Colours of the taxonomy's pictures: level-0 clusters by rank, levels from dark to light, what is folded in grey."""

from __future__ import annotations

from matplotlib.colors import to_hex, to_rgb

FAMILIES = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499", "#661100")
"""Of the largest clusters of level 0, largest first: Paul Tol's ten, told apart by colour-blind readers too."""
LEVELS = ("#08306B", "#2171B5", "#6BAED6", "#41AB5D", "#A1D99B")
OTHER, NOISE = "#B4B4B4", "#DADADA"


def level_colour(level: int) -> str:
    """A level's colour."""
    return LEVELS[level % len(LEVELS)]


def lighter(colour: str, by: float) -> str:
    """The colour mixed with white: 0 leaves it, 1 is white."""
    return str(to_hex([channel + (1 - channel) * by for channel in to_rgb(colour)]))


def family_colour(family: int, level: int = 0, turn: int = 0) -> str:
    """A cluster's colour: its level-0 ancestor's, lighter at each level and a little at every second sibling."""
    base = FAMILIES[family] if 0 <= family < len(FAMILIES) else OTHER
    return lighter(base, min(0.85, 0.2 * level + 0.08 * (turn % 2)))


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on a colour (relative luminance of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if luminance < 0.32 else "#1A1A1A"
