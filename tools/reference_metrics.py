"""The metric ledger: every figure that a result holds, with its definition, from its record's docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from darkframe import results
from darkframe.numerics.ledger import TERMS, LedgerSums, ledger
from darkframe.results import sweep as sweep_records
from tools.reference_docstrings import parse
from tools.reference_markdown import doc_of, inline, page, table
from tools.reference_tables import sweep_columns

PARTS: Sequence[tuple[str, str, type[Any]]] = (
    ("The dark-matter study", "results.json", results.DarkMatterResults),
    ("The taxonomy study", "taxonomy.json", results.TaxonomyResults),
    ("Tracking", "tracking.json", results.TrackingResults),
    (
        "Sweeps",
        "sweep.json, as the table and `darkframe.sweep` read it from the cells",
        sweep_records.SweepResults,
    ),
    (
        "The doctor",
        "what `darkframe doctor --json` prints; also `doctor` in results.json",
        results.Examination,
    ),
)

HELD_AGAINST: Sequence[tuple[str, str, str, str]] = (
    (
        "max \\|cos\\| with the dictionary",
        "ComponentMatch.cosine",
        "isotropic, rotation, elliptical",
        "Match.nulls",
    ),
    ("components that are novel", "Match.novel", "isotropic, rotation, elliptical", "Match.expected_novel"),
    (
        "components that are novel and more",
        "Match.novel_beyond_null",
        "none, in 95 % of data sets",
        "Match.null_cuts",
    ),
    (
        "components that are known and more",
        "Match.known_beyond_null",
        "the family-wise cut",
        "Match.null_cuts",
    ),
    (
        "kurtosis of components",
        "ComponentMatch.kurtosis",
        "isotropic, rotation, elliptical; SAE features",
        "Compare.nulls",
    ),
    (
        "components that beat the null",
        "Conclusion.beat_null",
        "none, in 95 % of data sets",
        "Match.null_cuts",
    ),
    (
        "stability over seeds and halves",
        "PairStability.matched_mean",
        "fits of the nulls",
        "Stability.null_pairs",
    ),
    ("stability index", "Stability.index", "isotropic, rotation, elliptical", "Stability.index_nulls"),
    (
        "replication over document halves",
        "Stability.replication",
        "matched random rotations",
        "Stability.replication_cut",
    ),
    (
        "cohesion of a level",
        "LevelQuality.cohesion",
        "isotropic and covariance rows, same clusterer",
        "Level.nulls",
    ),
    (
        "order stability of a level",
        "LevelQuality.stability",
        "isotropic and covariance rows, same clusterer",
        "Level.nulls",
    ),
    (
        "silhouette, sizes, match, width of a level",
        "LevelQuality.silhouette",
        "isotropic and covariance rows",
        "Level.nulls",
    ),
    ("clusters at a vigilance", "CurvePoint.clusters", "covariance rows", "CurvePoint.null_clusters"),
    (
        "dark components outside the taxonomy",
        "Placement.outside",
        "random directions",
        "Placement.outside_by_chance",
    ),
    (
        "nearness of dark components to clusters",
        "Placement.cosine",
        "random directions",
        "Placement.cosine_by_chance",
    ),
    (
        "features that pass a known category",
        "TrackedStep.passed",
        "unrelated rows; unchanged rows",
        "TrackedStep.nulls",
    ),
    (
        "features that stay in their category",
        "TrackedStep.kept",
        "labels dealt at random",
        "TrackedStep.kept_by_chance",
    ),
    ("the SAE's figures in the doctor", "Check.value", "published figures, fixed bounds", "Check.reference"),
)
"""The headline figures: what they are held against, and the field that has it."""

INTRO = """Every figure that `results.json`, `taxonomy.json`, `tracking.json`, `sweep.json` and the doctor's
output hold, with its definition. Each section is a record of `darkframe.results`, in the order in which it
is met; the JSON has the same names, and `null` for NaN and for what is not there.

Unless a definition says otherwise: shares are numbers from 0 to 1, cosines and correlations from −1 to 1 and
from 0 to 1 where they are taken absolutely, counts are integers, **seconds** are wall time, **losses** nats,
**norms** the activations' own units, and indices count from 0. x is an activation, x̂ = decode(encode(x)), e
= x − x̂; a bar is a mean over tokens. *Ordinary* tokens are the kept ones (BOS, EOS and padding left out)
without the massive ones, unless `study.massive=include`; *all* are the kept ones."""


_SWEEP_TABLE = "`table` in sweep.json, sweep.csv and `darkframe.sweep(…).table`."


def metrics() -> str:
    """metrics.md."""
    done: set[type[Any]] = set()
    parts = [
        INTRO,
        "## What headline figures are held against",
        _held_against(),
        "## The ledger of the SAE",
        _ledger(),
    ]
    for title, file, root in PARTS:
        parts += [f"## {title}", _where(root, file)]
        for record in reachable(root):
            if record not in done:
                done.add(record)
                parts.append(_record(record))
        if root is sweep_records.SweepResults:
            parts += ["### Columns of a sweep's table", _SWEEP_TABLE, sweep_columns()]
    return page("Every figure and its definition", *parts, "## Arrays", *_arrays())


def reachable(root: type[Any]) -> Iterator[type[Any]]:
    """A record and those that its fields hold, depth first, in the order of the fields."""
    seen: set[type[Any]] = set()

    def walk(record: type[Any]) -> Iterator[type[Any]]:
        if record in seen:
            return
        seen.add(record)
        yield record
        hints = typing.get_type_hints(record)
        for field in dataclasses.fields(record):
            for inner in _records_in(hints[field.name]):
                yield from walk(inner)

    return walk(root)


def _records_in(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from _records_in(inner)


def _where(root: type[Any], file: str) -> str:
    module = parse(inspect.getmodule(root).__doc__).text.partition("\n\n")[2]  # type: ignore[union-attr]
    return "\n\n".join(
        filter(
            None, [f"In {file}; the whole is `{root.__name__}`.", module if root in _ROOTS_WITH_TERMS else ""]
        )
    )


_ROOTS_WITH_TERMS = (results.TaxonomyResults, results.TrackingResults)


def _record(record: type[Any]) -> str:
    doc = doc_of(record)
    said, fields = doc.definitions(), [field.name for field in dataclasses.fields(record)]
    if set(said) != set(fields):
        raise ValueError(
            f"the docstring of {record.__name__} defines {', '.join(said)}, but its fields are "
            f"{', '.join(fields)}"
        )
    rows = [
        (f"`{field.name}`", _linked(str(field.type)), said[field.name])
        for field in dataclasses.fields(record)
    ]
    where = ", ".join(f"`{file.strip()}`" for file in doc.sections["Computed in"].split(","))
    parts = [
        f"### {record.__name__}",
        doc.text,
        table(("figure", "type", "definition"), rows),
        f"Computed in {where}.",
    ]
    return "\n\n".join(parts + _properties(record))


def _linked(hint: str) -> str:
    """A type as Markdown; records lead to their section."""
    return re.sub(r"[A-Za-z_]\w*", lambda match: _link(match[0]), hint).replace("[[", "[\u200b[")


def _link(name: str) -> str:
    record = getattr(results, name, None) or getattr(sweep_records, name, None)
    known = isinstance(record, type) and dataclasses.is_dataclass(record)
    return f"[{name}](#{name.lower()})" if known else name


def _properties(record: type[Any]) -> list[str]:
    found = [
        (name, member)
        for name, member in vars(record).items()
        if isinstance(member, property) and name[0] != "_"
    ]
    rows = [(inline(name), parse(member.__doc__).text) for name, member in found]
    return ["From Python also:", table(("property", "definition"), rows)] if rows else []


def _held_against() -> str:
    rows = []
    for what, figure, against, beside in HELD_AGAINST:
        rows.append((what.replace("\\|", "|"), _figure(figure), against, _figure(beside)))
    intro = (
        "A number without its null says nothing: [the nulls of the dark-matter study](nulls.md), [of "
        "taxonomies](taxonomy-nulls.md), "
        "[of tracking](tracking.md#chance-and-no-change-at-all)."
    )
    return intro + "\n\n" + table(("figure", "in", "held against", "which is in"), rows)


def _figure(name: str) -> str:
    record, _, field = name.partition(".")
    known = {entry.name for entry in dataclasses.fields(getattr(results, record))}
    if field not in known:
        raise ValueError(f"{record} has no field {field!r}")
    return f"[`{name}`](#{record.lower()})"


def _ledger() -> str:
    zeros = np.zeros(1)
    sums = LedgerSums(1, np.ones(len(TERMS)), zeros + 1, zeros, np.zeros(1, np.int64), 0)
    entries = ledger(sums, sums, sums)
    rows = [
        (inline(e.name), e.title, e.formula.replace("first 0 tokens", "first (about 8,192) tokens"))
        for e in entries
    ]
    intro = (
        "`diagnose.ledger` in results.json, `ledger` in the doctor's output; `darkframe show RUN --table "
        "ledger` prints it. Each on three "
        "sets of tokens ([`LedgerEntry`](#ledgerentry)). Computed in `numerics/ledger.py`."
    )
    return intro + "\n\n" + table(("name", "metric", "formula"), rows)


def _arrays() -> list[str]:
    kinds = (
        ("of the dark-matter study", results.ARRAYS),
        ("of the taxonomy study", results.TAXONOMY_ARRAYS),
        ("of tracking", results.TRACKING_ARRAYS),
    )
    parts = [
        "`result.arrays[NAME]` in Python, `steps/*/NAME.npy` on disk ([the store](store.md)). k "
        "components, d dimensions, N tokens, n features clustered of F, K clusters over all levels."
    ]
    for title, arrays in kinds:
        parts += [
            f"### Arrays {title}",
            table(("array", "shape, type and definition"), ((inline(n), text) for n, text in arrays.items())),
        ]
    return parts
