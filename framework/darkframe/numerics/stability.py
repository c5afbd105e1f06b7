"""How well components come back: Icasso's index over several fits, and the agreement of two independent halves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.cluster.hierarchy
import scipy.spatial.distance

from darkframe.numerics.matching import cosines, one_to_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64


class Agreement(NamedTuple):
    """Two fits compared by the |similarity| of their components.

    Attributes:
        best: (m,) each component of the first with its best match in the second; many may share one.
        matched: (min(m, n),) optimal one-to-one matches.
    """

    best: F64
    matched: F64


def agreement(similarity: F64) -> Agreement:
    """Best and one-to-one matches of an (m, n) similarity matrix."""
    return Agreement(similarity.max(axis=1), one_to_one(similarity).values)


def cluster_estimates(similarity: F64, clusters: int) -> I64:
    """Average-linkage clusters of all fits' components on ``1 − similarity``: (M,) labels from 0."""
    distance = 1.0 - (similarity + similarity.T) / 2
    np.fill_diagonal(distance, 0.0)
    condensed = scipy.spatial.distance.squareform(np.maximum(distance, 0.0), checks=False)
    tree = scipy.cluster.hierarchy.linkage(condensed, method="average")
    labels: NDArray[np.int32] = scipy.cluster.hierarchy.fcluster(tree, clusters, criterion="maxclust")
    return labels.astype(np.int64) - 1


def cluster_quality(similarity: F64, labels: I64) -> F64:
    """Icasso's index of each cluster: mean similarity within it (without self-pairs) minus mean similarity to all others.

    ``Iq(C) = mean σ(i, j), i ≠ j ∈ C  −  mean σ(i, l), i ∈ C, l ∉ C`` (Himberg, Hyvärinen & Esposito 2004). A cluster of one was
    found by no other fit: its first term is 0. One cluster alone has no second term.
    """
    members = np.eye(int(labels.max()) + 1)[labels]
    sizes = members.sum(axis=0)
    within = np.einsum("ic,ij,jc->c", members, similarity, members, optimize=True) - members.T @ np.diag(similarity)
    total = members.T @ similarity.sum(axis=1)
    between = total - within - members.T @ np.diag(similarity)
    pairs_within = sizes * (sizes - 1)
    pairs_between = sizes * (len(labels) - sizes)
    quality: F64 = within / np.maximum(pairs_within, 1) - between / np.maximum(pairs_between, 1)
    return quality


def stability_index(fits: Sequence[F64]) -> F64:
    """(k,) Icasso index Iq of each component of the first fit, over all fits.

    Args:
        fits: Directions (k_f, d) of each fit, the main one first. Estimates are clustered into k clusters by |cos|.
    """
    every = np.concatenate([np.asarray(fit, np.float64) for fit in fits])
    if len(every) < 2:
        return np.zeros(len(fits[0]))
    similarity = cosines(every, every)
    labels = cluster_estimates(similarity, len(fits[0]))
    out: F64 = cluster_quality(similarity, labels)[labels[: len(fits[0])]]
    return out


def replication(main_a: F64, main_b: F64, a_b: F64) -> F64:
    """How well two independent halves agree on each component of a main fit.

    The halves' components are matched one to one without looking at the main fit, so that agreement of the halves is judged
    free of the rows both share with it: the k matches are distributed as those of two random rotations if there is nothing to
    find. A main component is then credited with a match only where both its own one-to-one partners are the two ends of it.

    Args:
        main_a: (k, m) similarities of the main fit and the first half's.
        main_b: (k, n) of the main fit and the second half's.
        a_b: (m, n) of the two halves'.

    Returns:
        (k,) the similarity of the matched halves' components, 0 where the halves lead to different components.
    """
    partner = dict(zip(*[side.tolist() for side in one_to_one(a_b)[:2]]))
    in_a = dict(zip(*[side.tolist() for side in one_to_one(main_a)[:2]]))
    in_b = dict(zip(*[side.tolist() for side in one_to_one(main_b)[:2]]))
    out = np.zeros(len(main_a))
    for component in range(len(out)):
        a, b = in_a.get(component), in_b.get(component)
        if a is not None and b is not None and partner.get(a) == b:
            out[component] = a_b[a, b]
    return out
