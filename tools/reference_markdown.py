"""Markdown as the generated pages use it."""

from __future__ import annotations

import dataclasses
import html
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tools.reference_docstrings import Docstring, parse

NOTICE = (
    "<!-- Written by `python -m tools.reference`; change the docstrings it comes from, not this page. -->"
)


def page(title: str, *parts: str) -> str:
    """A whole page: title, notice, parts with a blank line between them."""
    return "\n\n".join([NOTICE, f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty without rows."""
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *lines])


def _cell(text: str) -> str:
    return _CODE_WITH_BAR.sub(_as_html, " ".join(text.split())).replace("|", "\\|")


_CODE_WITH_BAR = re.compile(r"`([^`]*\|[^`]*)`")


def _as_html(match: re.Match[str]) -> str:
    """Code with a bar: git hosts and MkDocs read an escaped bar within backticks in different ways."""
    return f"<code>{html.escape(match[1], quote=False).replace('|', '&#124;')}</code>"


def code(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def inline(text: str) -> str:
    """Code within a line."""
    return f"`{text}`" if text else ""


def signature(function: Any, name: str = "") -> str:
    """Such as ``fit(self, rows: Rows) -> Decomposition``, one argument a line if it is long."""
    target = inspect.unwrap(function)
    shape = inspect.signature(target)
    name, arguments = name or target.__name__, _arguments(shape)
    returned = "" if shape.return_annotation is shape.empty else f" -> {shape.return_annotation}"
    line = f"{name}({', '.join(arguments)}){returned}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), f"){returned}"])


def _arguments(shape: inspect.Signature) -> list[str]:
    found, starred = [], False
    for each in shape.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not starred:
            found.append("*")
        starred = starred or each.kind in (each.KEYWORD_ONLY, each.VAR_POSITIONAL)
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        hint = "" if each.annotation is each.empty else f": {each.annotation}"
        value = "" if each.default is each.empty else f" = {each.default!r}" if hint else f"={each.default!r}"
        found.append(f"{stars}{each.name}{hint}{value}")
        if each.kind is each.POSITIONAL_ONLY and _last_positional_only(shape, each.name):
            found.append("/")
    return found


def _last_positional_only(shape: inspect.Signature, name: str) -> bool:
    return name == [p.name for p in shape.parameters.values() if p.kind is p.POSITIONAL_ONLY][-1]


def details(doc: Docstring, level: int = 0) -> str:
    """The sections of a function's docstring: arguments, what it returns and raises, its example."""
    parts = []
    for name in ("Args", "Attributes", "Raises"):
        rows = [(", ".join(map(inline, names)), text) for names, text in doc.items.get(name, ())]
        if rows:
            parts.append(table((_HEADS[name], ""), rows))
    for name in ("Returns", "Yields"):
        if name in doc.sections:
            parts.append(f"**{name}** {' '.join(doc.sections[name].split())}")
    if "Example" in doc.sections:
        parts.append(doc.sections["Example"])
    return "\n\n".join(parts)


_HEADS = {"Args": "argument", "Attributes": "attribute", "Raises": "raises"}


def default(field: dataclasses.Field[Any]) -> str:
    """A field's default as Python writes it; empty where there is none."""
    if field.default is not dataclasses.MISSING:
        return inline(_written(field.default))
    if field.default_factory is not dataclasses.MISSING:
        made = getattr(field.default_factory, "__name__", "")
        return inline("{}" if made == "dict" else f"{made}()")
    return ""


def _written(value: Any) -> str:
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, Path):
        return f'Path("{value.as_posix()}")'
    return '""' if value == "" else repr(value)


def doc_of(thing: Any) -> Docstring:
    """The docstring of a class or function, taken apart."""
    own = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    return parse(own)
