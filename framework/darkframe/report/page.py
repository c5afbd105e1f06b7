"""The run as one HTML page that needs nothing else: the conclusion against the null, its numbers, its plots, its components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.html import escaped, table_html
from darkframe.report.page_parts import document, files, finding, navigation, picture, provenance, section, titled
from darkframe.report.summary import numbers_table, run_title
from darkframe.report.table import Table
from darkframe.report.tables import tables
from darkframe.report.text import cosine, decimal, share, signed, token_text
from darkframe.results import ComponentExamples, ComponentMatch, DarkMatterResults, Example
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from darkframe.store.run import RunDir

NAME = "report.html"
_SECTIONS = (
    ("numbers", "Key numbers", "Beside each, what chance gives or what it stands against.", ("summary",), ("overview",)),
    ("ledger-section", "What the SAE reconstructs", "", ("ledger", "massive", "collect"), ()),
    ("residual", "The residual", "", ("kurtosis", "pca"), ("residual_kurtosis", "residual_pca")),
    ("fit-section", "The fit and its stability", "", ("fit", "stability"), ("stability",)),
    (
        "match-section",
        "Against the dictionary",
        "",
        ("match", "most_novel", "most_known"),
        ("ica_sae_similarity", "components_vs_null"),
    ),
    ("compare-section", "Kurtosis of components and features", "", ("compare", "nulls"), ("ica_vs_sae_kurtosis",)),
)
_FOLDED = {"nulls", "collect"}
_FEW = {"most_novel", "most_known"}  # shown without their least important columns; the table of all components has them


def write_page(results: DarkMatterResults, run: RunDir) -> Path:
    """Write ``report.html`` into the run directory, with the figures that lie there; returns its path."""
    path = run.path / NAME
    write_bytes(path, page(results, run.path).encode("utf-8", "xmlcharrefreplace"))
    return path


def page(results: DarkMatterResults, path: Path) -> str:
    """The page's HTML for the run in the directory ``path``."""
    found = {table.name: table for table in tables(results)} | {"summary": numbers_table(results)}
    title, conclusion = run_title(results), results.conclusion
    body = [f"<h1>{escaped(title)}</h1>", finding(conclusion.headline, conclusion.text, conclusion.cautions), _navigation(path)]
    body += [
        section(anchor, heading, text, _tables(found, names), [picture(path, figure) for figure in figures])
        for anchor, heading, text, names, figures in _SECTIONS
    ]
    body += [_components(results, found["components"]), files(path, NAME), provenance(_record(results))]
    return document(title, body)


def _tables(found: Mapping[str, Table], names: Iterable[str]) -> list[str]:
    return [titled(found[name], folded=_FOLDED, few=_FEW, bare={"summary"}) for name in names if found[name].rows]


def _navigation(path: Path) -> str:
    others = [("#components", "Components"), ("#files", "Files"), ("#settings", "Settings")]
    others += [("taxonomy.html", "Taxonomy ↗")] if (path / "taxonomy.json").is_file() else []
    return navigation([*((f"#{anchor}", heading) for anchor, heading, *_ in _SECTIONS), *others])


def _components(results: DarkMatterResults, table: Table) -> str:
    matches = {c.component: c for c in results.match.components}
    cards = "".join(_card(matches[shown.component], shown) for shown in results.interpret.components)
    lead = (
        "The most novel components, others that beat the null, and the tokens that drive them most, by |activation| of the "
        "component's source; the context stays inside the token's own document. Blue: positive, orange: negative; the stronger "
        "the larger."
    )
    caption = f'<p class="caption">{escaped(table.caption)}</p>'
    every = f"<details><summary>All {len(table.rows)} components</summary>{caption}{table_html(table)}</details>"
    return f'<h2 id="components">Components</h2><p class="caption">{lead}</p>{cards}{every}'


def _card(match: ComponentMatch, shown: ComponentExamples) -> str:
    badges = f'<span class="badge {escaped(match.label)}">{escaped(match.label)}</span>'
    badges += (
        '<span class="badge yes">beats the null</span>' if match.beats_null else '<span class="badge">within the null</span>'
    )
    numbers = (
        f"max |cos| {cosine(match.cosine)} with feature {match.feature} · kurtosis {decimal(match.kurtosis)}"
        f" · replication {cosine(match.replication)} · stability {cosine(match.stability)}"
        f" · {share(match.explained)} of the residual's variance"
    )
    largest = max((abs(example.activation) for example in shown.examples), default=1.0) or 1.0
    rows = "".join(_example(example, largest) for example in shown.examples)
    why = f'<p class="why">{numbers}<br>{escaped(match.reason)}</p>'
    return f'<div class="component"><h3>Component {match.component}{badges}</h3>{why}<ol class="context">{rows}</ol></div>'


def _example(example: Example, largest: float) -> str:
    strength = 0.15 + 0.55 * min(abs(example.activation) / largest, 1.0)
    sign = ' class="minus"' if example.activation < 0 else ""
    token = token_text(example.text)
    mark = f'<mark{sign} style="--s:{strength:.2f}"><bdi>{escaped(token)}</bdi></mark>'
    text = f"{escaped(example.before)}{mark}{escaped(example.after)}"
    where = f"document {example.document}, position {example.position}"
    return f'<li><span class="a">{signed(example.activation)}</span><bdi>{text}</bdi><span class="where">{where}</span></li>'


def _record(results: DarkMatterResults) -> dict[str, Any]:
    return {
        "source": results.source,
        "decomposer": results.decomposer,
        "settings": results.settings,
        "environment": results.environment,
        "seconds": results.seconds,
    }
