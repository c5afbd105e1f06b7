"""Tables and paragraphs as plain text of a given width; also which columns of a table fit one."""

from __future__ import annotations

import textwrap
import unicodedata

from darkframe.report.table import Table
from darkframe.report.text import shorten

_GAP = "  "
_NARROWEST = 6  # a text column is never cut below this


def cell_width(text: str) -> int:
    """How many terminal cells a text takes: wide East Asian characters two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten_cells(text: str, width: int) -> str:
    """``text`` cut to ``width`` terminal cells, ending in … where something was cut."""
    if cell_width(text) <= width:
        return text
    kept = text
    while kept and cell_width(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…" if width > 0 else ""


def column_widths(table: Table) -> list[int]:
    """Cells each column needs to show everything, its title included."""
    cells = table.formatted()
    return [max([cell_width(column.title), *(cell_width(row[i]) for row in cells)]) for i, column in enumerate(table.columns)]


def fitting(table: Table, width: int, gap: int = len(_GAP)) -> Table:
    """The table without its least important columns, until it fits ``width``; text counts with what it can be cut to."""
    names = [column.name for column in table.columns]
    while True:
        chosen = table.only(names)
        least = [
            min(needed, _NARROWEST * 2) if not column.is_numeric else needed
            for column, needed in zip(chosen.columns, column_widths(chosen))
        ]
        droppable = max((column.priority for column in chosen.columns), default=0)
        if droppable == 0 or sum(least) + gap * (len(least) - 1) <= width:
            return chosen
        last = max(i for i, column in enumerate(chosen.columns) if column.priority == droppable)
        del names[last]


def squeezed_widths(table: Table, width: int, gap: int = len(_GAP)) -> list[int]:
    """Column widths that fit ``width``: text columns give, the widest first; numbers keep what they need."""
    widths = column_widths(table)
    text = [i for i, column in enumerate(table.columns) if not column.is_numeric]
    excess = sum(widths) + gap * (len(widths) - 1) - width
    while excess > 0 and any(widths[i] > _NARROWEST for i in text):
        widest = max(text, key=lambda i: widths[i])
        widths[widest] -= 1
        excess -= 1
    return widths


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_width(text))
    return space + text if right else text + space


def table_lines(table: Table, width: int = 80) -> list[str]:
    """The table's header, a rule and its rows; no line wider than ``width`` where its numbers allow it."""
    chosen = fitting(table, width)
    widths = squeezed_widths(chosen, width)
    right = [column.is_numeric for column in chosen.columns]

    def line(cells: list[str]) -> str:
        return _GAP.join(_pad(shorten_cells(cell, w), w, r) for cell, w, r in zip(cells, widths, right)).rstrip()

    header = line([column.title for column in chosen.columns])
    rule = "─" * min(width, sum(widths) + len(_GAP) * (len(widths) - 1))
    return [header, rule, *(line(row) for row in chosen.formatted())]


def paragraph(text: str, width: int = 80, first: str = "", rest: str = "") -> list[str]:
    """``text`` wrapped to ``width``, its first line led by ``first`` and the others by ``rest``."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]


def heading(text: str, width: int = 80) -> list[str]:
    """A section's title between blank lines."""
    return ["", shorten(text, width)]
