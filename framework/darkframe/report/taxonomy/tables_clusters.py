"""The tables of every cluster and of every clustered feature: row by row, for tables, files and data frames alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.summary import said_by
from darkframe.report.taxonomy.words import cluster_name, tokens_line, votes_line

if TYPE_CHECKING:
    from darkframe.report.taxonomy.data import TaxonomyData
    from darkframe.results import TaxonomyResults
    from darkframe.store.taxonomy import Taxonomy

CLUSTER_COLUMNS = (
    Column("cluster", "cluster"),
    Column("level", "level", "number", priority=4),
    Column("parent", "parent", priority=2),
    Column("size", "features", "count"),
    Column("share", "share", "share", "of all features clustered", 3),
    Column("children", "children", "count", "clusters of the next level in it", 2),
    Column("cohesion", "cohesion", "cosine", "mean pairwise cosine of its members"),
    Column("separation", "separation", "cosine", "1 − largest cosine of its direction with another cluster's of the level", 2),
    Column("width", "box width", "cosine", "mean over the dimensions: 0 is a point, 1 the whole range", 1),
    Column("match", "match", "cosine", "mean match of its members", 1),
    Column("match_min", "least match", "cosine", priority=3),
    Column("margin", "margin", "decimal", "mean activation margin of its members", 3),
    Column("tokens", "tokens"),
    Column("votes", "votes", priority=3),
)
_FIGURES = ("cohesion", "separation", "width", "match", "match_min", "margin")
CAPTION = (
    "Tokens: the top tokens of (mean of the members' decoder rows − mean of all live ones) through the final norm and the "
    "unembedding; votes: tokens most often among the members' own."
)


def cluster_rows(results: TaxonomyResults, data: TaxonomyData) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Place and values, as ``CLUSTER_COLUMNS`` without its last two, of every cluster with members: by level, then size."""
    clusters, n = data.clusters, max(results.order.n, 1)
    for level in range(len(results.levels)):
        for place in clusters.at(level).tolist():
            parent = cluster_name(level - 1, int(clusters.parent[place])) if level else None
            size = int(clusters.size[place])
            figures = [_number(getattr(clusters, name)[place]) for name in _FIGURES]
            name = cluster_name(level, int(clusters.id[place]))
            yield place, (name, level, parent, size, size / n, int(clusters.children[place]), *figures)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def clusters_table(results: TaxonomyResults, taxonomy: Taxonomy) -> Table:
    """All clusters of all levels."""
    data = gather_taxonomy(taxonomy)
    rows = tuple(
        (*values, tokens_line(data.tokens_of(place)), votes_line(data.votes_of(place)))
        for place, values in cluster_rows(results, data)
    )
    return Table("clusters", "All clusters", CLUSTER_COLUMNS, rows, CAPTION)


def records_table(results: TaxonomyResults) -> Table:
    """The clusters that the results list: the largest of level 0."""
    rows = []
    for record in results.clusters:
        part = record.size / max(results.order.n, 1)
        figures = [_number(getattr(record, name)) for name in _FIGURES]
        name = cluster_name(record.level, record.cluster)
        head = (name, record.level, None, record.size, part, record.children)
        rows.append((*head, *figures, said_by(record), votes_line(record.votes)))
    return Table("clusters", "The largest clusters of level 0", CLUSTER_COLUMNS, tuple(rows), CAPTION)


def label_columns(levels: int) -> tuple[Column, ...]:
    """Of the table of features: the cluster at each level, its match, the cosine with its direction, and the tokens."""
    columns = [Column("feature", "feature", "number", "id in the SAE")]
    columns += [Column(f"level_{i}", f"L{i}", "number", f"cluster at level {i}; −1 is noise") for i in range(levels)]
    columns += [Column(f"match_{i}", f"match L{i}", "cosine", "how well it matches that cluster", 2) for i in range(levels)]
    columns += [Column(f"cosine_{i}", f"cos L{i}", "cosine", "with that cluster's direction", 1) for i in range(levels)]
    return (*columns, Column("tokens", "tokens"))


def label_rows(data: TaxonomyData) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Feature and values, as ``label_columns`` without its last, of every clustered feature, by id."""
    levels = len(data.labels)
    for row in data.features.argsort(kind="stable").tolist():
        feature, labels = int(data.features[row]), data.labels[:, row].tolist()
        match = [_number(value) for value in data.match[:, row]] if len(data.match) else [None] * levels
        cosine = [_number(value) for value in data.cosine[:, row]] if len(data.cosine) else [None] * levels
        yield feature, (feature, *labels, *match, *cosine)


def labels_table(taxonomy: Taxonomy) -> Table:
    """Every clustered feature with its cluster at each level."""
    data = gather_taxonomy(taxonomy)
    rows = tuple((*values, tokens_line(data.tokens_of_feature(feature))) for feature, values in label_rows(data))
    caption = "Ids are those of the SAE. Tokens: the feature's own, by the logit lens."
    return Table("labels", "Every feature's clusters", label_columns(len(data.labels)), rows, caption)
