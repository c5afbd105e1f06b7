"""The run as one HTML page that needs nothing else: the conclusion against the null, its numbers, its plots, its components."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from darkframe.report.html import escaped, image, table_html
from darkframe.report.page_style import CSS
from darkframe.report.summary import numbers_table, run_title
from darkframe.report.table import Table
from darkframe.report.tables import files_table, tables
from darkframe.report.text import cosine, decimal, format_value, share, signed, token_text, visible
from darkframe.results import ComponentExamples, ComponentMatch, DarkMatterResults, Example
from darkframe.store.atomic import plain, write_bytes

if TYPE_CHECKING:
    from darkframe.store.run import RunDir

NAME = "report.html"
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # no scripts, nothing fetched, whatever the corpus says
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
    title = escaped(run_title(results))
    body = [f"<h1>{title}</h1>", _finding(results), _navigation()]
    body += [
        _section(anchor, heading, text, [found[n] for n in names], figures, path)
        for anchor, heading, text, names, figures in _SECTIONS
    ]
    body += [_components(results, found["components"]), _files(path), _provenance(results)]
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    head += f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{CSS}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _finding(results: DarkMatterResults) -> str:
    conclusion = results.conclusion
    cautions = "".join(f'<p class="caution">⚠ {escaped(caution)}</p>' for caution in conclusion.cautions)
    return (
        f'<div class="finding"><strong>{escaped(conclusion.headline)}</strong><p>{escaped(conclusion.text)}</p>{cautions}</div>'
    )


def _navigation() -> str:
    links = [(anchor, heading) for anchor, heading, *_ in _SECTIONS] + [
        ("components", "Components"),
        ("files", "Files"),
        ("settings", "Settings"),
    ]
    return "<nav>" + " ".join(f'<a href="#{anchor}">{heading}</a>' for anchor, heading in links) + "</nav>"


def _section(anchor: str, heading: str, text: str, shown: list[Table], figures: tuple[str, ...], path: Path) -> str:
    parts = [f'<h2 id="{anchor}">{heading}</h2>', f'<p class="caption">{text}</p>' if text else ""]
    parts += [_titled(table) for table in shown if table.rows]
    pictures = [_picture(path, name) for name in figures]
    parts.append(f'<div class="two">{"".join(pictures)}</div>' if len(pictures) > 1 else "".join(pictures))
    return "".join(parts)


def _titled(table: Table) -> str:
    caption = f'<p class="caption">{escaped(table.caption)}</p>' if table.caption else ""
    if table.name in _FOLDED:
        return f"<details><summary>{escaped(table.title)}</summary>{caption}{table_html(table)}</details>"
    if table.name in _FEW:
        table = table.only([column.name for column in table.columns if column.priority < 3])
    title = "" if table.name == "summary" else f"<h3>{escaped(table.title)}</h3>"
    return f"{title}{caption}{table_html(table)}"


def _picture(path: Path, name: str) -> str:
    for kind, mime in (("svg", "image/svg+xml"), ("png", "image/png")):
        file = path / "figures" / f"{name}.{kind}"
        if file.is_file():
            return image(file.read_bytes(), mime, name.replace("_", " "))
    return ""


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


def _files(path: Path) -> str:
    rows = []
    for name, size in files_table(path).rows:
        if name != NAME:
            link = f'<a href="{escaped(quote(str(name)))}">{escaped(name)}</a>'
            rows.append(f'<tr><td>{link}</td><td class="n">{format_value("size", size)}</td></tr>')
    table = f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div>'
    where = escaped(visible(str(path)))
    folded = f"<details><summary>{len(rows)} files</summary>{table}</details>"
    return f'<h2 id="files">Files</h2><p class="caption">In {where}</p>{folded}'


def _provenance(results: DarkMatterResults) -> str:
    record = {
        "source": results.source,
        "decomposer": results.decomposer,
        "settings": results.settings,
        "environment": results.environment,
        "seconds": results.seconds,
    }
    lines = json.dumps(plain(record), indent=2, ensure_ascii=False).splitlines()
    text = "\n".join(escaped(line) for line in lines)
    folded = f"<details><summary>Everything that determined the numbers</summary><pre>{text}</pre></details>"
    return f'<h2 id="settings">Settings and environment</h2>{folded}'
