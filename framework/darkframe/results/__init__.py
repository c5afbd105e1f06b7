"""The result of the dark-matter study: one frozen record a step, as written to ``results.json``.

Figures that massive tokens could move are given twice: ``ordinary`` (massive tokens left out; the headline) and
``all`` (every kept token). Every similarity, kurtosis and stability figure stands beside the same figure for its nulls.
"""

from __future__ import annotations

from darkframe.results.arrays import ARRAYS
from darkframe.results.components import (
    Compare,
    ComponentExamples,
    ComponentMatch,
    Conclusion,
    Example,
    Interpret,
    Match,
    NullSummary,
    PairStability,
    Stability,
)
from darkframe.results.doctor import Check, Examination, SplicedLoss
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

__all__ = [
    "ARRAYS",
    "Check",
    "Collect",
    "Compare",
    "ComponentExamples",
    "ComponentMatch",
    "Conclusion",
    "DarkMatterResults",
    "Decompose",
    "Diagnose",
    "Examination",
    "Example",
    "Interpret",
    "KurtosisSummary",
    "LedgerEntry",
    "Massive",
    "MassiveToken",
    "Match",
    "NullSummary",
    "PairStability",
    "Pca",
    "PcaSummary",
    "SplicedLoss",
    "Stability",
]
