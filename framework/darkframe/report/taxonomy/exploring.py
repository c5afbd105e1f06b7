"""One cluster, or one feature, of a finished taxonomy: everything the command shows, as neutral records."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import UserError
from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.cards import children_table, quality_table
from darkframe.report.taxonomy.summary import largest_table, said_by
from darkframe.report.taxonomy.tables import levels_table
from darkframe.report.taxonomy.words import cluster_name, tokens_line

if TYPE_CHECKING:
    from darkframe.results import ClusterRecord, Level, TaxonomyResults
    from darkframe.store.taxonomy import Taxonomy

LARGEST = 20


@dataclass(frozen=True)
class Member:
    """A feature in a cluster: its own tokens, its match and the cosine with the cluster's direction (NaN without)."""

    feature: int
    match: float
    cosine: float
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class ClusterView:
    """One cluster and what surrounds it.

    Attributes:
        record: The cluster.
        share: Of all clustered features.
        above: Its ancestors, level 0 first.
        level: Its level, with quality and nulls.
        children: Its largest children, as many as asked for.
        members: Its members nearest to its direction, as many as asked for.
    """

    record: ClusterRecord
    share: float
    above: tuple[ClusterRecord, ...]
    level: Level
    children: tuple[ClusterRecord, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True)
class FeatureView:
    """Where a feature lies: itself at each level (cluster None for noise), and its own tokens; ``noise``: of each level."""

    feature: int
    tokens: tuple[str, ...]
    clusters: tuple[ClusterRecord | None, ...]
    places: tuple[Member, ...]
    noise: tuple[int, ...]


@dataclass(frozen=True)
class NoiseView:
    """The features that are in no cluster of a level.

    Attributes:
        level: The level, with quality and nulls.
        size: How many they are.
        share: Of all clustered features.
        members: Some of them, by id, as many as asked for, each with its own tokens.
        above: For each of them its cluster in the level above; None for noise there too, and at level 0.
    """

    level: Level
    size: int
    share: float
    members: tuple[Member, ...]
    above: tuple[int | None, ...]


NOISE = -1
"""Stands for the noise of a level where a cluster's number would stand."""

_NOISE = re.compile(r"L([0-9]{1,9})\s*:?\s*(?:noise|-1)|noise", re.ASCII | re.IGNORECASE)


def parse_cluster(taxonomy: Taxonomy, name: str) -> tuple[int, int]:
    """(level, cluster) of ``L0:3``; a number alone is one of level 0. ``L0:noise``, or ``noise`` alone, is (0, ``NOISE``).

    Raises:
        UserError: It is no such name, or there is no such cluster.
    """
    bare = name.strip()
    if noise := _NOISE.fullmatch(bare):
        level = int(noise[1] or 0)
        taxonomy.noise(level)  # says so where there is no such level
        return level, NOISE
    return taxonomy.parse(f"L0:{bare}" if bare.isascii() and bare.isdigit() else name)


def explore_cluster(
    results: TaxonomyResults, taxonomy: Taxonomy, at: tuple[int, int], children: int, members: int
) -> ClusterView:
    """The cluster ``at`` (level, id), with at most so many children and members."""
    level, cluster = at
    record = taxonomy.cluster(level, cluster)
    below = taxonomy.children(level, cluster)[:children]
    return ClusterView(
        record=record,
        share=record.size / max(results.order.n, 1),
        above=_above(taxonomy, record),
        level=results.levels[level],
        children=tuple(taxonomy.cluster(level + 1, child) for child in below),
        members=tuple(_member(taxonomy, int(feature), level) for feature in taxonomy.members(level, cluster)[:members]),
    )


def explore_noise(results: TaxonomyResults, taxonomy: Taxonomy, level: int, members: int) -> NoiseView:
    """The features in no cluster of a level, at most so many of them by name.

    Raises:
        UserError: There is no such level, or every feature is in a cluster of it.
    """
    features = taxonomy.noise(level)
    if not len(features):
        raise UserError(f"There is no noise at level {level}: every feature is in one of its clusters.")
    shown = tuple(_member(taxonomy, int(feature), level) for feature in features[:members])
    return NoiseView(
        level=results.levels[level],
        size=len(features),
        share=len(features) / max(results.order.n, 1),
        members=shown,
        above=tuple(_label(taxonomy, member.feature, level - 1) if level else None for member in shown),
    )


def _label(taxonomy: Taxonomy, feature: int, level: int) -> int | None:
    label = int(taxonomy.array("taxonomy_labels")[level, _row(taxonomy, feature)])
    return None if label < 0 else label


def noise_table(view: NoiseView) -> Table:
    """Features in no cluster of a level, by id."""
    columns = [Column("feature", "feature", "number"), Column("tokens", "its own tokens")]
    if above := view.level.level:
        columns.insert(1, Column("above", f"in L{above - 1}"))
    rows = []
    for member, cluster in zip(view.members, view.above):
        values: list[Any] = [member.feature, tokens_line(member.tokens)]
        if above:
            values.insert(1, cluster_name(above - 1, -1 if cluster is None else cluster))
        rows.append(tuple(values))
    return Table("noise", "Features that are noise", tuple(columns), tuple(rows))


def _above(taxonomy: Taxonomy, record: ClusterRecord) -> tuple[ClusterRecord, ...]:
    found: list[ClusterRecord] = []
    while record.parent is not None:
        record = taxonomy.cluster(record.level - 1, record.parent)
        found.append(record)
    return tuple(reversed(found))


def _row(taxonomy: Taxonomy, feature: int) -> int | None:
    """Where a feature stands among the clustered ones; None where it is not one of them."""
    rows = np.flatnonzero(taxonomy.array("taxonomy_features") == feature)
    return int(rows[0]) if len(rows) else None


def _member(taxonomy: Taxonomy, feature: int, level: int) -> Member:
    row = _row(taxonomy, feature)
    assert row is not None
    match, cosine = (float(taxonomy.array(f"taxonomy_{name}")[level, row]) for name in ("match", "cosine"))
    return Member(feature, match, cosine, taxonomy.feature_tokens(feature))


def explore_feature(results: TaxonomyResults, taxonomy: Taxonomy, feature: int) -> FeatureView:
    """Where a feature of the SAE lies at each level.

    Raises:
        UserError: There is no such feature, or it was not clustered; says why.
    """
    tokens = taxonomy.feature_tokens(feature)
    row = _row(taxonomy, feature)
    if row is None:
        raise UserError(f"Feature {feature} is in no cluster: {_why_not(results, taxonomy, feature)}.")
    labels = [int(label) for label in taxonomy.array("taxonomy_labels")[:, row]]
    return FeatureView(
        feature=feature,
        tokens=tokens,
        clusters=tuple(None if label < 0 else taxonomy.cluster(level, label) for level, label in enumerate(labels)),
        places=tuple(_member(taxonomy, feature, level) for level in range(len(labels))),
        noise=tuple(level.noise for level in results.levels),
    )


def _why_not(results: TaxonomyResults, taxonomy: Taxonomy, feature: int) -> str:
    junk, order = results.junk, results.order
    found = int(taxonomy.array("feature_junk")[feature])
    if junk.applied and junk.threshold and found >= junk.threshold:
        return f"{found} of its top {junk.top} tokens are junk, so that it was left out"
    if order.sampled and (found >= 0 or not junk.applied):
        return f"it is not among the {order.n:,} features drawn of {order.kept:,}"
    return "its decoder row is zero (a dead feature), so that it was left out"


def overview_tables(results: TaxonomyResults) -> tuple[Table, Table]:
    """The levels, and the largest clusters of level 0."""
    return levels_table(results), largest_table(results, LARGEST)


def view_tables(view: ClusterView) -> tuple[Table, Table, Table]:
    """A cluster's quality beside its level's and the nulls', its children, its members."""
    return quality_table(view.record, view.level), children_table(view.children), members_table(view.members)


def members_table(members: tuple[Member, ...]) -> Table:
    """Features in a cluster, nearest to its direction first."""
    columns = [Column("feature", "feature", "number")]
    columns += [Column("match", "match", "cosine")] if any(not math.isnan(m.match) for m in members) else []
    columns += [Column("cosine", "cos", "cosine", "with the cluster's direction", 1), Column("tokens", "its own tokens")]
    names = {column.name for column in columns}
    rows = []
    for member in members:
        values = {"feature": member.feature, "match": member.match, "cosine": member.cosine, "tokens": tokens_line(member.tokens)}
        rows.append(tuple(values[name] for name in ("feature", "match", "cosine", "tokens") if name in names))
    return Table("members", "Features nearest to its direction", tuple(columns), tuple(rows))


def feature_table(view: FeatureView) -> Table:
    """A feature's cluster at each level."""
    columns = (
        Column("cluster", "cluster"),
        Column("size", "features", "count"),
        Column("match", "match", "cosine", priority=1),
        Column("cosine", "cos", "cosine", "of its decoder row with the cluster's direction", 1),
        Column("tokens", "tokens of the cluster"),
    )
    rows: list[tuple[Any, ...]] = []
    for level, (record, place) in enumerate(zip(view.clusters, view.places)):
        if record is None:
            rows.append((cluster_name(level, -1), view.noise[level], None, None, "in no cluster"))
        else:
            rows.append((cluster_name(level, record.cluster), record.size, place.match, place.cosine, said_by(record)))
    return Table("feature", "Where it lies", columns, tuple(rows))
