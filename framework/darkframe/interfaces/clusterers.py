"""The contract of a clusterer: vectors in, labels out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from darkframe.interfaces.decomposers import Diagnostics, FitContext

if TYPE_CHECKING:
    from darkframe.interfaces.arrays import F32, I64


@dataclass(frozen=True, eq=False)
class Clustering:
    """Labels of n vectors at one or more levels, coarsest first.

    Attributes:
        labels: (levels, n) int64; −1 marks noise.
        parents: For each level after the first, (clusters of that level,) int64 cluster ids of the level above.
        diagnostics: See ``Diagnostics``.
    """

    labels: I64
    parents: tuple[I64, ...]
    diagnostics: Diagnostics


@runtime_checkable
class Clusterer(Protocol):
    """Groups vectors. Constructed as ``Class(params)``."""

    def fit(self, vectors: F32, context: FitContext) -> Clustering:
        """Cluster (n, d) vectors in the order given."""
