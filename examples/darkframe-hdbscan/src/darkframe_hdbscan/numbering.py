"""Numbers of clusters: from 0 in the order in which they first occur, −1 for noise, each with its parent."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def renumbered(labels: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) labels from 0 in order of first occurrence; negative ones become −1."""
    values, first = np.unique(labels[labels >= 0], return_index=True)
    table: NDArray[np.int64] = np.full(int(values.max(initial=-1)) + 2, -1, np.int64)  # its last place, −1, is noise
    table[values[np.argsort(first)]] = np.arange(len(values))
    out: NDArray[np.int64] = table[np.maximum(labels, -1)]
    return out


def parents_of(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """For each level after the first, the cluster of the level above that each of its clusters lies in.

    Args:
        labels: (levels, n), each level nested in the one above.
    """
    found = []
    for above, own in pairwise(labels):
        parents: NDArray[np.int64] = np.full(int(own.max()) + 1, -1, np.int64)
        inside = own >= 0
        parents[own[inside]] = above[inside]
        found.append(parents)
    return tuple(found)
