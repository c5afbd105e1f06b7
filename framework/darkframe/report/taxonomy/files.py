"""``clusters.csv`` and ``labels.csv``: streamed, written whole or not at all, and safe to open in a spreadsheet.

A cell of tokens is a JSON list, such as ``[" the", "=1+1"]``: it never begins with what a spreadsheet takes for a formula, and
``json.loads`` gives the tokens back exactly.
"""

from __future__ import annotations

import csv
import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.tables_clusters import CLUSTER_COLUMNS, cluster_rows, label_columns, label_rows
from darkframe.store.atomic import replacing
from darkframe.store.taxonomy import Taxonomy

if TYPE_CHECKING:
    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import TaxonomyResults
    from darkframe.store.run import RunDir

CLUSTERS, LABELS = "clusters.csv", "labels.csv"
_SEPARATOR = re.compile("[;|]")  # where a spreadsheet of another locale would start a new cell
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def write_tables(run: RunDir, results: TaxonomyResults) -> list[Path]:
    """Write both files into the run directory; returns their paths."""
    data = gather_taxonomy(Taxonomy(run))
    levels = len(data.labels)
    clusters = [*(column.name for column in CLUSTER_COLUMNS), "vote_counts"]
    labels = [column.name for column in label_columns(levels)]
    return [
        _write(run.path / CLUSTERS, clusters, _clusters(results, data)),
        _write(run.path / LABELS, labels, _labels(data)),
    ]


def _clusters(results: TaxonomyResults, data: TaxonomyData) -> Iterator[Sequence[Any]]:
    for place, values in cluster_rows(results, data):
        votes = data.votes_of(place)
        said, voted = cell(data.tokens_of(place)), cell([vote.text for vote in votes])
        yield (*values, said, voted, json.dumps([vote.members for vote in votes]))


def _labels(data: TaxonomyData) -> Iterator[Sequence[Any]]:
    for feature, values in label_rows(data):
        yield (*values, cell(data.tokens_of_feature(feature)))


def cell(tokens: Sequence[str]) -> str:
    """Tokens as one cell: JSON, with what acts or is not seen, and other locales' separators, as its escapes."""
    return f"[{', '.join(map(_quoted, tokens))}]"


@functools.lru_cache(maxsize=100_000)
def _quoted(token: str) -> str:
    return "".join(_visible(c) for c in json.dumps(token, ensure_ascii=False))


def _visible(character: str) -> str:
    if _SEPARATOR.match(character) or unicodedata.category(character) in _UNSEEN:
        return "".join(f"\\u{unit:04x}" for unit in _utf16(character))
    return character


def _utf16(character: str) -> list[int]:
    raw = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    return path
