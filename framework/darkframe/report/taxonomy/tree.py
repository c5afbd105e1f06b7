"""The hierarchy as a tree to draw: what is too small to see is folded into one node of others below each parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from darkframe.interfaces import Bool
    from darkframe.report.taxonomy.data import ClusterArrays

CLUSTER, OTHERS, NOISE = "cluster", "others", "noise"


@dataclass(frozen=True)
class Node:
    """One node of the tree.

    Attributes:
        kind: ``cluster``, ``others`` (several small clusters of one parent) or ``noise`` (features in no cluster).
        level: Of the cluster, or of those folded.
        place: Of the cluster in the arrays; −1 for the other kinds.
        parent: Place of the parent's cluster; −1 at level 0.
        family: Rank by size of the level-0 cluster it lies in; −1 outside all drawn ones.
        size, count: Features and clusters in it.
        start: Features before it, all around the circle.
    """

    kind: str
    level: int
    place: int
    parent: int
    family: int
    size: int
    count: int
    start: int


def kept_by_share(clusters: ClusterArrays, n: int, least: float) -> Bool:
    """(K,) which clusters hold at least that share of n features."""
    return np.asarray(clusters.size >= least * max(n, 1), bool)


def kept_by_number(clusters: ClusterArrays, most: int) -> Bool:
    """(K,) which are the largest; a parent is never smaller than its children, so none is kept without its own."""
    order = np.lexsort((clusters.id, clusters.level, -clusters.size))
    kept = np.zeros(len(clusters.size), bool)
    kept[order[:most]] = True
    return kept


def tree(clusters: ClusterArrays, n: int, kept: Bool, levels: int | None = None) -> list[Node]:
    """The nodes around the circle, each parent before its children; together those of level 0 hold all n features.

    Args:
        clusters: All of them.
        n: Features clustered; those in no cluster of level 0 become one node of noise, and so do those of a drawn cluster that
            are in none of the next level.
        kept: (K,) which to draw for themselves; the others of a drawn parent are folded.
        levels: Levels there are; None: as many as have clusters.
    """
    below, deepest = _children(clusters), int(clusters.level.max(initial=-1)) if levels is None else levels - 1
    nodes = list(_under(clusters, below, kept, -1, 0, 0, -1, deepest))
    start = sum(node.size for node in nodes if node.level == 0)
    if start < n:
        nodes.append(Node(NOISE, 0, -1, -1, -1, n - start, 0, start))
    return nodes


def _children(clusters: ClusterArrays) -> dict[int, list[int]]:
    """Places of the children by the place of their parent (−1: level 0), largest first."""
    at = {(int(level), int(i)): place for place, (level, i) in enumerate(zip(clusters.level, clusters.id))}
    below: dict[int, list[int]] = defaultdict(list)
    for place in np.lexsort((clusters.id, -clusters.size)):
        if not clusters.size[place]:
            break
        level = int(clusters.level[place])
        below[-1 if level == 0 else at[(level - 1, int(clusters.parent[place]))]].append(int(place))
    return below


def _under(
    clusters: ClusterArrays,
    below: dict[int, list[int]],
    kept: Bool,
    parent: int,
    level: int,
    start: int,
    family: int,
    deepest: int,
) -> Iterator[Node]:
    if level > deepest:
        return
    folded = [place for place in below[parent] if not kept[place]]
    end = start + int(clusters.size[parent]) if parent >= 0 else start
    for rank, place in enumerate(place for place in below[parent] if kept[place]):
        size, mine = int(clusters.size[place]), rank if level == 0 else family
        yield Node(CLUSTER, level, place, parent, mine, size, 1, start)
        yield from _under(clusters, below, kept, place, level + 1, start, mine, deepest)
        start += size
    if folded:
        size = int(clusters.size[folded].sum())
        yield Node(OTHERS, level, -1, parent, -1 if level == 0 else family, size, len(folded), start)
        start += size
    if start < end:
        yield Node(NOISE, level, -1, parent, -1, end - start, 0, start)
