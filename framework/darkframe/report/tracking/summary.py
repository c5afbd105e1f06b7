"""What a tracking says in one screen: the finding, the last step beside chance, the largest categories, the files."""

from __future__ import annotations

import math
from pathlib import Path

from darkframe.report.summary import Summary, existing, shown_files
from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.words import cluster_name, tokens_line
from darkframe.report.text import cosine, share, visible
from darkframe.report.tracking.words import level_label, passed_by_chance
from darkframe.results import TrackedLevel, TrackingResults

FIGURE_NAMES = ("tracking_overview", "categories_over_training", "features_passing", "features_staying", "category_sizes")
"""The figures, the most telling first."""

PAGE = "tracking.html"
LARGEST_SHOWN = 10

Row = tuple[str, str, str]


def summarise_tracking(results: TrackingResults, path: Path) -> Summary:
    """The summary of the tracking in the directory ``path``."""
    conclusion = results.conclusion
    return Summary(
        title=tracking_title(results),
        finding=conclusion.verdict,
        headline=visible(conclusion.headline),
        text=visible(conclusion.text),
        cautions=tuple(visible(caution) for caution in conclusion.cautions),
        numbers=tracking_numbers(results),
        highlights=largest_table(results),
        figures=existing(path, *(f"figures/{name}.png" for name in FIGURE_NAMES)),
        files=shown_files(path),
        pages=existing(path, PAGE),
        path=path,
    )


def tracking_title(results: TrackingResults) -> str:
    """Which model, SAE and clusterer the tracking is about, and what it goes over."""
    source, name = results.source, str(results.clusterer.get("name", "?"))
    model, hook = (str(source.get(key, "?")) for key in ("model", "hook_point"))
    checkpoints = f"{len(results.checkpoints)} checkpoints ({results.over})"
    return visible(" · ".join([model, hook, name, checkpoints, f"{results.order.n:,} features"]))


def tracking_numbers(results: TrackingResults) -> Table:
    """The key figures of the last step, each beside what chance, or no change at all, gives."""
    columns = (Column("measure", "measure"), Column("value", "last step"), Column("chance", "by chance or beside it"))
    rows: list[Row] = [("features tracked", f"{results.order.n:,}", _left_out(results))]
    last = results.checkpoints[-1]
    if not math.isnan(last.cosine):
        earlier = _earlier([each.cosine for each in results.checkpoints[1:-1]])
        rows.append(("median cos with the row before", cosine(last.cosine), earlier))
    for level in results.levels:
        rows += _level_rows(level)
    return Table("tracking_summary", "The last step, beside chance", columns, tuple(rows))


def _earlier(values: list[float]) -> str:
    """What a figure was at earlier steps: each, or from where to where."""
    if not values:
        return ""
    if len(values) > 4:
        return f"{cosine(min(values))} to {cosine(max(values))} at earlier steps"
    return f"{', '.join(map(cosine, values))} at earlier steps"


def _left_out(results: TrackingResults) -> str:
    junk = results.junk
    return f"of {junk.total:,}; {junk.filtered:,} junk at the last checkpoint" if junk.applied else f"of {junk.total:,}"


def _level_rows(level: TrackedLevel) -> list[Row]:
    last, label = level.steps[-1], level_label(level)
    started = "at first" if level.steps[0].known == 0 else "in the model"
    rows = [
        (
            f"{label}: categories",
            f"{last.known + last.new:,}",
            f"{level.first:,} {started}, {level.persisted:,} of them still used",
        ),
        ("  resonant, growing", f"{last.resonant:,}, {last.growing:,}", f"of {last.known:,} known before the step"),
        ("  new, dormant", f"{last.new:,}, {last.dormant:,}", f"{last.lost:,} newly dormant, {last.revived:,} revived"),
    ]
    if not math.isnan(last.passed):
        rows.append(("  passed a known category", share(last.passed), passed_by_chance(last) or "no nulls drawn"))
    if not math.isnan(last.kept):
        unchanged = "" if math.isnan(last.unchanged_kept) else f", {share(last.unchanged_kept)} were nothing changed"
        rows.append(("  stay in their category", share(last.kept), f"{share(last.kept_by_chance)} by chance{unchanged}"))
        rows.append(("  ARI with the step before", cosine(last.agreement), "0 by chance, 1 for the same partition"))
    if last.nulls:
        rows.append(("  beats the null", "yes" if level.beats_null else "NO", visible(level.reason)))
    return rows


def largest_table(results: TrackingResults, most: int = LARGEST_SHOWN) -> Table:
    """The largest categories of level 0 at the last step, with their sizes over the steps."""
    columns = (
        Column("category", "category"),
        Column("born", "born", "number", "step it was made at; −1: with the model", 1),
        Column("state", "state", "text", "at the last step"),
        Column("sizes", "features over the steps", "text", "features it receives at each step"),
        Column("tokens", "tokens"),
    )
    largest = [each for each in results.categories if each.level == 0 and each.sizes[-1]][:most]
    rows = tuple(
        (cluster_name(0, of.category), of.born, of.state, " → ".join(f"{n:,}" for n in of.sizes), tokens_line(of.tokens))
        for of in largest
    )
    return Table("largest", "Largest categories of level 0 at the last step", columns, rows)
