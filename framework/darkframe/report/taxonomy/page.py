"""The taxonomy as one HTML page that needs nothing else: the verdict, its numbers beside chance, its pictures, its clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.html import escaped, table_html
from darkframe.report.page_parts import document, files, finding, navigation, picture, provenance, section, titled
from darkframe.report.table import Table
from darkframe.report.taxonomy.cards import CARDS, cards
from darkframe.report.taxonomy.files import CLUSTERS, LABELS
from darkframe.report.taxonomy.summary import taxonomy_title
from darkframe.report.taxonomy.tables import taxonomy_tables
from darkframe.report.text import count, share
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from darkframe.results import TaxonomyResults
    from darkframe.store.run import RunDir

NAME, SUNBURST = "taxonomy.html", "figures/sunburst.html"
_SECTIONS = (
    (
        "numbers",
        "Key numbers",
        "Beside each, what chance gives: mean over the draws.",
        ("taxonomy_summary",),
        ("taxonomy_overview",),
    ),
    ("hierarchy", "The hierarchy", "", (), ("sunburst",)),
    ("levels-section", "Levels against chance", "", ("levels", "levels_vs_null"), ("levels_vs_null", "cluster_sizes")),
    ("map", "The map of features", "", (), ("feature_map",)),
    ("specificity", "Size, specificity and vigilance", "", ("curve",), ("size_vs_specificity", "vigilance_curve")),
    ("rows", "The decoder rows", "", ("dictionary", "junk", "taxonomy_pca", "taxonomy_fit"), ("pca_landscape",)),
)
_FOLDED = {"curve", "taxonomy_pca", "placed"}


def write_taxonomy_page(results: TaxonomyResults, run: RunDir) -> Path:
    """Write ``taxonomy.html`` into the run directory, with the figures that lie there; returns its path."""
    path = run.path / NAME
    write_bytes(path, taxonomy_page(results, run.path).encode("utf-8", "xmlcharrefreplace"))
    return path


def taxonomy_page(results: TaxonomyResults, path: Path) -> str:
    """The page's HTML for the run in the directory ``path``."""
    found = {table.name: table for table in taxonomy_tables(results, None)}
    title, conclusion = taxonomy_title(results), results.conclusion
    body = [
        f"<h1>{escaped(title)}</h1>",
        finding(conclusion.headline, conclusion.text, conclusion.cautions),
        _navigation(found, path),
    ]
    for anchor, heading, text, names, figures in _SECTIONS:
        drawn = "".join(picture(path, figure) for figure in figures)  # one below another: they are wide
        body.append(section(anchor, heading, text or _beside(anchor, path), _tables(found, names), [drawn]))
    body += [_clusters(results, found), _placement(found)]
    body += [files(path, NAME), provenance(_record(results))]
    return document(title, body)


def _tables(found: Mapping[str, Table], names: Iterable[str]) -> list[str]:
    return [_table(found[name]) for name in names if found[name].rows or found[name].caption]


def _table(table: Table) -> str:
    """A table under its title; one without rows says why."""
    if not table.rows:
        return f'<h3>{escaped(table.title)}</h3><p class="caption">{escaped(table.caption)}</p>'
    return titled(table, folded=_FOLDED, few={"levels"}, bare={"taxonomy_summary"})


def _navigation(found: Mapping[str, Table], path: Path) -> str:
    links = [(f"#{anchor}", heading) for anchor, heading, *_ in _SECTIONS] + [("#clusters", "Clusters")]
    links += [("#placement", "Dark components")] if "placement" in found else []
    links += [("#files", "Files"), ("#settings", "Settings")]
    links += [
        (name, heading)
        for name, heading in ((SUNBURST, "Sunburst ↗"), ("report.html", "Dark matter ↗"))
        if (path / name).is_file()
    ]
    return navigation(links)


def _beside(anchor: str, path: Path) -> str:
    if anchor == "hierarchy" and (path / SUNBURST).is_file():
        return f'Level 0 innermost. <a href="{SUNBURST}">The same to click through</a>, with tokens of every cluster shown.'
    return ""


def _clusters(results: TaxonomyResults, found: Mapping[str, Table]) -> str:
    shown = min(CARDS, len(results.clusters))
    total = results.levels[0].clusters if results.levels else 0
    noise, first = _noise(results), f"The {shown} largest of {count(total)} clusters of level 0."
    lead = (
        f"{first if total else 'There are no clusters.'}{noise} Tokens by the differential logit lens: (mean of the "
        "members' decoder rows − mean of all live ones) → final norm → unembedding, darker for a larger logit. All clusters of "
        "every level are in "
        f'<a href="{CLUSTERS}">{CLUSTERS}</a>, every feature in <a href="{LABELS}">{LABELS}</a>.'
    )
    drill = titled(found["drill"], folded={"drill"}) if found["drill"].rows else ""
    every = found["clusters"]
    table = f"<details><summary>{escaped(every.title)}: {len(every.rows)}</summary>{table_html(every)}</details>"
    return f'<h2 id="clusters">Clusters</h2><p class="caption">{lead}</p>{cards(results)}{drill}{table}'


def _noise(results: TaxonomyResults) -> str:
    first = results.levels[0] if results.levels else None
    if first is None or not first.noise:
        return ""
    if not first.clusters:
        return " Every feature is noise."
    return f" {count(first.noise)} features ({share(first.noise / max(results.order.n, 1))}) are noise: in no cluster of level 0."


def _placement(found: Mapping[str, Table]) -> str:
    if "placement" not in found:
        return ""
    tables = [found[name] for name in ("placement", "placed") if found[name].rows or found[name].caption]
    return section("placement", "Where the dark components fall", "", [titled(t, folded=_FOLDED) for t in tables], [])


def _record(results: TaxonomyResults) -> dict[str, Any]:
    return {
        "source": results.source,
        "clusterer": results.clusterer,
        "settings": results.settings,
        "environment": results.environment,
        "seconds": results.seconds,
    }
