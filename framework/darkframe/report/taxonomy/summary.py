"""What a taxonomy says in one screen: the finding, its levels beside their nulls, the largest clusters, the files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from darkframe.report.summary import Summary, existing, shown_files
from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.words import Figure, by_chance, cluster_name, has_noise, level_label, tokens_line, votes_line
from darkframe.report.text import cosine, seconds, share, tenths, visible
from darkframe.results import ClusterRecord, Level, TaxonomyResults

FIGURE_NAMES = (
    "taxonomy_overview",
    "sunburst",
    "feature_map",
    "cluster_sizes",
    "levels_vs_null",
    "size_vs_specificity",
    "vigilance_curve",
    "pca_landscape",
)
"""The study's figures, the most telling first."""
LARGEST_SHOWN = 10

Row = tuple[str, str, str]


def summarise_taxonomy(results: TaxonomyResults, path: Path) -> Summary:
    """The summary of the taxonomy of the run in the directory ``path``."""
    conclusion = results.conclusion
    return Summary(
        title=taxonomy_title(results),
        finding=conclusion.verdict,
        headline=visible(conclusion.headline),
        text=visible(conclusion.text),
        cautions=tuple(visible(caution) for caution in conclusion.cautions),
        numbers=taxonomy_numbers(results),
        highlights=largest_table(results),
        figures=existing(path, *(f"figures/{name}.png" for name in FIGURE_NAMES)),
        files=shown_files(path),
        pages=existing(path, "taxonomy.html", "figures/sunburst.html"),
        path=path,
    )


def taxonomy_title(results: TaxonomyResults) -> str:
    """Which model, SAE, site and clusterer the taxonomy is about."""
    source, name = results.source, str(results.clusterer.get("name", "?"))
    model, dictionary = (str(source.get(key, "?")) for key in ("model", "dictionary"))
    site = [] if results.dictionary.site in dictionary else [results.dictionary.site]
    return visible(" · ".join([model, dictionary, *site, name, f"{results.order.n:,} features"]))


def taxonomy_numbers(results: TaxonomyResults) -> Table:
    """The key figures, each beside the same figure by chance."""
    columns = (Column("measure", "measure"), Column("value", "this run"), Column("chance", "by chance or beside it"))
    rows = [*_feature_rows(results)]
    for level in results.levels:
        rows += _level_rows(level, results.conclusion.text, results.order.n)
    rows += _placement_rows(results)
    return Table("taxonomy_summary", "Key numbers beside their nulls", columns, tuple(rows))


def _feature_rows(results: TaxonomyResults) -> list[Row]:
    junk, order, pca, fit = results.junk, results.order, results.pca, results.fit
    left_out = f"{junk.filtered:,} junk" if junk.applied else "no junk filter"
    dead = f", {results.dictionary.dead:,} dead left out" if results.dictionary.dead else " left out" if junk.applied else ""
    drawn = f"drawn of {order.kept:,}" if order.sampled else f"of {junk.total:,}"
    rows = [("features clustered", f"{order.n:,}", f"{drawn}; {left_out}{dead}")]
    if pca.dims is not None:
        rows.append(("PCA dimensions", f"{pca.dims:,}", f"of {pca.of:,}, {share(pca.share)} of the variance"))
    outcome = "" if fit.converged else "NOT CONVERGED, "
    rows.append(("time to cluster", seconds(fit.seconds), f"{outcome}{fit.rows:,} rows × {fit.dims:,} dims"))
    return rows


def _level_rows(level: Level, said: str, n: int) -> list[Row]:
    """A level's figures; why it beats the null or not, where the conclusion has not ``said`` it."""
    name, quality = f"L{level.level}", level.quality
    rows = [
        (f"{level_label(level)} clusters", f"{level.clusters:,}", _beside(level, lambda q: q.clusters, tenths)),
        (f"{name} in the largest", share(level.largest_share), _beside(level, lambda q: q.largest_share, share)),
    ]
    if has_noise(level):
        noise = f"{level.noise:,} ({share(level.noise / max(n, 1))})"
        rows.insert(1, (f"{name} noise, in no cluster", noise, _beside(level, lambda q: q.noise / max(level.rows, 1), share)))
    figures: tuple[tuple[str, Figure], ...] = (
        ("cohesion (cosine)", lambda q: q.cohesion),
        ("silhouette (cosine)", lambda q: q.silhouette),
        ("match", lambda q: q.match),
        ("order stability (ARI)", lambda q: q.stability),
    )
    for measure, figure in figures:
        if not math.isnan(figure(quality)):
            rows.append((f"{name} {measure}", cosine(figure(quality)), _beside(level, figure, cosine)))
    if level.nulls:
        reason = "" if level.reason in said else visible(level.reason)
        rows.append((f"{name} beats the null", "yes" if level.beats_null else "NO", reason))
    return rows


def _beside(level: Level, figure: Figure, written: Callable[[float], str]) -> str:
    return by_chance(level, figure, written) or ("no clusters to have one" if level.nulls else "no nulls drawn")


def _placement_rows(results: TaxonomyResults) -> list[Row]:
    placement = results.placement
    if placement is None or not placement.outside:
        return []
    total, finest = len(placement.components), len(placement.outside) - 1
    chance = placement.outside_by_chance[finest] if finest < len(placement.outside_by_chance) else {}
    expected = ", ".join(f"{share(value)} {name}" for name, value in chance.items())
    return [(f"dark components outside L{finest}", f"{placement.outside[finest]} of {total}", expected)]


def largest_table(results: TaxonomyResults, most: int = LARGEST_SHOWN) -> Table:
    """The largest clusters of level 0 with what they say."""
    columns = (
        Column("cluster", "cluster"),
        Column("size", "features", "count"),
        Column("share", "share", "share", "of all features clustered", 2),
        Column("children", "children", "count", priority=1),
        Column("cohesion", "cohesion", "cosine", "mean pairwise cosine of its members", 1),
        Column("tokens", "tokens"),
    )
    rows = [_largest_row(record, results) for record in results.clusters[:most]]
    if results.levels and (noise := results.levels[0].noise):
        rows.append((cluster_name(0, -1), noise, noise / max(results.order.n, 1), None, None, "in no cluster"))
    return Table("largest", "Largest clusters of level 0", columns, tuple(rows))


def _largest_row(record: ClusterRecord, results: TaxonomyResults) -> tuple[object, ...]:
    part = record.size / max(results.order.n, 1)
    children = record.children if len(results.levels) > 1 else None
    name = cluster_name(record.level, record.cluster)
    return (name, record.size, part, children, record.cohesion, said_by(record))


def said_by(record: ClusterRecord, most: int | None = None) -> str:
    """What a cluster says: its tokens by the differential logit lens, or else its members' votes."""
    return tokens_line(record.tokens, most) or votes_line(record.votes, most)
