"""Tables and paragraphs as plain text of a given width; also which columns of a table fit one."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from darkframe.report.table import Table
from darkframe.report.text import shorten

_GAP = "  "
_NARROWEST = 6  # a text column is never cut below this
_READABLE = 24  # titles of numbers break before text gets narrower than this


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


def column_widths(table: Table, *, one_line: bool = True) -> list[int]:
    """Cells each column needs to show everything; titles of numbers may take several lines unless ``one_line``."""
    cells = table.formatted()
    widths = []
    for i, column in enumerate(table.columns):
        titles = [column.title] if one_line or not column.is_numeric else column.title.split()
        widths.append(max(cell_width(text) for text in ["", *titles, *(row[i] for row in cells)]))
    return widths


def fitting(table: Table, width: int) -> Table:
    """The table without its least important columns, until it fits ``width``; text counts with what it can be cut to."""
    names = [column.name for column in table.columns]
    while True:
        chosen = table.only(names)
        needed = column_widths(chosen, one_line=False)
        least = [n if column.is_numeric else min(n, _NARROWEST * 2) for column, n in zip(chosen.columns, needed)]
        droppable = max((column.priority for column in chosen.columns), default=0)
        if droppable == 0 or sum(least) + len(_GAP) * (len(least) - 1) <= width:
            return chosen
        last = max(i for i, column in enumerate(chosen.columns) if column.priority == droppable)
        del names[last]


def squeezed_widths(table: Table, width: int) -> list[int]:
    """Column widths that fit ``width``: titles of numbers break first, then text gives, the widest first."""
    room = width - len(_GAP) * (len(table.columns) - 1)
    widths = column_widths(table)
    least = [n if column.is_numeric else min(n, _READABLE) for column, n in zip(table.columns, widths)]
    if sum(least) > room:
        widths = column_widths(table, one_line=False)
    text = [i for i, column in enumerate(table.columns) if not column.is_numeric]
    while sum(widths) > room and any(widths[i] > _NARROWEST for i in text):
        widths[max(text, key=lambda i: widths[i])] -= 1
    return widths


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_width(text))
    return space + text if right else text + space


def table_lines(table: Table, width: int = 80) -> list[str]:
    """The table's header, a rule and its rows; no line wider than ``width`` where its numbers allow it."""
    chosen = fitting(table, width)
    widths = squeezed_widths(chosen, width)
    right = [column.is_numeric for column in chosen.columns]

    def line(cells: Sequence[str]) -> str:
        return _GAP.join(_pad(shorten_cells(cell, w), w, r) for cell, w, r in zip(cells, widths, right)).rstrip()

    titles = [textwrap.wrap(column.title, max(w, 1)) or [""] for column, w in zip(chosen.columns, widths)]
    height = max(map(len, titles), default=1)
    header = [line([title[i - height] if len(title) >= height - i else "" for title in titles]) for i in range(height)]
    rule = "─" * min(width, sum(widths) + len(_GAP) * (len(widths) - 1))
    return [*header, rule, *(line(row) for row in chosen.formatted())]


def paragraph(text: str, width: int = 80, first: str = "", rest: str = "") -> list[str]:
    """``text`` wrapped to ``width``, its first line led by ``first`` and the others by ``rest``."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]


def heading(text: str, width: int = 80) -> list[str]:
    """A section's title between blank lines."""
    return ["", shorten(text, width)]
