"""The result of the taxonomy study, as written to ``taxonomy.json``. Every figure is defined where it stands.

u is a feature's decoder row scaled to length 1; a cluster's direction is the mean of its members' u. Features are told by their
ids in the SAE. Clusters are told as ``L0:3``: cluster 3 of level 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.results.placement import Placement
from darkframe.results.taxonomy_levels import Level, LevelQuality, NullLevel
from darkframe.results.taxonomy_rows import DictionaryRecord, JunkRecord, OrderRecord, PcaLandscape, Spread

__all__ = [
    "ClusterFit",
    "ClusterRecord",
    "Curve",
    "CurvePoint",
    "DictionaryRecord",
    "Drill",
    "JunkRecord",
    "Level",
    "LevelQuality",
    "NullLevel",
    "OrderRecord",
    "PcaLandscape",
    "Spread",
    "TaxonomyConclusion",
    "TaxonomyResults",
    "Vote",
]


@dataclass(frozen=True)
class Vote:
    """A token that members of a cluster have among their own top tokens.

    Attributes:
        token: Token id.
        text: What it reads, raw: whoever shows it escapes it.
        members: How many have it.

    Computed in:
        studies/taxonomy/interpret.py
    """

    token: int
    text: str
    members: int


@dataclass(frozen=True)
class ClusterRecord:
    """One cluster; texts are not escaped: whoever shows them escapes them.

    Attributes:
        level, cluster: Its level, and its id there.
        parent: Id of the cluster of the level above that it is in; None at level 0.
        size: Members.
        children: Clusters of the next level in it.
        tokens: Differential logit lens: the top tokens of (mean of the members' decoder rows − mean of all live decoder rows of
            the dictionary, clustered or not) → final norm → unembedding; empty without an unembedding, and where not read.
        logits: Their logits.
        votes: Tokens most often among the members' own top tokens.
        cohesion: Mean cosine over all pairs of its members: (‖Σu‖² − m) / (m (m − 1)) for m members; NaN for one.
        separation: 1 − the largest cosine of its direction (the mean of its members' u) with that of another cluster of the
            level; NaN alone.
        width: Mean box width over the dimensions, in units of the rows' range (the box specificity): 0 is a point; NaN without
            boxes.
        match, match_min: Mean and least match of its members; NaN without.
        margin: Mean activation margin of its members: choice of the cluster less that of the best other one; NaN without.
        features: The ids of its members nearest to its direction, at most 20.

    Computed in:
        studies/taxonomy/fit.py, studies/taxonomy/interpret.py, numerics/clusters.py
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
    """One of the largest clusters of level 0, opened.

    Attributes:
        cluster: The cluster.
        children: Its largest children, at most ``taxonomy.children``.

    Computed in:
        studies/taxonomy/run.py
    """

    cluster: ClusterRecord
    children: tuple[ClusterRecord, ...]


@dataclass(frozen=True)
class ClusterFit:
    """Step 6: what the fit says of itself; see ``darkframe.interfaces.Diagnostics``.

    Attributes:
        rows: Rows clustered.
        dims: Dimensions of each.
        seconds: Wall time of the clustering alone.
        converged: Whether the plugin's own criterion was met.
        iterations: Iterations (epochs) used.
        warnings: Sentences for the reader.
        details: Anything else the clusterer says.

    Computed in:
        studies/taxonomy/fit.py
    """

    rows: int
    dims: int
    seconds: float
    converged: bool
    iterations: int
    warnings: tuple[str, ...]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class CurvePoint:
    """One vigilance: the clustering of a sample of the rows beside that of as many rows of a covariance null (level 0).

    Attributes:
        vigilance: The vigilance ρ.
        clusters: Clusters with members.
        largest_share: Rows in the largest cluster / rows.
        null_clusters, null_largest_share: The same of the null's rows.

    Computed in:
        studies/taxonomy/pictures.py
    """

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

    Computed in:
        studies/taxonomy/pictures.py
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

    Computed in:
        studies/taxonomy/conclude.py
    """

    verdict: str
    headline: str
    text: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class TaxonomyResults:
    """Everything the study found; arrays (``darkframe.results.TAXONOMY_ARRAYS``) lie beside it in the run directory.

    Attributes:
        schema: Version of this record: 1.
        study: ``taxonomy``.
        source: The source's name, distribution, version and parameters, and its card (``SourceCard``).
        clusterer: The clusterer's name, distribution, version and parameters.
        settings: Everything else the run was made with: the study's parameters, seed, device.
        environment: Versions of Python, the platform and the packages that numbers depend on.
        dictionary: Step 1.
        junk: Steps 2 and 3.
        order: Step 4.
        pca: Step 5.
        fit: Step 6.
        levels: Every level against chance, coarsest first.
        curve: The vigilance curve.
        clusters: The largest clusters of level 0, at most 200, largest first; the table ``clusters`` has all of every level.
        drill: The largest of level 0 with their largest children; empty for a flat clustering.
        conclusion: The verdict.
        seconds: Wall time of each step, in seconds; of a step that was read back, what it took when it was computed.
        placement: Where the dark components fall, where the run has a decomposer too; else None.

    Computed in:
        studies/taxonomy/run.py
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
