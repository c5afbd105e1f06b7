"""Clusters as cards of the page: their tokens, votes, quality beside the level's and the null's, and children."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter

from darkframe.report.html import escaped, table_html
from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.words import cluster_name, null_mean, tokens_line, votes_line
from darkframe.report.text import count, decimal, share, token_text
from darkframe.results import ClusterRecord, Level, TaxonomyResults, Vote

CARDS = 20
_NULL = "mean of the null's draws at the level"


def cards(results: TaxonomyResults, most: int = CARDS) -> str:
    """A card for each of the largest clusters of level 0."""
    children = {(d.cluster.level, d.cluster.cluster): d.children for d in results.drill}
    level = results.levels[0]
    return "".join(_card(r, level, results, children.get((r.level, r.cluster), ())) for r in results.clusters[:most])


def _card(record: ClusterRecord, level: Level, results: TaxonomyResults, children: Sequence[ClusterRecord]) -> str:
    name = cluster_name(record.level, record.cluster)
    badge = f'<span class="badge">{share(record.size / max(results.order.n, 1))} of the features</span>'
    split = f" in {count(record.children)} children" if record.children else ""
    head = f"<h3>{name}{badge}</h3>"
    head += f'<p class="why">{count(record.size)} features{split} · nearest features: {_features(record)}</p>'
    quality = table_html(quality_table(record, level))
    below = f"<details><summary>{_shown(children, record)}</summary>{table_html(children_table(children))}</details>"
    return f'<div class="component">{head}{_tokens(record)}{_votes(record.votes)}{quality}{below if children else ""}</div>'


def _features(record: ClusterRecord, most: int = 8) -> str:
    return ", ".join(str(feature) for feature in record.features[:most]) or "–"


def _shown(children: Sequence[ClusterRecord], record: ClusterRecord) -> str:
    if len(children) == record.children:
        return f"Its {len(children)} children" if len(children) > 1 else "Its child"
    return f"Its {len(children)} largest children of {count(record.children)}"


def _tokens(record: ClusterRecord) -> str:
    """Tokens with their logits, the darker the larger."""
    if not record.tokens:
        return '<p class="why">not read by the logit lens</p>'
    largest = max((abs(logit) for logit in record.logits if math.isfinite(logit)), default=1.0) or 1.0
    marks = []
    for token, logit in zip(record.tokens, record.logits):
        strength = 0.12 + 0.4 * min(abs(logit) / largest, 1) if math.isfinite(logit) else 0.12
        text = f"<bdi>{escaped(token_text(token))}</bdi>"
        marks.append(f'<mark style="--s:{strength:.2f}" title="logit {decimal(logit)}">{text}</mark>')
    return f'<p class="context tokens">{" ".join(marks)}</p>'


def _votes(votes: Sequence[Vote]) -> str:
    if not votes:
        return ""
    said = " ".join(f"<bdi>{escaped(token_text(vote.text))}</bdi> ×{count(vote.members)} " for vote in votes[:6])
    return f'<p class="why">votes of its members: <span class="context">{said}</span></p>'


def quality_table(record: ClusterRecord, level: Level) -> Table:
    """A cluster's figures beside its level's and each null's means at that level; those that it lacks are left out."""
    names = [null.name for null in level.nulls]
    columns = (
        Column("figure", "quality"),
        Column("cluster", "this cluster", "cosine"),
        Column("level", "its level", "cosine", "mean over the level"),
        *(Column(f"null_{name}", f"{name} null", "cosine", _NULL, 2 if name == "isotropic" else 1) for name in names),
    )
    figures = (
        ("cohesion (mean cosine)", record.cohesion, "cohesion"),
        ("match, mean", record.match, "match"),
        ("match, least", record.match_min, ""),
        ("box width (specificity)", record.width, "width"),
        ("separation", record.separation, ""),
        ("activation margin", record.margin, ""),
    )
    rows = []
    for title, value, key in figures:
        if not math.isnan(value):
            whole = _none(getattr(level.quality, key)) if key else None
            chance = [_none(null_mean(null, attrgetter(key))) if key else None for null in level.nulls]
            rows.append((title, value, whole, *chance))
    return Table("quality", "Quality", columns, tuple(rows))


def _none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def children_table(children: Sequence[ClusterRecord]) -> Table:
    """Clusters of the next level in a cluster."""
    columns = (
        Column("child", "child"),
        Column("size", "features", "count"),
        Column("children", "children", "count", priority=2),
        Column("cohesion", "cohesion", "cosine", priority=1),
        Column("tokens", "tokens"),
    )
    rows = tuple(
        (
            cluster_name(c.level, c.cluster),
            c.size,
            c.children or None,
            _none(c.cohesion),
            tokens_line(c.tokens) or votes_line(c.votes),
        )
        for c in children
    )
    return Table("children", "Children", columns, rows)
