"""The three contracts (source, decomposer, clusterer) and the records that flow between them.

Importing this package imports neither numpy nor torch, so that plugins can refer to it at start-up.
Shapes: N tokens (rows), d = d_model, F features of the dictionary, k components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darkframe.interfaces.batches import Batch, Codes, Dictionary, Unembedding
from darkframe.interfaces.clusterers import (
    Assignment,
    Assigns,
    Boxed,
    ClusterContext,
    Clusterer,
    ClustererMaker,
    Clustering,
    Grows,
    Keeps,
    Matches,
)
from darkframe.interfaces.decomposers import Decomposer, Decomposition, Diagnostics, FitContext, Rows
from darkframe.interfaces.sources import Fetches, Partial, Predicts, Source, SourceCard, SourceContext, Wired
from darkframe.interfaces.usage import Fetched, PublishedFigures, Usage, Wiring

if TYPE_CHECKING:
    from darkframe.interfaces.arrays import F32, F64, I32, I64, Bool

__all__ = [
    "F32",
    "F64",
    "I32",
    "I64",
    "Assignment",
    "Assigns",
    "Batch",
    "Bool",
    "Boxed",
    "ClusterContext",
    "Clusterer",
    "ClustererMaker",
    "Clustering",
    "Codes",
    "Decomposer",
    "Decomposition",
    "Diagnostics",
    "Dictionary",
    "Fetched",
    "Fetches",
    "FitContext",
    "Grows",
    "Keeps",
    "Matches",
    "Partial",
    "Predicts",
    "PublishedFigures",
    "Rows",
    "Source",
    "SourceCard",
    "SourceContext",
    "Unembedding",
    "Usage",
    "Wired",
    "Wiring",
]


def __getattr__(name: str) -> Any:
    if name in {"F32", "F64", "I32", "I64", "Bool"}:  # imported when they are asked for: they import numpy
        from darkframe.interfaces import arrays

        return getattr(arrays, name)
    raise AttributeError(f"module 'darkframe.interfaces' has no attribute {name!r}")
