"""A tracking as one HTML page that needs nothing else: the finding, its pictures, every step beside chance, its categories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.html import escaped, table_html
from darkframe.report.page_parts import document, files, finding, navigation, picture, provenance, section, titled
from darkframe.report.tracking.summary import PAGE, tracking_title
from darkframe.report.tracking.tables import CATEGORIES, tracking_tables
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darkframe.report.table import Table
    from darkframe.results import TrackingResults
    from darkframe.store.run import RunDir

_SECTIONS = (
    (
        "numbers",
        "The last step",
        "Beside each figure, what chance gives: mean over the draws.",
        ("tracking_summary",),
        ("tracking_overview",),
    ),
    (
        "steps",
        "Step by step",
        "resonant: made before the step, and still receiving features; growing: more than a step before; dormant: none; new: "
        "made at the step. passed: share of the features taken by a category that was there before.",
        ("steps",),
        (),
    ),
    ("sizes", "Categories over training", "", ("largest",), ("category_sizes",)),
    ("checkpoints-section", "The checkpoints", "", ("checkpoints",), ()),
)


def write_tracking_page(results: TrackingResults, run: RunDir) -> Path:
    """Write ``tracking.html`` into the run directory, with the figures that lie there; returns its path."""
    path = run.path / PAGE
    write_bytes(path, tracking_page(results, run.path).encode("utf-8", "xmlcharrefreplace"))
    return path


def tracking_page(results: TrackingResults, path: Path) -> str:
    """The page's HTML for the tracking in the directory ``path``."""
    found = {table.name: table for table in tracking_tables(results)}
    title, conclusion = tracking_title(results), results.conclusion
    links = [(f"#{anchor}", heading) for anchor, heading, *_ in _SECTIONS]
    links += [("#categories", "Categories"), ("#files", "Files"), ("#settings", "Settings")]
    body = [
        f"<h1>{escaped(title)}</h1>",
        finding(conclusion.headline, conclusion.text, conclusion.cautions),
        navigation(links),
    ]
    for anchor, heading, text, names, figures in _SECTIONS:
        tables = [titled(found[name], bare={"tracking_summary", "steps"}) for name in names if found[name].rows]
        body.append(section(anchor, heading, text, tables, [picture(path, figure) for figure in figures]))
    body += [_categories(found), files(path, PAGE), provenance(_record(results))]
    return document(title, body)


def _categories(found: Mapping[str, Table]) -> str:
    table = found["categories"]
    link = f'<a href="{CATEGORIES}">{CATEGORIES}</a>'
    lead = f"The largest of each level at the last step, and the largest of those that went dormant. All are in {link}."
    caption = f'<p class="caption">{lead} {escaped(table.caption)}</p>'
    folded = f"<details><summary>{len(table.rows)} categories</summary>{table_html(table)}</details>"
    return f'<h2 id="categories">Categories</h2>{caption}{folded}'


def _record(results: TrackingResults) -> dict[str, Any]:
    return {
        "source": results.source,
        "clusterer": results.clusterer,
        "settings": results.settings,
        "environment": results.environment,
        "seconds": results.seconds,
    }
