"""Google-style docstrings taken apart: the text, and the items of ``Args``, ``Attributes`` and ``Raises``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "Computed in")
LISTS = ("Args", "Attributes", "Raises")
"""Sections of ``name: text`` items."""

_ITEM = re.compile(r"([\w.]+(?:, \w+)*): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """One docstring.

    Attributes:
        text: Everything before the first section, in Markdown.
        sections: Text of each section, in Markdown.
        items: For each section of items, what is said of each name; one item may be about several names.
    """

    text: str
    sections: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first paragraph."""
        return self.text.partition("\n\n")[0]

    def definitions(self, section: str = "Attributes") -> dict[str, str]:
        """Each name of a section's items, and what is said of it."""
        return {name: text for names, text in self.items.get(section, ()) for name in names}


def parse(docstring: str | None) -> Docstring:
    """Take a docstring apart; code in double backticks becomes Markdown's."""
    parts = dict(_sections(inspect.cleandoc(docstring or "")))
    text = parts.pop("")
    items = {name: tuple(_items(body)) for name, body in parts.items() if name in LISTS}
    return Docstring(markdown(text), {name: markdown(body) for name, body in parts.items()}, items)


def markdown(text: str) -> str:
    """Docstring markup as Markdown; fenced code stays as it is."""
    return re.sub(r"(?<!`)``([^`\n]+(?:`[^`\n]+)*)``(?!`)", r"`\1`", text).strip()


def _sections(text: str) -> Iterator[tuple[str, str]]:
    name, lines = "", []
    for line in text.splitlines():
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            yield name, _body(lines)
            name, lines = line[:-1], []
        else:
            lines.append(line)
    yield name, _body(lines)


def _body(lines: list[str]) -> str:
    return dedent("\n".join(lines)).strip("\n")


def _items(body: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Items begin where the indentation ends; what is indented goes on with the one before."""
    for block in re.split(r"\n(?=\S)", body):
        match = _ITEM.fullmatch(block)
        if match is None:
            raise ValueError(f"{block!r} does not read 'name: text'")
        yield tuple(match[1].split(", ")), markdown(" ".join(match[2].split()))
