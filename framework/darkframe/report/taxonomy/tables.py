"""The tables of a taxonomy run, as neutral records: ``taxonomy_tables`` for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.files import write_tables
from darkframe.report.taxonomy.placed import placed_table, placement_table
from darkframe.report.taxonomy.summary import largest_table, said_by, taxonomy_numbers
from darkframe.report.taxonomy.tables_clusters import clusters_table, labels_table, records_table
from darkframe.report.taxonomy.words import cluster_name, has_noise, level_label, mean_of, votes_line
from darkframe.report.text import decimal, share

if TYPE_CHECKING:
    from darkframe.results import Level, LevelQuality, TaxonomyResults
    from darkframe.store.taxonomy import Taxonomy

__all__ = ["taxonomy_tables", "write_tables"]


def taxonomy_tables(results: TaxonomyResults, taxonomy: Taxonomy | None) -> list[Table]:
    """Every table of the study, in the order of its steps.

    Args:
        results: The study's.
        taxonomy: Its clusters one by one, for the tables ``clusters`` and ``labels``; None: ``clusters`` has those that the
            results list, and there is no ``labels``.
    """
    tables = [
        taxonomy_numbers(results),
        largest_table(results),
        dictionary_table(results),
        junk_table(results),
        pca_table(results),
        taxonomy_fit_table(results),
        levels_table(results),
        levels_vs_null_table(results),
        curve_table(results),
        drill_table(results),
        records_table(results) if taxonomy is None else clusters_table(results, taxonomy),
    ]
    if taxonomy is not None:
        tables.append(labels_table(taxonomy))
    if results.placement is not None:
        tables += [placement_table(results.placement), placed_table(results.placement)]
    return [*tables, seconds_table(results)]


def dictionary_table(results: TaxonomyResults) -> Table:
    """Steps 1 and 4: which decoder rows, and in which order."""
    dictionary, order = results.dictionary, results.order
    norms = dictionary.norms
    drawn = f"{order.n:,} of {order.kept:,} drawn at random" if order.sampled else f"all {order.n:,} in random order"
    rows = [
        ("site", dictionary.site),
        ("sites of the release", ", ".join(dictionary.available) or "not known"),
        ("decoder rows", f"{dictionary.n_features:,} × {dictionary.d_model:,}"),
        ("row norms", f"{decimal(norms.min)} to {decimal(norms.max)}, mean {decimal(norms.mean)}, sd {decimal(norms.sd)}"),
        ("dead (zero) rows left out", f"{dictionary.dead:,}"),
        ("clustered", f"{drawn}, seed {order.seed}"),
    ]
    return Table("dictionary", "The dictionary", (Column("what", "dictionary"), Column("value", "")), tuple(rows))


def junk_table(results: TaxonomyResults) -> Table:
    """Steps 2 and 3: how many features have how many junk tokens."""
    junk = results.junk
    columns = (
        Column("junk_tokens", f"junk tokens of top {junk.top}", "number"),
        Column("features", "features", "count"),
        Column("share", "share", "share"),
        Column("kept", "kept", "yes-no"),
    )
    total = max(sum(junk.counts), 1)
    kept = [not junk.threshold or i < junk.threshold for i in range(len(junk.counts))]
    rows = tuple((i, number, number / total, keep) for i, (number, keep) in enumerate(zip(junk.counts, kept)))
    caption = junk.note or (
        f"{junk.total:,} features: {junk.kept:,} kept, {junk.filtered:,} filtered. A token is junk if it decodes to U+FFFD or "
        "holds <|."
    )
    return Table("junk", "Junk filter", columns, rows, caption)


def pca_table(results: TaxonomyResults) -> Table:
    """Step 5: dimensions that a share of the variance needs."""
    pca = results.pca
    columns = (Column("share", "share of the variance"), Column("dims", "axes", "count"), Column("part", "of all axes", "share"))
    rows = [(name, dims, dims / max(pca.of, 1)) for name, dims in pca.needed.items()]
    kept = "No PCA: all dimensions were clustered."
    if pca.dims is not None:
        kept = f"{pca.dims:,} kept, {share(pca.share)} of the variance."
    caption = f"{pca.of:,} axes in all. {kept}"
    return Table("taxonomy_pca", "Variance landscape of the clustered rows", columns, tuple(rows), caption)


def taxonomy_fit_table(results: TaxonomyResults) -> Table:
    """Step 6: what the clusterer says of its fit."""
    fit = results.fit
    rows: list[tuple[str, str]] = [
        ("clusterer", str(results.clusterer.get("name", ""))),
        ("rows × dimensions", f"{fit.rows:,} × {fit.dims:,}"),
        ("converged", "yes" if fit.converged else "NO"),
        ("iterations", f"{fit.iterations:,}"),
    ]
    rows += [(str(name), str(value)) for name, value in fit.details.items()]
    rows += [("warning", warning) for warning in fit.warnings]
    return Table("taxonomy_fit", "The clustering", (Column("what", "clusterer"), Column("value", "")), tuple(rows))


def levels_table(results: TaxonomyResults) -> Table:
    """Step 6: the levels of the clustering of all rows."""
    noisy, n = any(level.noise for level in results.levels), max(results.order.n, 1)
    columns = (
        Column("level", "level"),
        Column("vigilance", "ρ", "decimal", priority=1),
        Column("clusters", "clusters", "count"),
        Column("largest", "largest", "count", "features in the largest cluster", 2),
        Column("largest_share", "its share", "share", "features in the largest cluster / all: lower is less of a catch-all"),
        Column("median_size", "median size", "decimal", priority=2),
        Column("singletons", "of one feature", "count", priority=3),
        Column("noise", "noise", "count", "features in no cluster", 0 if noisy else 3),
        Column("noise_share", "its share", "share", "features in no cluster / all", 1 if noisy else 4),
        Column("cohesion", "cohesion", "cosine", "mean pairwise cosine within clusters", 1),
        Column("beats_null", "beats null", "yes-no"),
        Column("reason", "why", priority=4),
    )
    return Table("levels", "Levels", columns, tuple(_level_row(level, n) for level in results.levels))


def _level_row(level: Level, n: int) -> tuple[Any, ...]:
    sizes = (level.clusters, level.largest, level.largest_share, level.median_size, level.singletons)
    counts = (*sizes, level.noise, level.noise / n)
    beats = level.beats_null if level.nulls else None
    return (f"L{level.level}", level.vigilance, *counts, level.quality.cohesion, beats, level.reason)


_QUALITY = (
    Column("clusters", "clusters", "tenths"),
    Column("singletons", "singletons", "tenths", priority=3),
    Column("noise", "noise", "tenths", "rows in no cluster", 4),
    Column("largest_share", "in the largest", "share"),
    Column("cohesion", "cohesion", "cosine", "mean pairwise cosine within clusters"),
    Column("silhouette", "silhouette", "cosine", "mean silhouette by cosine distance; singletons and noise 0"),
    Column("match", "match", "cosine", "mean match of rows with their cluster", 1),
    Column("width", "box width", "cosine", "mean over rows; 0 is a point, 1 the whole range", 2),
    Column("stability", "stability", "cosine", "mean adjusted Rand index between row orders", 1),
)


def levels_vs_null_table(results: TaxonomyResults) -> Table:
    """Step 8: each level of the real rows, and the mean over each null's draws."""
    noisy = any(has_noise(level) for level in results.levels)
    quality = [replace(column, priority=1) if noisy and column.name == "noise" else column for column in _QUALITY]
    columns = (Column("level", "level"), Column("rows", "rows"), Column("draws", "draws", "number", priority=2), *quality)
    rows: list[tuple[Any, ...]] = []
    for level in results.levels:
        rows.append((level_label(level), "this run", None, *_quality_row([level.quality])))
        rows += [(level_label(level), null.name, len(null.draws), *_quality_row(list(null.draws))) for null in level.nulls]
    caption = (
        "isotropic: directions uniform over the sphere; covariance: Gaussian rows with the real ones' mean and covariance; both "
        "scaled to the real rows' lengths and put through the same clusterer. Means over the draws."
    )
    checked = results.levels[0].rows if results.levels else 0
    sample = f" All of a random sample of {checked:,} rows." if checked < results.order.n else ""
    return Table("levels_vs_null", "Levels against chance", columns, tuple(rows), caption + sample)


def _quality_row(draws: list[LevelQuality]) -> list[float]:
    return [mean_of(float(getattr(draw, column.name)) for draw in draws) for column in _QUALITY]


def curve_table(results: TaxonomyResults) -> Table:
    """Step 9: the vigilance curve."""
    columns = (
        Column("vigilance", "ρ", "decimal"),
        Column("clusters", "clusters", "count"),
        Column("null_clusters", "by chance", "count"),
        Column("largest_share", "in the largest", "share"),
        Column("null_largest_share", "by chance", "share"),
    )
    rows = tuple((p.vigilance, p.clusters, p.null_clusters, p.largest_share, p.null_largest_share) for p in results.curve.points)
    beside = f"{results.curve.rows:,} rows at level 0, beside as many of the covariance null."
    return Table("curve", "Vigilance curve", columns, rows, results.curve.note or beside)


def drill_table(results: TaxonomyResults) -> Table:
    """Step 7: the largest clusters of level 0 with their largest children."""
    columns = (
        Column("cluster", "cluster"),
        Column("child", "child"),
        Column("size", "features", "count"),
        Column("children", "children", "count", priority=2),
        Column("cohesion", "cohesion", "cosine", priority=1),
        Column("tokens", "tokens"),
        Column("votes", "votes", priority=3),
    )
    rows: list[tuple[Any, ...]] = []
    for drill in results.drill:
        for record in (drill.cluster, *drill.children):
            name = cluster_name(drill.cluster.level, drill.cluster.cluster)
            child = None if record is drill.cluster else cluster_name(record.level, record.cluster)
            words = (said_by(record), votes_line(record.votes))
            rows.append((name, child, record.size, record.children, record.cohesion, *words))
    caption = "Tokens: differential logit lens. Votes: tokens most often among the members' own, with how many have them."
    return Table("drill", "The largest clusters and their largest children", columns, tuple(rows), caption)


def seconds_table(results: TaxonomyResults) -> Table:
    """Where the time went."""
    columns = (Column("step", "step"), Column("seconds", "time", "seconds"))
    return Table("taxonomy_seconds", "Time", columns, tuple((name, float(value)) for name, value in results.seconds.items()))
