"""The results of the studies: one frozen record a step, as written to ``results.json`` and ``taxonomy.json``.

Figures that massive tokens could move are given twice: ``ordinary`` (massive tokens left out; the headline) and
``all`` (every kept token). Every similarity, kurtosis and stability figure stands beside the same figure for its nulls.
"""

from __future__ import annotations

from darkframe.results.arrays import ARRAYS, TAXONOMY_ARRAYS, TRACKING_ARRAYS
from darkframe.results.components import (
    Compare,
    ComponentMatch,
    Conclusion,
    Match,
    NullSummary,
    PairStability,
    Stability,
)
from darkframe.results.doctor import Check, Examination, SplicedLoss
from darkframe.results.examples import ComponentExamples, Example, Interpret
from darkframe.results.placement import PlacedComponent, PlacedLevel, Placement
from darkframe.results.residual import (
    Collect,
    Decompose,
    Diagnose,
    KurtosisSummary,
    LedgerEntry,
    Massive,
    MassiveToken,
    Pca,
    PcaSummary,
)
from darkframe.results.study import DarkMatterResults
from darkframe.results.taxonomy import (
    ClusterFit,
    ClusterRecord,
    Curve,
    CurvePoint,
    DictionaryRecord,
    Drill,
    JunkRecord,
    Level,
    LevelQuality,
    NullLevel,
    OrderRecord,
    PcaLandscape,
    Spread,
    TaxonomyConclusion,
    TaxonomyResults,
    Vote,
)
from darkframe.results.tracking import (
    TrackedCategory,
    TrackedCheckpoint,
    TrackedLevel,
    TrackedNull,
    TrackedStep,
    TrackingConclusion,
    TrackingResults,
)
from darkframe.results.tracking_rows import TrackedAxes, TrackedModel

__all__ = [
    "ARRAYS",
    "TAXONOMY_ARRAYS",
    "TRACKING_ARRAYS",
    "Check",
    "ClusterFit",
    "ClusterRecord",
    "Collect",
    "Compare",
    "ComponentExamples",
    "ComponentMatch",
    "Conclusion",
    "Curve",
    "CurvePoint",
    "DarkMatterResults",
    "Decompose",
    "Diagnose",
    "DictionaryRecord",
    "Drill",
    "Examination",
    "Example",
    "Interpret",
    "JunkRecord",
    "KurtosisSummary",
    "LedgerEntry",
    "Level",
    "LevelQuality",
    "Massive",
    "MassiveToken",
    "Match",
    "NullLevel",
    "NullSummary",
    "OrderRecord",
    "PairStability",
    "Pca",
    "PcaLandscape",
    "PcaSummary",
    "PlacedComponent",
    "PlacedLevel",
    "Placement",
    "SplicedLoss",
    "Spread",
    "Stability",
    "TaxonomyConclusion",
    "TaxonomyResults",
    "TrackedAxes",
    "TrackedCategory",
    "TrackedCheckpoint",
    "TrackedLevel",
    "TrackedModel",
    "TrackedNull",
    "TrackedStep",
    "TrackingConclusion",
    "TrackingResults",
    "Vote",
]
