"""Step 6: the clustering of all rows, and what is counted off it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Clustering, Keeps
from darkframe.numerics.clusters import sizes_of
from darkframe.results import ClusterFit
from darkframe.store.records import record_from_plain
from darkframe.studies.taxonomy.base import TaxonomyStudy
from darkframe.studies.taxonomy.rows import Clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64


@dataclass(frozen=True, eq=False)
class Fitted:
    """The clustering of all rows, as kept on disk.

    Attributes:
        key, seconds: Of the step.
        record: What the fit says of itself.
        labels: (levels, n) int64.
        counts: Clusters of each level, those without members included.
        vigilance: ρ of each level, or None.
        match: (levels, n), NaN without.
        width: For each level, (clusters,) NaN without boxes.
    """

    key: str
    seconds: float
    record: ClusterFit
    labels: I64
    counts: tuple[int, ...]
    vigilance: tuple[float | None, ...]
    match: F64
    width: tuple[F64, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each level begins among all clusters, and where the last one ends."""
        return (0, *np.cumsum(self.counts).tolist())


def level_counts(clustering: Clustering) -> tuple[int, ...]:
    """Clusters of each level, those without members included."""
    counts = []
    for level, labels in enumerate(clustering.labels):
        parents = len(clustering.parents[level - 1]) if level else 0
        known = clustering.clusters[level] if clustering.clusters else 0
        widths = len(clustering.width[level]) if clustering.width else 0
        counts.append(max(int(labels.max(initial=-1)) + 1, parents, known, widths))
    return tuple(counts)


def level_widths(clustering: Clustering) -> tuple[F64, ...]:
    """Mean box width of every cluster of each level, NaN without boxes."""
    padded = []
    for level, count in enumerate(level_counts(clustering)):
        out = np.full(count, np.nan)
        if clustering.width:
            out[: len(clustering.width[level])] = clustering.width[level]
        padded.append(out)
    return tuple(padded)


def fit(study: TaxonomyStudy, clustered: Clustered) -> Fitted:
    """Cluster all rows, or read the clustering back if it is on disk."""

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return _compute(study, clustered)

    inputs = {"rows": clustered.key, "keep_model": study.params.keep_model, **study.identity()}
    outcome = study.step("cluster", inputs, compute)
    arrays, counts = outcome.arrays, tuple(outcome.record["counts"])
    starts = (0, *np.cumsum(counts).tolist())
    width = np.asarray(arrays["cluster_width"])
    fitted = Fitted(
        key=outcome.key,
        seconds=outcome.seconds,
        record=record_from_plain(ClusterFit, outcome.record["fit"]),
        labels=np.asarray(arrays["taxonomy_labels"]),
        counts=counts,
        vigilance=tuple(outcome.record["vigilance"]),
        match=np.asarray(arrays["taxonomy_match"]),
        width=tuple(width[start:stop] for start, stop in pairwise(starts)),
    )
    members = (len(np.unique(labels[labels >= 0])) for labels in fitted.labels)
    told = ", ".join(f"L{level} {count:,}" for level, count in enumerate(members))
    study.progress.step("cluster", f"{told} clusters of {len(clustered.features):,} features, {fitted.record.seconds:,.1f} s")
    return fitted


def _compute(study: TaxonomyStudy, clustered: Clustered) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    clusterer, vectors = study.make_clusterer(), clustered.vectors()
    started = time.perf_counter()
    clustering = clusterer.fit(vectors, study.context())
    seconds = time.perf_counter() - started
    said, counts = clustering.diagnostics, level_counts(clustering)
    record = ClusterFit(
        rows=len(vectors),
        dims=vectors.shape[1],
        seconds=seconds,
        converged=said.converged,
        iterations=said.iterations,
        warnings=tuple(said.warnings),
        details=said.details,
    )
    levels = len(counts)
    nothing = np.full((levels, len(vectors)), np.nan)
    arrays: dict[str, NDArray[Any]] = {
        "taxonomy_labels": np.asarray(clustering.labels, np.int64),
        "taxonomy_match": nothing if clustering.match is None else np.asarray(clustering.match, np.float64),
        "taxonomy_margin": nothing if clustering.margin is None else np.asarray(clustering.margin, np.float64),
        "taxonomy_lower": vectors.min(axis=0).astype(np.float64),
        "taxonomy_upper": vectors.max(axis=0).astype(np.float64),
        **_counted(clustering, counts),
    }
    if study.params.keep_model and isinstance(clusterer, Keeps):
        arrays |= {f"model_{name}": np.asarray(array) for name, array in clusterer.state().items()}
    vigilance: list[float | None] = [float(value) for value in clustering.vigilance] or [None] * levels
    return {"fit": record, "counts": counts, "vigilance": vigilance}, arrays


def _counted(clustering: Clustering, counts: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """The arrays ``cluster_…`` that labels, parents, match and margin give."""
    parts: dict[str, list[NDArray[Any]]] = {}

    def add(name: str, values: NDArray[Any]) -> None:
        parts.setdefault(f"cluster_{name}", []).append(values)

    widths = level_widths(clustering)
    for level, count in enumerate(counts):
        labels = np.asarray(clustering.labels[level], np.int64)
        parents = np.full(count, -1, np.int64)
        if level:
            parents[: len(clustering.parents[level - 1])] = clustering.parents[level - 1]
        add("level", np.full(count, level, np.int64))
        add("id", np.arange(count, dtype=np.int64))
        add("parent", parents)
        add("size", sizes_of(labels, count))
        below = np.asarray(clustering.parents[level], np.int64) if level + 1 < len(counts) else np.empty(0, np.int64)
        add("children", sizes_of(below, count))
        add("width", widths[level])
        match = None if clustering.match is None else clustering.match[level]
        add("match", _mean_by(labels, match, count))
        add("match_min", _least_by(labels, match, count))
        add("margin", _mean_by(labels, None if clustering.margin is None else clustering.margin[level], count))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _mean_by(labels: I64, values: F64 | None, count: int) -> F64:
    """Mean of the values of each cluster's members, NaN ones left out; NaN where there are none."""
    if values is None:
        return np.full(count, np.nan)
    known = (labels >= 0) & ~np.isnan(values)
    total = np.bincount(labels[known], weights=values[known], minlength=count)
    many = np.bincount(labels[known], minlength=count)
    out: F64 = np.where(many > 0, total / np.maximum(many, 1), np.nan)
    return out


def _least_by(labels: I64, values: F64 | None, count: int) -> F64:
    out = np.full(count, np.inf)
    if values is not None:
        known = (labels >= 0) & ~np.isnan(values)
        np.minimum.at(out, labels[known], values[known])
    return np.where(np.isfinite(out), out, np.nan)
