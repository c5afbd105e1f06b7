"""One look for all figures: colour-blind-safe (Okabe & Ito), light, legible at a README's width; Agg, no pyplot state."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from darkframe.report.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

RUN, FEATURES, MASSIVE = "#0072B2", "#009E73", "#CC79A7"  # this run, SAE features, with massive tokens
NULLS = {"isotropic": "#8C8C8C", "rotation": "#E69F00", "elliptical": "#D55E00", "covariance": "#D55E00"}
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
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
    "legend.framealpha": 0.85,
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


class ShownFigure(Figure):
    """A figure that a notebook shows, though pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        return save_bytes(self, "png")


def new_figure(width: float = 8.0, height: float = 4.4) -> Figure:
    """An empty figure with an Agg canvas of its own (inches)."""
    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.06, hspace=0.06)
    figure = ShownFigure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def fit_titles(figure: Figure) -> None:
    """Make titles that are wider than their panel smaller, so that they never run into the next one."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        room = figure.bbox.width - ax.bbox.x0 if len(figure.axes) == 1 else ax.bbox.width
        for text in (ax.title, ax._left_title, *ax.texts):  # type: ignore[attr-defined]
            if text.get_gid() == "title" and text.get_window_extent().width > room:
                text.set_fontsize(text.get_fontsize() * room / text.get_window_extent().width)
    figure.set_layout_engine("none")  # laid out once is enough


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
    return "".join(c if ord(c) in _charmap() else _code_point(c) for c in visible(text))


def _code_point(character: str) -> str:
    number = ord(character)
    picture = 0x2400 <= number <= 0x241F  # a control picture: name the control itself
    return f"⟨U+{number - 0x2400 if picture else number:04X}⟩"


def plain_numbers(axis: Axis) -> None:
    """Ticks of a symmetric log axis as plain numbers (1,000 rather than 10³), decades only."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "−")))
    axis.set_minor_locator(NullLocator())


def plain_decades(axis: Axis) -> None:
    """Ticks of a log axis as plain numbers; 2 and 5 between the decades where there are few of them."""
    low, high = axis.get_view_interval()
    few = high / max(low, 1e-12) < 300
    axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if few else (1,), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def title(ax: Axes, finding: str, subtitle: str = "") -> None:
    """The finding in bold, and under it in small what is drawn."""
    ax.set_title(finding, pad=24 if subtitle else None, parse_math=False, gid="title")
    if subtitle:
        place: dict[str, Any] = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 7), "textcoords": "offset points"}
        text = ax.annotate(subtitle, fontsize=9.5, color=FAINT, parse_math=False, gid="title", **place)
        text.set_in_layout(False)  # the title's pad keeps its room; its width must not squeeze the panel
