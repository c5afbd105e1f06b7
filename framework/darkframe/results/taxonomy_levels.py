"""Records of one level of a taxonomy: its figures beside those of rows without structure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LevelQuality:
    """What one clustering is like at one level, of the real rows or of a null's. u is a row scaled to length 1.

    Attributes:
        clusters: Clusters that have members.
        singletons: Clusters of one.
        noise: Rows in no cluster.
        largest_share: Rows in the largest cluster / all rows: lower is less of a catch-all.
        cohesion: Mean cosine over all pairs of members of the same cluster: Σ_c (‖Σu‖² − m) / Σ_c m (m − 1), m the size of
            cluster c; NaN without pairs.
        silhouette: Mean of (b − a) / max(a, b) by cosine distance, a the mean distance to the other members of the row's cluster,
            b the least mean distance to another cluster; singletons and noise 0; of at most ``taxonomy.silhouette_rows`` rows
            against all rows of every cluster; NaN with fewer than two clusters.
        match: Mean match of rows with their cluster by the method's own match function; NaN where the method has none.
        width: Mean box width, weighted by cluster size, in units of the rows' range; NaN where there are no boxes.
        stability: Mean adjusted Rand index between the labels of different row orders, a noise row a cluster of its own; 0 where
            one is trivial (a single cluster, or every row its own); NaN with a single order.

    Computed in:
        studies/taxonomy/quality.py, numerics/clusters.py
    """

    clusters: int
    singletons: int
    noise: int
    largest_share: float
    cohesion: float
    silhouette: float
    match: float
    width: float
    stability: float


@dataclass(frozen=True)
class NullLevel:
    """The draws of one null at one level.

    Attributes:
        name: ``isotropic`` (directions uniform over the sphere, the real rows' lengths) or ``covariance`` (elliptical rows,
            Gaussian where the real ones are, with the real ones' lengths, mean and covariance).
        draws: One for each data set of the null put through the same clusterer.

    Computed in:
        studies/taxonomy/quality.py, numerics/null_rows.py
    """

    name: str
    draws: tuple[LevelQuality, ...]


@dataclass(frozen=True)
class Level:
    """One level, against chance.

    Attributes:
        level: 0 is the coarsest.
        vigilance: ρ, or None.
        rows: Rows that ``quality``, the orders and the nulls were computed on (all, or a sample of ``taxonomy.check_rows``).
        clusters: Clusters with members, of the clustering of all rows, as the following five.
        noise: Rows in no cluster.
        largest: Rows in the largest cluster.
        largest_share: That, of all rows.
        singletons: Clusters of one.
        median_size: Median members of a cluster that has any.
        quality: Of the real rows.
        nulls: The same of rows without structure.
        orders: (pairs,) adjusted Rand index of each pair of row orders.
        beats_null: Whether the level holds structure that the nulls do not: cohesion and stability both lie above the cut that
            one more draw of a null passes with probability 0.05 / levels.
        reason: By which figures.

    Computed in:
        studies/taxonomy/run.py, studies/taxonomy/judge.py
    """

    level: int
    vigilance: float | None
    rows: int
    clusters: int
    noise: int
    largest: int
    largest_share: float
    singletons: int
    median_size: float
    quality: LevelQuality
    nulls: tuple[NullLevel, ...]
    orders: tuple[float, ...]
    beats_null: bool
    reason: str
