"""Deduplication and the split into training and held-out documents."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tinykit.cleaning import Document

_WORD = re.compile(r"[a-z]+")
SHINGLE = 8
"""Words in a shingle, the unit of near-duplication."""


def _key(paragraph: str) -> str:
    return " ".join(_WORD.findall(paragraph.lower()))


def drop_repeats(documents: Iterable[Document], *, shortest: int = 25) -> list[Document]:
    """Keeps the first of paragraphs that agree in all their letters; drops documents left nearly empty.

    Paragraphs with fewer letters than `shortest` (short speech, headings) may repeat.
    """
    seen: set[str] = set()
    kept = []
    for document in documents:
        paragraphs = []
        for paragraph in document.paragraphs:
            key = _key(paragraph)
            if len(key) >= shortest and key in seen:
                continue
            seen.add(key)
            paragraphs.append(paragraph)
        if sum(map(len, paragraphs)) >= 20:
            kept.append(replace(document, paragraphs=tuple(paragraphs)))
    return kept


def hold_out(documents: Sequence[Document], *, share: float, seed: int) -> set[str]:
    """Chooses whole documents to hold out: of each source the first in hash order, `share` of its text."""
    by_source: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_source[document.source].append(document)
    chosen: set[str] = set()
    for group in by_source.values():
        wanted = share * sum(len(d.text) for d in group)
        for document in sorted(group, key=lambda d: hashlib.sha256(f"{seed}:{d.id}".encode()).digest()):
            if wanted <= 0:
                break
            chosen.add(document.id)
            wanted -= len(document.text)
    return chosen


def shuffled(documents: Iterable[Document], *, seed: int) -> list[Document]:
    """Documents in hash order, so that the first tokens of the text are of every source."""
    return sorted(documents, key=lambda d: hashlib.sha256(f"order:{seed}:{d.id}".encode()).digest())


def _shingles(paragraph: str) -> Iterator[int]:
    words = _WORD.findall(paragraph.lower())
    for start in range(len(words) - SHINGLE + 1):
        digest = hashlib.blake2b(" ".join(words[start : start + SHINGLE]).encode(), digest_size=8).digest()
        yield int.from_bytes(digest, "little")


def _all_shingles(documents: Iterable[Document]) -> set[int]:
    return {
        shingle
        for document in documents
        for paragraph in document.paragraphs
        for shingle in _shingles(paragraph)
    }


def drop_leaks(
    train: Sequence[Document], held: Sequence[Document], *, limit: float = 0.3
) -> tuple[list[Document], Counter[str]]:
    """Drops training paragraphs that share more than `limit` of their 8-word shingles with held-out text.

    Returns:
        The training documents without them, and the number of characters dropped by source.
    """
    known = _all_shingles(held)
    kept, dropped = [], Counter[str]()
    for document in train:
        paragraphs = []
        for paragraph in document.paragraphs:
            shingles = list(_shingles(paragraph))
            shared = sum(shingle in known for shingle in shingles)
            if shingles and shared > limit * len(shingles):
                dropped[document.source] += len(paragraph)
            else:
                paragraphs.append(paragraph)
        if sum(map(len, paragraphs)) >= 20:
            kept.append(replace(document, paragraphs=tuple(paragraphs)))
    return kept, dropped


def shared_shingles(train: Sequence[Document], held: Sequence[Document]) -> dict[str, float]:
    """The share of held-out 8-word shingles, by source, that also occur in training text."""
    known = _all_shingles(train)
    seen, total = Counter[str](), Counter[str]()
    for document in held:
        for paragraph in document.paragraphs:
            for shingle in _shingles(paragraph):
                total[document.source] += 1
                seen[document.source] += shingle in known
    return {source: round(seen[source] / total[source], 4) for source in sorted(total)}
