"""Cleaning of text: plain punctuation, paragraphs from HTML, what counts as prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

_PLAIN_FORMS = {
    "'": "\u2018\u2019\u201a",
    '"': "\u201c\u201d",
    "-": "\u2011\u2013\u2212",
    "--": "\u2014\u2015",
    "...": "\u2026",
    " ": "\u00a0\u2009\u202f",
    "": "\u200b\ufeff\u00ad",
}
_PLAIN = str.maketrans({mark: plain for plain, marks in _PLAIN_FORMS.items() for mark in marks})
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r" (?=[,.;:!?])")


def clean(text: str) -> str:
    """Returns one paragraph in plain punctuation, with single spaces."""
    plain = unicodedata.normalize("NFC", text).translate(_PLAIN)
    return _SPACE_BEFORE.sub("", _SPACE.sub(" ", plain)).strip()


def is_prose(text: str, *, shortest: int) -> bool:
    """Whether a paragraph is long enough and mostly letters and spaces."""
    if len(text) < shortest:
        return False
    return sum(c.isalpha() or c == " " for c in text) >= 0.85 * len(text)


@dataclass(frozen=True)
class Document:
    """A document: an address, a chapter, a page.

    Attributes:
        id: `source/name`, unique.
        source: Which package.
        paragraphs: Clean paragraphs, none empty.
    """

    id: str
    source: str
    paragraphs: tuple[str, ...]

    @classmethod
    def of(cls, source: str, name: str, paragraphs: Iterable[str]) -> Document:
        """Builds a document from raw paragraphs."""
        return cls(f"{source}/{name}", source, tuple(p for p in map(clean, paragraphs) if p))

    @property
    def text(self) -> str:
        """The paragraphs, a line each."""
        return "\n".join(self.paragraphs)


class _Paragraphs(HTMLParser):
    """Collects text by block element; skips code, scripts, pictures and navigation."""

    _BLOCKS = frozenset(
        [
            "p",
            "li",
            "td",
            "th",
            "tr",
            "dd",
            "dt",
            "h1",
            "h2",
            "h3",
            "h4",
            "div",
            "blockquote",
            "table",
            "ul",
            "ol",
            "br",
        ]
    )
    _SKIPPED = frozenset(["script", "style", "svg", "pre", "head", "form"])
    _NAVIGATION = ("nosearch", "fancy_toc", "toc_sub", "imgcontainer", "codeblock")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self._text: list[str] = []
        self._skip = 0
        self._divs: list[bool] = []

    def flush(self) -> None:
        """Ends the current paragraph."""
        if self._text:
            self.paragraphs.append("".join(self._text))
        self._text = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._BLOCKS:
            self.flush()
        if tag == "div":
            names = " ".join(value or "" for key, value in attrs if key in ("class", "id"))
            self._divs.append(any(word in names for word in self._NAVIGATION))
        elif tag in self._SKIPPED:
            self._skip += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self._BLOCKS:
            self.flush()
        if tag == "div" and self._divs:
            self._divs.pop()
        elif tag in self._SKIPPED:
            self._skip = max(0, self._skip - 1)

    def handle_data(self, data: str) -> None:
        if not self._skip and not any(self._divs):
            self._text.append(data)


def html_paragraphs(page: str) -> list[str]:
    """Returns the prose blocks of a page, uncleaned."""
    parser = _Paragraphs()
    parser.feed(page)
    parser.close()
    parser.flush()
    return parser.paragraphs
