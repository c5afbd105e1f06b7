"""The tables of a tracking, as neutral records, and ``categories.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.files import cell
from darkframe.report.taxonomy.words import cluster_name, tokens_line
from darkframe.report.text import decimal, share
from darkframe.report.tracking.data import gather_tracking
from darkframe.report.tracking.summary import largest_table, tracking_numbers
from darkframe.report.tracking.words import mean, null_of
from darkframe.results import TrackedCategory
from darkframe.store.atomic import replacing

if TYPE_CHECKING:
    from darkframe.report.tracking.data import TrackData
    from darkframe.results import TrackedLevel, TrackedStep, TrackingResults
    from darkframe.store.run import RunDir

CATEGORIES = "categories.csv"
_CAPTION = (
    "Features that each category receives at each step. born: the step it was made at (−1: with the model); last: the last step "
    "it received any; state: at the last step. Tokens: the top tokens of (mean of its decoder rows at the last step − mean of "
    "all decoder rows) through the final norm and the unembedding."
)


def tracking_tables(results: TrackingResults, data: TrackData | None = None) -> list[Table]:
    """Every table.

    Args:
        results: The tracking's.
        data: Its categories one by one; None: the table ``categories`` has those that the results list.
    """
    return [
        tracking_numbers(results),
        largest_table(results),
        steps_table(results),
        checkpoints_table(results),
        listed_table(results) if data is None else categories_table(results, data),
        seconds_table(results),
    ]


def steps_table(results: TrackingResults) -> Table:
    """What became of categories and features at each level and step."""
    columns = (
        Column("level", "level"),
        Column("step", "step", "number"),
        Column("value", "checkpoint"),
        Column("rows", "features", "count", priority=4),
        Column("known", "known", "count", "categories made before the step", 1),
        Column("resonant", "resonant", "count", "known ones that receive features"),
        Column("growing", "growing", "count", "resonant ones that receive more than a step before"),
        Column("new", "new", "count", "made at the step"),
        Column("dormant", "dormant", "count", "known ones that receive none"),
        Column("lost", "lost", "count", "dormant ones that received some a step before", 3),
        Column("revived", "revived", "count", "growing ones that received none a step before", 3),
        Column("passed", "passed", "share", "features that passed a known category's vigilance, and were learned by it"),
        Column("null_isotropic", "isotropic", "share", "the same of unrelated rows: mean over draws", 1),
        Column("null_covariance", "covariance", "share", "the same of unrelated rows of the same covariance: mean over draws", 1),
        Column("unchanged_passed", "unchanged", "share", "the same of the rows of the step before, presented once more", 3),
        Column("predicted", "best choice", "share", "features whose category of highest choice passed before learning", 4),
        Column("kept", "stay", "share", "features in the category of a step before", 1),
        Column("kept_by_chance", "by chance", "share", "the same with labels dealt at random", 2),
        Column("unchanged_kept", "unchanged", "share", "the same of the rows of the step before, presented once more", 3),
        Column("agreement", "ARI", "cosine", "adjusted Rand index with the labels of a step before", 2),
        Column("largest_share", "largest", "share", "features in the step's largest category", 4),
        Column("noise", "noise", "count", "features in no category", 4),
    )
    rows = tuple(_step_row(results, level, step) for level in results.levels for step in level.steps)
    return Table("steps", "Categories and features, step by step", columns, rows)


def _step_row(results: TrackingResults, level: TrackedLevel, step: TrackedStep) -> tuple[Any, ...]:
    isotropic, covariance = (null_of(step, name) for name in ("isotropic", "covariance"))
    counts = (step.known, step.resonant, step.growing, step.new, step.dormant, step.lost, step.revived)
    chance = (None if null is None else mean(null.passed) for null in (isotropic, covariance))
    stays = (step.kept, step.kept_by_chance, step.unchanged_kept, step.agreement)
    value = results.checkpoints[step.step].value
    head = (f"L{level.level}", step.step, value, step.rows)
    passing = (step.passed, *chance, step.unchanged_passed, step.predicted)
    return (*head, *counts, *passing, *stays, step.largest_share, step.noise)


def checkpoints_table(results: TrackingResults) -> Table:
    """The checkpoints themselves."""
    columns = (
        Column("step", "step", "number"),
        Column("value", results.over),
        Column("rows", "features", "count"),
        Column("dead", "zero rows", "count", "left out of this step", 2),
        Column("cosine", "cos with before", "cosine", "median cosine of a feature's decoder row with its own a step before"),
        Column("share", "in the axes", "share", "of the rows' variance", 2),
        Column("clipped", "clipped", "count", "rows with a value beyond the bounds", 2),
        Column("norms", "row norms", priority=3),
        Column("seconds", "time", "seconds", priority=1),
        Column("details", "details", priority=3),
        Column("warnings", "warnings", priority=4),
    )
    rows = []
    for each in results.checkpoints:
        norms = f"{decimal(each.norms.min)} to {decimal(each.norms.max)}"
        details = ", ".join(f"{name} {value}" for name, value in each.details.items())
        head = (each.step, each.value, each.rows, each.dead, each.cosine, each.share, each.clipped)
        rows.append((*head, norms, each.seconds, details, " ".join(each.warnings)))
    axes = results.axes
    pca = f" PCA to {axes.dims:,} dimensions by the axes of {axes.of}, {share(axes.share)} of the variance." if axes.dims else ""
    bounds = "the model" if results.model else "all checkpoints together"
    caption = f"Rows are scaled by the bounds of {bounds}.{pca}"
    return Table("checkpoints", "Checkpoints", columns, tuple(rows), caption)


def category_columns(results: TrackingResults) -> tuple[Column, ...]:
    """Of the tables of categories, but for the tokens."""
    sizes = (Column(f"step_{c.step}", f"at {c.value}", "count", f"features at step {c.step}") for c in results.checkpoints)
    return (
        Column("category", "category"),
        Column("level", "level", "number", priority=4),
        Column("parent", "parent", priority=2),
        Column("born", "born", "number", "step it was made at; −1: with the model", 1),
        Column("last", "last", "number", "last step it received features at", 1),
        Column("state", "state", "text", "at the last step"),
        *sizes,
    )


def category_rows(results: TrackingResults, data: TrackData) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Place and values of every category, by level; as ``category_columns``."""
    for level in range(len(results.levels)):
        for place in data.ordered(level).tolist():
            parent = cluster_name(level - 1, int(data.parent[place])) if level else None
            name = cluster_name(level, int(data.id[place]))
            sizes = data.sizes[:, place].tolist()
            yield place, (name, level, parent, int(data.born[place]), int(data.last[place]), data.stands(place), *sizes)


def categories_table(results: TrackingResults, data: TrackData) -> Table:
    """All categories of all levels."""
    columns = (*category_columns(results), Column("tokens", "tokens"))
    rows = tuple((*values, tokens_line(data.said(place))) for place, values in category_rows(results, data))
    return Table("categories", "All categories", columns, rows, _CAPTION)


def listed_table(results: TrackingResults) -> Table:
    """The categories that the results list."""
    columns = (*category_columns(results), Column("tokens", "tokens"))
    return Table("categories", "The largest categories", columns, tuple(_listed(each) for each in results.categories), _CAPTION)


def _listed(of: TrackedCategory) -> tuple[Any, ...]:
    parent = None if of.parent is None else cluster_name(of.level - 1, of.parent)
    head = (cluster_name(of.level, of.category), of.level, parent, of.born, of.last, of.state)
    return (*head, *of.sizes, tokens_line(of.tokens))


def seconds_table(results: TrackingResults) -> Table:
    """Where the time went."""
    columns = (Column("step", "step"), Column("seconds", "time", "seconds"))
    return Table("seconds", "Time", columns, tuple((name, float(value)) for name, value in results.seconds.items()))


def write_tables(run: RunDir, results: TrackingResults) -> Path:
    """Write ``categories.csv`` into the run directory, whole or not at all; a cell of tokens is a JSON list. Returns its path."""
    data, path = gather_tracking(run), run.path / CATEGORIES
    names = [*(column.name for column in category_columns(results)), "tokens"]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows((*values, cell(data.said(place))) for place, values in category_rows(results, data))
    return path
