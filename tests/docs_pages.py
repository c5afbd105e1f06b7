"""Fenced blocks of the pages in docs/, in order, and whether the page says that they are not run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
_FENCE = re.compile(r"(?P<before>[^\n]*\n\n?)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: Such as ``sh``.
        text: Its lines.
        before: The line above it, or above the empty line above it.
    """

    language: str
    text: str
    before: str

    @property
    def left_out(self) -> bool:
        """Whether the page says that it is not run; it must say why."""
        return re.fullmatch(r"<!-- not run: .+ -->", self.before.strip()) is not None

    @property
    def runs(self) -> bool:
        """Whether it is a command or code that the tests run."""
        return self.language in ("sh", "python") and not self.left_out

    @property
    def file(self) -> str:
        """The file that the line above names, as in ``plugin.py`` followed by a colon; else empty."""
        named = re.search(r"`([\w./-]+\.\w+)`[^`]*:$", self.before.strip())
        return named[1] if named else ""


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(match["language"], match["text"], match["before"] or "") for match in found]


def table_rows(page: Path, section: str = "") -> list[list[list[str]]]:
    """The tables of a page, or of the sections of some title: cells of each row, the header first."""
    tables: list[list[list[str]]] = []
    inside, before = not section, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if section and line.startswith("#"):
            inside = line.lstrip("# ") == section
        if inside and line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if set(line) - set("|-: "):
                tables[-1].append(cells)
        before = line
    return tables
