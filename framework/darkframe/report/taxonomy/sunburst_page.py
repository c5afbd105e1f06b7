"""The sunburst as one page to click through: plotly and its data within it, nothing fetched, foreign text shown literally."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.report.html import escaped
from darkframe.report.taxonomy.colours import NOISE, OTHER, family_colour, lighter
from darkframe.report.taxonomy.summary import taxonomy_title
from darkframe.report.taxonomy.tree import CLUSTER, OTHERS, Node, kept_by_number, tree
from darkframe.report.taxonomy.words import cluster_name, votes_line
from darkframe.report.text import cosine, count, share, shorten, token_text, visible
from darkframe.store.atomic import write_bytes

if TYPE_CHECKING:
    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import TaxonomyResults

MOST_NODES = 2000
ROOT = "all"
_LABEL_TOKENS, _LABEL_WIDTH, _HOVER_WIDTH = 2, 20, 60
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_STYLE = """
:root { color-scheme: light; }
body { margin: 0; padding: .8rem 1rem; background: #fff; color: #1d2129;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.1rem; margin: 0 0 .2rem; overflow-wrap: anywhere; } p { margin: .2rem 0; color: #5d6675; font-size: .9rem; }
.plot, .plot > div { height: calc(100vh - 9rem); min-height: 22rem; } a { color: #0072b2; }
"""


def write_sunburst_page(path: Path, results: TaxonomyResults, data: TaxonomyData, most: int = MOST_NODES) -> Path:
    """Write the page atomically; the ``most`` largest clusters are drawn for themselves, the others of a parent folded."""
    write_bytes(path, sunburst_page(results, data, most).encode("utf-8", "xmlcharrefreplace"))
    return path


def sunburst_page(results: TaxonomyResults, data: TaxonomyData, most: int = MOST_NODES) -> str:
    """The page's HTML."""
    from plotly.graph_objects import Figure, Sunburst
    from plotly.io import to_html

    figure = Figure(Sunburst(**sunburst_trace(results, data, most)))
    figure.update_layout(margin={"t": 4, "l": 4, "r": 4, "b": 4}, font={"family": "DejaVu Sans, sans-serif", "size": 13})
    figure.update_layout(uniformtext={"minsize": 10, "mode": "hide"})
    drawn = to_html(
        figure,
        include_plotlyjs=True,
        include_mathjax=False,
        full_html=False,
        div_id="sunburst",
        default_height="100%",
        config={
            "displaylogo": False,
            "responsive": True,
            "showSendToCloud": False,
            "modeBarButtonsToRemove": ["sendChartToCloud"],
        },
    )
    title = escaped(f"Taxonomy of {taxonomy_title(results)}")
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{_STYLE}</style>'
    )
    body = f'<h1>{title}</h1><p>{escaped(results.conclusion.headline)} <a href="../taxonomy.html">Report</a></p>'
    body += f"<p>{escaped(_note(data, most))}</p>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}<div class="plot">{drawn}</div></body></html>\n'


def _note(data: TaxonomyData, most: int) -> str:
    folded = len(data.clusters.size) - most
    few = f" The {count(most)} largest clusters are drawn; {count(folded)} smaller ones are folded in grey." if folded > 0 else ""
    noise = " Noise, in no cluster, is light grey." if (data.labels < 0).any() else ""
    return f"Click a cluster to open it, its centre to go back; areas are numbers of features.{few}{noise}"


def sunburst_trace(results: TaxonomyResults, data: TaxonomyData, most: int = MOST_NODES) -> dict[str, Any]:
    """What plotly draws: ids, labels, parents, values, colours and hover texts, node by node."""
    n = results.order.n
    nodes = tree(data.clusters, n, kept_by_number(data.clusters, most), len(results.levels))
    colours = ["#FFFFFF", *(_colour(node, i) for i, node in enumerate(nodes))]
    said = visible(f"{taxonomy_title(results)}")
    return {
        "ids": [ROOT, *(_id(node, data) for node in nodes)],
        "labels": [f"{count(n)}<br>features", *(_label(node, data) for node in nodes)],
        "parents": ["", *(_place_id(node.parent, data) for node in nodes)],
        "values": [n, *(node.size for node in nodes)],
        "hovertext": [inert(said), *(_hover(node, data, n) for node in nodes)],
        "hoverinfo": "text",
        "branchvalues": "total",
        "sort": False,
        "rotation": 90,
        "insidetextorientation": "auto",
        "marker": {"colors": colours, "line": {"color": "#FFFFFF", "width": 0.3}},
        "leaf": {"opacity": 1},
        "hoverlabel": {"align": "left", "font": {"family": "DejaVu Sans Mono, ui-monospace, monospace", "size": 12}},
    }


def inert(text: str) -> str:
    """Text as plotly shows it literally: it reads tags and entities in labels, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _place_id(place: int, data: TaxonomyData) -> str:
    return ROOT if place < 0 else cluster_name(int(data.clusters.level[place]), int(data.clusters.id[place]))


def _id(node: Node, data: TaxonomyData) -> str:
    return _place_id(node.place, data) if node.kind == CLUSTER else f"{node.kind} in {_place_id(node.parent, data)}"


def _label(node: Node, data: TaxonomyData) -> str:
    if node.kind == OTHERS:
        return f"{count(node.count)} others"
    if node.kind != CLUSTER:
        return "noise"
    texts = [token_text(token.strip(" ") or token) for token in data.tokens_of(node.place)[:_LABEL_TOKENS]]
    lines = [inert(shorten(text, _LABEL_WIDTH)) for text in texts]
    return "<br>".join(lines) or _place_id(node.place, data)


def _hover(node: Node, data: TaxonomyData, n: int) -> str:
    part = f"{count(node.size)} features, {share(node.size / max(n, 1))}"
    if node.kind == OTHERS:
        return f"<b>{count(node.count)} smaller clusters</b> of level {node.level}<br>{part}"
    if node.kind != CLUSTER:
        return f"<b>noise</b>: in no cluster of level {node.level}<br>{part}"
    clusters, place = data.clusters, node.place
    children = f", {count(clusters.children[place])} children" if clusters.children[place] else ""
    lines = [f"<b>{_place_id(place, data)}</b>  {part}{children}", *_quality(data, place)]
    said = [token_text(token) for token in data.tokens_of(place)]
    lines += [inert(line) for line in _wrapped(said)] or ["not read by the logit lens"]
    voted = votes_line(data.votes_of(place), 3)
    return "<br>".join([*lines, *([inert(shorten(f"votes: {voted}", _HOVER_WIDTH + 20))] if voted else [])])


def _quality(data: TaxonomyData, place: int) -> list[str]:
    clusters = data.clusters
    figures = (("cohesion", clusters.cohesion), ("match", clusters.match), ("box width", clusters.width))
    written = [f"{name} {cosine(values[place])}" for name, values in figures if not math.isnan(values[place])]
    return [", ".join(written)] if written else []


def _wrapped(texts: list[str]) -> list[str]:
    """Tokens side by side, on lines that a hover label holds."""
    lines: list[str] = []
    for text in (shorten(text, _HOVER_WIDTH) for text in texts):
        if lines and len(lines[-1]) + 2 + len(text) <= _HOVER_WIDTH:
            lines[-1] += "  " + text
        else:
            lines.append(text)
    return lines


def _colour(node: Node, turn: int) -> str:
    if node.kind == CLUSTER:
        return family_colour(node.family, node.level, turn)
    return lighter(OTHER, min(0.3 + 0.12 * node.level, 0.75)) if node.kind == OTHERS else NOISE
