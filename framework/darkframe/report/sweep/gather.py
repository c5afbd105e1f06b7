"""A sweep as it lies on disk, and the figures that its cells are compared by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from darkframe.errors import DarkframeError
from darkframe.results import DarkMatterResults, Level, NullLevel, TaxonomyResults
from darkframe.results.sweep import DONE, WAITING, Axis, DarkFigures, LevelFigures, SweepCell, SweepResults, TaxonomyFigures
from darkframe.store.run import RunDir
from darkframe.store.sweep import SweepDir


def sweep_results(sweep: SweepDir) -> SweepResults:
    """The comparison of all cells, from their runs.

    Raises:
        StoreError: The run of a finished cell is damaged.
    """
    axes = tuple(axis_of(record) for record in sweep.manifest["axes"])
    return SweepResults(dict(sweep.manifest["base"]), axes, tuple(cell_figures(sweep, record) for record in sweep.cells))


def axis_of(record: dict[str, object]) -> Axis:
    """An axis as the manifest keeps it."""
    values, texts = record["values"], record["texts"]
    assert isinstance(values, list) and isinstance(texts, list)
    read = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return Axis(str(record["name"]), str(record["title"]), read, tuple(map(str, texts)))


def is_done(path: Path) -> bool:
    """Whether a finished run lies there."""
    try:
        return RunDir.open(path).manifest.get("status") == "done"
    except DarkframeError:
        return False


def cell_figures(sweep: SweepDir, record: dict[str, object]) -> SweepCell:
    """One cell, from its run.

    Raises:
        StoreError: It is finished, but damaged.
    """
    path, status = sweep.cell_path(record), str(record["status"])
    taxonomy, dark = None, None
    if status == DONE and not is_done(path):  # its run was deleted
        status = WAITING
    if status == DONE:
        run = RunDir.open(path)
        config = run.manifest.get("config") or {}
        organised = run.taxonomy() if "clusterer" in config else None
        taxonomy = taxonomy_figures(organised) if organised else None
        dark = dark_figures(run.results()) if "decomposer" in config else None
    values, seconds, number = record["values"], record["seconds"], record["number"]
    assert isinstance(values, list) and isinstance(number, int)
    return SweepCell(
        number=number,
        folder=f"cells/{record['folder']}",
        values=tuple(map(str, values)),
        status=status,
        error=str(record["error"] or ""),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        taxonomy=taxonomy,
        dark=dark,
    )


def taxonomy_figures(results: TaxonomyResults) -> TaxonomyFigures:
    """What a taxonomy is compared by."""
    largest = max(results.clusters, key=lambda cluster: cluster.size, default=None)
    return TaxonomyFigures(
        dims=results.fit.dims,
        variance=results.pca.share,
        levels=tuple(_level(level, results.order.n) for level in results.levels),
        verdict=results.conclusion.verdict,
        fit_seconds=results.fit.seconds,
        tokens=largest.tokens if largest else (),
    )


def _level(level: Level, n: int) -> LevelFigures:
    return LevelFigures(
        clusters=level.clusters,
        largest_share=level.largest_share,
        silhouette=level.quality.silhouette,
        silhouette_null=_harder(level.nulls),
        stability=level.quality.stability,
        beats_null=level.beats_null,
        noise=level.noise / max(n, 1),
    )


def _harder(nulls: Sequence[NullLevel]) -> float:
    """Mean silhouette over the draws of the null where it is largest; draws without one are left out."""
    means = []
    for null in nulls:
        drawn = [draw.silhouette for draw in null.draws if math.isfinite(draw.silhouette)]
        if drawn:
            means.append(sum(drawn) / len(drawn))
    return max(means, default=math.nan)


def dark_figures(results: DarkMatterResults) -> DarkFigures:
    """What a dark-matter study is compared by."""
    match, stability, fit = results.match, results.stability, results.decompose
    expected = match.expected_novel
    return DarkFigures(
        components=fit.n_components,
        converged=fit.converged,
        beat_null=results.conclusion.beat_null,
        novel=match.novel,
        novel_null=expected.get("elliptical", max(expected.values(), default=math.nan)),
        stability=stability.index_mean,
        stability_null=math.nan if stability.index_null_mean is None else stability.index_null_mean,
        explained=fit.explained_total,
        finding=results.conclusion.finding,
        fit_seconds=fit.seconds,
    )
