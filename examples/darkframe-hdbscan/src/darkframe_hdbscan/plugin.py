"""Offers the clusterer ``hdbscan``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import darkframe
from darkframe import param


@dataclass(frozen=True)
class HDBSCANParams:
    """Parameters of ``hdbscan``; where scikit-learn has one of the same name, it is that."""

    min_cluster_size: int = param(5, ge=2, help="Fewest vectors that make a cluster; groups below it are noise.")
    min_samples: int | None = param(
        None,
        ge=1,
        help="A vector's core distance is that to its min_samples-th neighbour, itself counted; none: min_cluster_size.",
    )
    normalise: bool = param(True, help="Scale vectors to length 1 first: Euclidean distances then rank pairs as cosines do.")
    metric: str = param("euclidean", choices=("euclidean", "manhattan", "chebyshev"), help="Distance between two vectors.")
    cluster_selection_method: str = param(
        "eom", choices=("eom", "leaf"), help="Which clusters of the tree to take: those of largest excess of mass, or its leaves."
    )
    cluster_selection_epsilon: float = param(0.0, ge=0, help="Clusters that split below this distance stay one.")
    max_cluster_size: int | None = param(None, ge=2, help="Most vectors in a cluster, for eom alone; none: no limit.")
    allow_single_cluster: bool = param(False, help="Whether all vectors may be found to be one cluster.")
    cut_distances: tuple[float, ...] = param(
        (), gt=0, help="A level of clusters for each distance instead of a selection: DBSCAN* at it; largest first."
    )
    algorithm: str = param(
        "auto", choices=("auto", "brute"), help="auto: trees, in memory for the vectors alone; brute: all distances, 16 n² bytes."
    )
    n_jobs: int = param(1, ge=1, help="Threads that look for neighbours.")


@darkframe.hookimpl
def darkframe_clusterers() -> Iterator[darkframe.ClustererInfo]:
    """Say which clusterers this plugin offers."""
    yield darkframe.ClustererInfo(
        name="hdbscan",
        target="darkframe_hdbscan.clusterer:HDBSCAN",
        summary="Clusters where vectors are dense, noise where they are not (scikit-learn's HDBSCAN).",
        params=HDBSCANParams,
        api=1,
    )
