"""Readers: an unpacked package in, documents of clean paragraphs out."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tinykit.cleaning import Document, clean, html_paragraphs, is_prose

_TAG = re.compile(r"<[^>]+>")
_OSIS_DROP = re.compile(r"<(note|title)\b[^>]*?>.*?</\1>", re.S)
_OSIS_CHAPTER = re.compile(r'<chapter\b[^>]*?osisID="([^"]+)"[^>]*?sID=[^>]*>')
_OSIS_PARAGRAPH = re.compile(r'<div sID="[^"]*" type="x-p"/>|<lg sID')
_CHAPTER = re.compile(r"^\s*chapter\s+[ivxlc\d]+\.?\s*$", re.I)
_VOLUME = re.compile(r"^\s*(volume|finis|the end)\b.{0,12}$", re.I)
_GREEK_DOUBLES = ("EsthGr", "DanGr", "AddEsth", "AddDan")
_SQLITE_SKIP = re.compile(
    r"(crossref|capi3ref|fileformat2|requirements|keyword_index|syntaxdiagrams|changes|oldnews|doclist|sitemap"
    r"|shortnames|index|fullsql|/syntax/|/search|c3ref/(funclist|constlist|objlist|intro))"
)


def read_sotu(root: Path) -> Iterator[Document]:
    """One document an address."""
    for path in sorted((root / "package" / "data").glob("[0-9]*.json")):
        text = json.loads(path.read_text(encoding="utf-8"))["text"]
        yield Document.of("sotu", path.stem, text.split("\n"))


def read_moby_dick(root: Path) -> Iterator[Document]:
    """One document a chapter."""
    for path in sorted((root / "package" / "data").glob("chapter_*.json")):
        text = json.loads(path.read_text(encoding="utf-8"))["text"]
        joined = (part.replace("\n", " ") for part in re.split(r"\n\s*\n", text))
        yield Document.of("moby-dick", path.stem, joined)


def _fields(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _fields(value, path if key == "text" else (*path, key))
    elif isinstance(node, str):
        yield path, node


def read_factbook(root: Path) -> Iterator[Document]:
    """One document a country's section; numbers and short entries left out."""
    for path in sorted((root / "package").glob("*/*.json")):
        for section, body in json.loads(path.read_text(encoding="utf-8")).items():
            lines = (f"{', '.join(field)}: {text.replace(' ++ ', '; ')}" for field, text in _fields(body))
            kept = [line for line in lines if is_prose(line, shortest=80)]
            name = f"{path.parent.name}-{path.stem}-{section.lower().replace(' ', '-')}"
            yield Document.of("factbook", name, kept)


def r_character_vectors(rdb: Path) -> Iterator[list[str]]:
    """Reads the character vectors of an R lazy-load database (zlib chunks of XDR), and nothing else of it."""
    data, at = rdb.read_bytes(), 0
    while at < len(data):
        inflate = zlib.decompressobj()
        body = inflate.decompress(data[at + 4 :])
        at = len(data) - len(inflate.unused_data)
        if body[:2] == b"X\n":
            strings = _r_strings(body)
            if strings:
                yield strings


def _r_strings(body: bytes) -> list[str]:
    start = 14
    if struct.unpack_from(">i", body, 2)[0] >= 3:
        start += 4 + struct.unpack_from(">i", body, 14)[0]
    kind, count = struct.unpack_from(">ii", body, start)
    if kind & 0xFF != 16:
        return []
    at, out = start + 8, []
    for _ in range(count):
        length = struct.unpack_from(">i", body, at + 4)[0]
        out.append(body[at + 8 : at + 8 + max(length, 0)].decode("utf-8"))
        at += 8 + max(length, 0)
    return out


def read_austen(root: Path) -> Iterator[Document]:
    """One document a chapter of a novel."""
    rdb = root / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
    for lines in r_character_vectors(rdb):
        title = re.sub(r"[^a-z]+", "-", lines[0].lower()).strip("-")
        chapters: list[list[str]] = [[]]
        for line in lines:
            if _CHAPTER.match(line):
                chapters.append([])
            elif not _VOLUME.match(line):
                chapters[-1].append(line)
        for number, chapter in enumerate(chapters[1:], start=1):
            paragraphs = "\n".join(chapter).split("\n\n")
            yield Document.of("austen", f"{title}-{number}", (p.replace("\n", " ") for p in paragraphs))


def _ztext_blocks(stem: Path) -> Iterator[str]:
    index, data = stem.with_suffix(".bzs").read_bytes(), stem.with_suffix(".bzz").read_bytes()
    for offset, size, _ in struct.iter_unpack("<III", index):
        yield zlib.decompress(data[offset : offset + size]).decode("utf-8")


def read_bible(root: Path) -> Iterator[Document]:
    """One document a chapter; notes, titles and the Greek doubles of Esther and Daniel left out."""
    folder = root / "usr/share/sword/modules/texts/ztext/engWEB2015eb"
    for stem in (folder / "ot", folder / "nt"):
        for block in _ztext_blocks(stem):
            parts = _OSIS_CHAPTER.split(_OSIS_DROP.sub("", block))
            for name, body in zip(parts[1::2], parts[2::2], strict=True):
                if not name.startswith(_GREEK_DOUBLES):
                    paragraphs = (_TAG.sub("", p) for p in _OSIS_PARAGRAPH.split(body.replace("<l ", " <l ")))
                    yield Document.of("web-bible", name, paragraphs)


def read_sqlite_doc(root: Path) -> Iterator[Document]:
    """One document a page; navigation, code, and pages that repeat others left out."""
    folder = root / "usr/share/doc/sqlite3"
    for path in sorted(folder.rglob("*.html")):
        name = "/" + path.relative_to(folder).as_posix()
        if not _SQLITE_SKIP.search(name):
            paragraphs = html_paragraphs(path.read_text(encoding="utf-8", errors="replace"))
            yield Document.of(
                "sqlite-doc", name[1:-5], (p for p in paragraphs if is_prose(clean(p), shortest=40))
            )


READERS: dict[str, Callable[[Path], Iterator[Document]]] = {
    "sotu": read_sotu,
    "moby-dick": read_moby_dick,
    "factbook": read_factbook,
    "austen": read_austen,
    "web-bible": read_bible,
    "sqlite-doc": read_sqlite_doc,
}
