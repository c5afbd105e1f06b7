"""The result of the taxonomy study, as written to ``taxonomy.json``. Every figure is defined where it stands.

u is a feature's decoder row scaled to length 1; a cluster's direction is the mean of its members' u. Features are told by their
ids in the SAE. Clusters are told as ``L0:3``: cluster 3 of level 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.results.placement import Placement


@dataclass(frozen=True)
class Spread:
    """Least, greatest, mean and standard deviation of some values."""

    min: float
    max: float
    mean: float
    sd: float


@dataclass(frozen=True)
class DictionaryRecord:
    """Step 1.

    Attributes:
        site: Layer or hook point whose dictionary this is.
        available: Sites the source's release has dictionaries for, as far as it says.
        n_features, d_model: Shape of W_dec.
        norms: Of the lengths of its rows.
        dead: Rows of zero length, which have no direction and are left out.
    """

    site: str
    available: tuple[str, ...]
    n_features: int
    d_model: int
    norms: Spread
    dead: int


@dataclass(frozen=True)
class JunkRecord:
    """Steps 2 and 3: the logit lens (final norm, then unembedding) over every decoder row, and the junk filter.

    Attributes:
        applied: False where the source has no unembedding or cannot tell what tokens read; ``note`` says so.
        note: What was left out and why, or empty.
        top: Tokens a feature is read by.
        threshold: Junk tokens among them from which on a feature is junk.
        total, kept, filtered: Features (dead ones count as neither kept nor filtered).
        counts: (top + 1,) live features with 0, 1, … junk tokens; empty where the filter was not applied.
    """

    applied: bool
    note: str
    top: int
    threshold: int
    total: int
    kept: int
    filtered: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class OrderRecord:
    """Step 4. ``sampled``: whether n of the ``kept`` features were drawn, or all were put in random order."""

    seed: int
    kept: int
    n: int
    sampled: bool


@dataclass(frozen=True)
class PcaLandscape:
    """Step 5.

    Attributes:
        dims: Dimensions kept, or None: the rows as they are.
        share: Of the rows' variance in them.
        needed: Dimensions for a share of variance, by ``"50 %"``, ``"80 %"``, ``"90 %"``, ``"95 %"``, ``"99 %"``.
        of: Dimensions there are: min(n − 1, d).
    """

    dims: int | None
    share: float
    needed: Mapping[str, int]
    of: int


@dataclass(frozen=True)
class LevelQuality:
    """What one clustering is like at one level, of the real rows or of a null's.

    Attributes:
        clusters, singletons, noise: Counts; noise is rows in no cluster.
        largest_share: Rows in the largest cluster / all rows: lower is less of a catch-all.
        cohesion: Mean pairwise cosine within clusters, over all pairs of members of the same cluster; NaN without pairs.
        silhouette: Mean silhouette by cosine distance, (b − a) / max(a, b), singletons and noise 0, of at most
            ``taxonomy.silhouette_rows`` rows against all rows of every cluster; NaN with fewer than two clusters.
        match: Mean match of rows with their cluster; NaN where the method has none.
        width: Mean box width, weighted by cluster size; NaN where there are no boxes.
        stability: Mean adjusted Rand index between the labels of different row orders, a noise row a cluster of its own; 0 where
            one is trivial (a single cluster, or every row its own); NaN with a single order.
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
        clusters, noise, largest, largest_share, singletons, median_size: Of the clustering of all rows.
        quality: Of the real rows.
        nulls: The same of rows without structure.
        orders: (pairs,) adjusted Rand index of each pair of row orders.
        beats_null: Whether the level holds structure that the nulls do not; ``reason`` says by which figures.
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


@dataclass(frozen=True)
class Vote:
    """A token and how many members of a cluster have it among their own top tokens."""

    token: int
    text: str
    members: int


@dataclass(frozen=True)
class ClusterRecord:
    """One cluster; texts are not escaped: whoever shows them escapes them.

    Attributes:
        level, cluster, parent: Ids; ``parent`` is None at level 0.
        size, children: Members, clusters of the next level in it.
        tokens: Differential logit lens: the top tokens of (mean of the members' decoder rows − mean of all live decoder rows of
            the dictionary, clustered or not) → final norm → unembedding; empty without an unembedding, and where not read.
        logits: Their logits.
        votes: Tokens most often among the members' own top tokens.
        cohesion: Mean pairwise cosine of its members; NaN for one member.
        separation: 1 − the largest cosine of its direction with that of another cluster of the level; NaN alone.
        width: Mean box width over the dimensions, scaled units (the box specificity); NaN without boxes.
        match, match_min: Mean and least match of its members; NaN without.
        margin: Mean activation margin of its members; NaN without.
        features: The ids of its members nearest to its direction, at most 20.
    """

    level: int
    cluster: int
    parent: int | None
    size: int
    children: int
    tokens: tuple[str, ...]
    logits: tuple[float, ...]
    votes: tuple[Vote, ...]
    cohesion: float
    separation: float
    width: float
    match: float
    match_min: float
    margin: float
    features: tuple[int, ...]


@dataclass(frozen=True)
class Drill:
    """One of the largest clusters of level 0 with its largest children."""

    cluster: ClusterRecord
    children: tuple[ClusterRecord, ...]


@dataclass(frozen=True)
class ClusterFit:
    """Step 6: what the fit says of itself; see ``darkframe.interfaces.Diagnostics``."""

    rows: int
    dims: int
    seconds: float
    converged: bool
    iterations: int
    warnings: tuple[str, ...]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class CurvePoint:
    """One vigilance: the clustering of a sample of the rows beside that of as many rows of a covariance null (level 0)."""

    vigilance: float
    clusters: int
    largest_share: float
    null_clusters: int
    null_largest_share: float


@dataclass(frozen=True)
class Curve:
    """The vigilance curve.

    Attributes:
        rows: Rows of the sample.
        points: By vigilance; empty where the clusterer has none, or with ``note``.
        note: Why it was left out, or empty.
    """

    rows: int
    points: tuple[CurvePoint, ...]
    note: str = ""


@dataclass(frozen=True)
class TaxonomyConclusion:
    """The verdict in words.

    Attributes:
        verdict: ``structure`` (every level beats the null), ``some`` (not all do), ``nothing``, or ``unjudged`` (no nulls).
        headline: One sentence.
        text: What it rests on.
        cautions: What a reader must know.
    """

    verdict: str
    headline: str
    text: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class TaxonomyResults:
    """Everything the study found; arrays (``darkframe.results.TAXONOMY_ARRAYS``) lie beside it in the run directory.

    Attributes:
        clusters: The largest clusters of level 0, at most 200, largest first; the table ``clusters`` has all of every level.
        drill: The largest of level 0 with their largest children; empty for a flat clustering.
        placement: Where the dark components fall, where the run has a decomposer too.
    """

    schema: int
    study: str
    source: Mapping[str, Any]
    clusterer: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    dictionary: DictionaryRecord
    junk: JunkRecord
    order: OrderRecord
    pca: PcaLandscape
    fit: ClusterFit
    levels: tuple[Level, ...]
    curve: Curve
    clusters: tuple[ClusterRecord, ...]
    drill: tuple[Drill, ...]
    conclusion: TaxonomyConclusion
    seconds: Mapping[str, float]
    placement: Placement | None = None
