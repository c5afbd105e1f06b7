"""Step 9, as far as it is computed: the vigilance curve and the UMAP embedding."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import OutOfMemoryError, ParameterError
from darkframe.lm.quiet import quiet
from darkframe.numerics.null_rows import CovarianceNull
from darkframe.results import Curve, CurvePoint
from darkframe.store.records import record_from_plain
from darkframe.studies.taxonomy.base import TaxonomyStudy
from darkframe.studies.taxonomy.fit import Fitted
from darkframe.studies.taxonomy.rows import Clustered, prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32

CURVE, EMBEDDING = 5, 6
"""Purposes of random numbers."""

NEIGHBOURS, LEAST = 15, 5


def curve(study: TaxonomyStudy, clustered: Clustered, fitted: Fitted) -> tuple[Curve, float]:
    """Clusters and the largest one's share at each vigilance, of a sample of the rows and of a covariance null.

    A clusterer of several levels is run with one level at a time, which is its base.
    """
    params, n = study.params, len(clustered.features)
    count = min(n, params.curve_rows)
    if note := _no_curve(study):
        return Curve(count, (), note), 0.0

    def compute(_: object) -> tuple[Curve, dict[str, NDArray[Any]]]:
        return _curve(study, clustered, count), {}

    inputs = {"rows": clustered.key, "vigilances": params.curve, "count": count, **study.identity()}
    outcome = study.step("curve", inputs, compute)
    return record_from_plain(Curve, outcome.record), outcome.seconds


def _no_curve(study: TaxonomyStudy) -> str:
    """Why there is no curve; empty where there is one."""
    info = study.make_clusterer.info
    if not study.params.curve:
        return "taxonomy.curve is empty."
    if not info.vigilance or "rho" not in {field.name for field in fields(info.params)}:
        return f"{info.name} has no vigilance."
    return ""


def _curve(study: TaxonomyStudy, clustered: Clustered, count: int) -> Curve:
    rng, n = study.rng(CURVE), len(clustered.features)
    rows = clustered.rows(np.sort(rng.choice(n, size=count, replace=False)) if count < n else None)
    drawn = CovarianceNull(rows).draw(rng)
    dims = study.params.pca_dims
    if dims is not None and dims > min(count - 1, rows.shape[1]):
        return Curve(count, (), f"{count:,} rows (taxonomy.curve_rows) have fewer than {dims:,} principal axes.")
    real, null = prepared(study, rows), prepared(study, drawn)
    several, points = isinstance(study.make_clusterer.params.rho, tuple), []
    with study.progress.task("vigilance curve", len(study.params.curve), "vigilances") as task:
        for vigilance in sorted(study.params.curve):
            rho = (vigilance,) if several else vigilance
            try:
                points.append(CurvePoint(vigilance, *_top_level(study, real, rho), *_top_level(study, null, rho)))
            except ParameterError as error:
                return Curve(count, (), f"{study.make_clusterer.info.name} takes no vigilance of {vigilance:g}: {error.message}")
            task.advance()
    return Curve(count, tuple(points))


def _top_level(study: TaxonomyStudy, vectors: NDArray[Any], rho: object) -> tuple[int, float]:
    labels = study.cluster(vectors, rho=rho).labels[0]
    sizes = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(1, np.int64)
    return int((sizes > 0).sum()), float(sizes.max()) / len(labels)


def embedding(study: TaxonomyStudy, clustered: Clustered) -> tuple[str, float]:
    """Arrays ``embedding`` and ``embedding_rows``; returns why there are none, or nothing, and the seconds taken."""

    def compute(_: object) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
        chosen, points, note = _embed(study, clustered)
        return {"note": note}, {"embedding": points, "embedding_rows": chosen}

    outcome = study.step("embedding", {"rows": clustered.key, "count": study.params.embedding_rows}, compute)
    return str(outcome.record["note"]), outcome.seconds


def _embed(study: TaxonomyStudy, clustered: Clustered) -> tuple[NDArray[np.int64], F32, str]:
    nowhere, n, most = np.empty((0, 2), np.float32), len(clustered.features), study.params.embedding_rows
    if not most:
        return np.empty(0, np.int64), nowhere, "taxonomy.embedding_rows is 0."
    if n < LEAST:
        return np.empty(0, np.int64), nowhere, f"{n} rows are too few for UMAP."
    rng = study.rng(EMBEDDING)
    chosen = np.arange(n) if n <= most else np.sort(rng.choice(n, size=most, replace=False))
    with study.progress.task("UMAP", None, "") as task:
        task.note(f"{len(chosen):,} rows; compiling takes a while")
        points, note = umap_of(clustered.vectors(chosen), study.config.seed)
    return (np.empty(0, np.int64), nowhere, note) if points is None else (chosen.astype(np.int64), points, "")


def umap_of(vectors: NDArray[Any], seed: int) -> tuple[F32 | None, str]:
    """UMAP in two dimensions by cosine distance, seeded and so on a single thread; or None and the reason."""
    with quiet():
        try:
            from umap import UMAP
        except ImportError as error:
            return None, f"umap-learn cannot be imported: {error}."
        try:
            reducer = UMAP(
                n_components=2, n_neighbors=min(NEIGHBOURS, len(vectors) - 1), metric="cosine", random_state=seed, n_jobs=1
            )
            return np.asarray(reducer.fit_transform(vectors), np.float32), ""
        except MemoryError as error:
            raise OutOfMemoryError("Memory ran out during UMAP.", hint="Lower taxonomy.embedding_rows.") from error
        except Exception as error:  # a picture; whatever it cannot take must not cost the study
            return None, f"UMAP failed: {type(error).__name__}: {error}."
