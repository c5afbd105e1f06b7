"""One look for all figures: colour-blind-safe (Okabe & Ito), light, legible at the width of a README; Agg without pyplot's global state."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from darkframe.report.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

RUN, FEATURES, MASSIVE = "#0072B2", "#009E73", "#CC79A7"  # this run, SAE features, with massive tokens
NULLS = {"isotropic": "#8C8C8C", "rotation": "#E69F00", "elliptical": "#D55E00"}
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E4E4E4"

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture everywhere
    "font.size": 11,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "savefig.dpi": 150,
    "svg.fonttype": "path",
    "svg.hashsalt": "darkframe",  # the same picture, the same bytes
    "text.usetex": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 10,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save inside this: the look applies here and nowhere else."""
    with matplotlib.rc_context(RC):
        yield


def new_figure(width: float = 8.0, height: float = 4.4) -> Figure:
    """An empty figure with an Agg canvas of its own (inches)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_bytes(figure: Figure, kind: str) -> bytes:
    """The figure as ``png`` or ``svg`` bytes, without a date in them."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": "darkframe"})
    return buffer.getvalue()


@functools.lru_cache(maxsize=1)
def _charmap() -> frozenset[int]:
    with styled():
        return frozenset(get_font(findfont(FontProperties())).get_charmap())


def drawable(text: str) -> str:
    """Foreign text for a figure: inert, and signs the font lacks written as their code points (no empty boxes, no warnings)."""
    return "".join(c if ord(c) in _charmap() else f"⟨U+{ord(c):04X}⟩" for c in visible(text))


def plain_labels(texts: Callable[[], list[Text]]) -> None:
    """Never read TeX in these labels: a corpus may well contain $."""
    for text in texts():
        text.set_parse_math(False)


def title(ax: Axes, finding: str, subtitle: str = "") -> None:
    """The finding in bold, and under it in small what is drawn."""
    ax.set_title(finding, pad=24 if subtitle else None, parse_math=False)
    if subtitle:
        ax.annotate(
            subtitle, (0, 1), xytext=(0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=9.5, color=FAINT, parse_math=False
        )
