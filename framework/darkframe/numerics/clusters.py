"""What clusters of rows are like, in closed form over unit rows: no two rows' similarity is ever kept.

u is a row scaled to length 1 (zero rows stay zero); S = Σ u over the m members of a cluster. Cosines between members, between a
row and a cluster, and with them cohesion and silhouette all follow from S, so that everything is O(n · d) or a blocked product.
Labels are int64 cluster ids from 0; −1 is noise, which belongs to no cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64

BLOCK = 2048


def unit(block: NDArray[Any]) -> F32:
    """Rows scaled to length 1, float32; zero rows stay zero."""
    wide = np.asarray(block, np.float32)
    peaks = np.abs(wide).max(axis=1, initial=0.0, keepdims=True)
    out: F32 = (wide / np.where(peaks > 0, peaks, np.float32(1))).astype(
        np.float32, copy=False
    )  # squares neither over- nor underflow
    out /= np.maximum(np.sqrt(np.einsum("ij,ij->i", out, out)), np.float32(1))[:, None]  # at least 1, but for zero rows
    return out


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Consecutive slices that cover range(n)."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def sizes_of(labels: I64, count: int) -> I64:
    """(count,) members of each cluster."""
    out: I64 = np.bincount(labels[labels >= 0], minlength=count).astype(np.int64)
    return out


def direction_sums(rows: NDArray[Any], labels: I64, count: int) -> F32:
    """S of each cluster, (count, d) float32 (float64 within blocks of rows).

    Args:
        rows: (n, d), of any length.
        labels: (n,).
        count: Clusters.
    """
    sums = np.zeros((count, rows.shape[1]), np.float32)
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    for part in blocks(len(order)):
        chosen = order[part]
        own = labels[chosen]
        starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
        sums[own[starts]] += np.add.reduceat(unit(rows[chosen]), starts, axis=0, dtype=np.float64).astype(np.float32)
    return sums


def squared_lengths(sums: F32) -> F64:
    """|S|² of each cluster, (K,) float64."""
    out = np.empty(len(sums))
    for part in blocks(len(sums)):
        out[part] = np.square(sums[part], dtype=np.float64).sum(axis=1)
    return out


def cohesions(sums: F32, sizes: I64) -> F64:
    """Mean pairwise cosine of each cluster's members, (K,): ``(|S|² − m) / (m (m − 1))``; NaN for fewer than two."""
    m = sizes.astype(np.float64)
    pairs = np.where(m > 1, m * (m - 1), np.nan)
    out: F64 = np.clip((squared_lengths(sums) - m) / pairs, -1.0, 1.0)
    return out


def pooled_cohesion(sums: F32, sizes: I64) -> float:
    """Mean cosine over all pairs of members of the same cluster; NaN without pairs."""
    m = sizes.astype(np.float64)
    pairs = float((m * (m - 1)).sum())
    return float(np.clip((squared_lengths(sums) - m).sum() / pairs, -1.0, 1.0)) if pairs else float("nan")


def separations(sums: F32) -> F64:
    """1 − the largest cosine of each cluster's S with that of another cluster, (K,); NaN for empty clusters, and alone.

    The products are float32, block by block, each pair once.
    """
    directions, live = unit(sums), squared_lengths(sums) > 0
    best = np.full(len(sums), -np.inf, np.float32)
    for rows in blocks(len(sums)):
        for columns in blocks(len(sums)):
            if columns.start < rows.start:
                continue
            cosines = directions[rows] @ directions[columns].T
            cosines[~live[rows]] = -np.inf
            cosines[:, ~live[columns]] = -np.inf
            if columns.start == rows.start:
                np.fill_diagonal(cosines, -np.inf)
            best[rows] = np.maximum(best[rows], cosines.max(axis=1))
            best[columns] = np.maximum(best[columns], cosines.max(axis=0))
    out: F64 = np.where(np.isfinite(best) & live, 1.0 - np.minimum(best, 1.0), np.nan).astype(np.float64)
    return out


def member_cosines(rows: NDArray[Any], labels: I64, sums: F32) -> F32:
    """(n,) float32 cosine of each row with its cluster's direction; NaN for noise."""
    directions = unit(sums)
    out = np.full(len(rows), np.nan, np.float32)
    if not len(directions):
        return out
    for part in blocks(len(rows)):
        own, inside = labels[part], labels[part] >= 0
        cosines = np.einsum("ij,ij->i", unit(rows[part]), directions[np.maximum(own, 0)])
        out[part] = np.where(inside, cosines, np.nan)
    return out


def silhouettes(rows: NDArray[Any], labels: I64, sums: F32, sizes: I64) -> F64:
    """Silhouette of rows by cosine distance, against all members of all clusters, (n,) (Rousseeuw 1987).

    ``a`` is the mean distance to the other members of the row's cluster, ``b`` the least mean distance to those of another, both
    exact from S: the mean cosine with a cluster's members is u · S / m. (b − a) / max(a, b); 0 for singletons and noise; all NaN
    with fewer than two clusters.

    Args:
        rows: (n, d), some or all of the rows that were clustered.
        labels: (n,) theirs.
        sums: (K, d) over all rows that were clustered.
        sizes: (K,) over the same.
    """
    if np.count_nonzero(sizes) < 2:
        return np.full(len(rows), np.nan)
    out = np.empty(len(rows))
    for part in blocks(len(rows), 512):
        out[part] = _silhouettes(unit(rows[part]), labels[part], sums, sizes)
    return out


def _silhouettes(units: F32, labels: I64, sums: F32, sizes: I64) -> F64:
    other = np.full(len(units), -np.inf, np.float32)
    for part in blocks(len(sums), 8192):
        means = units @ sums[part].T
        means /= np.maximum(sizes[part], 1).astype(np.float32)
        means[:, sizes[part] == 0] = -np.inf
        mine = np.flatnonzero((labels >= part.start) & (labels < part.stop))
        means[mine, labels[mine] - part.start] = -np.inf
        other = np.maximum(other, means.max(axis=1))
    own = np.maximum(labels, 0)
    m = sizes[own].astype(np.float64)
    itself = np.einsum("ij,ij->i", units, units)
    within = (np.einsum("ij,ij->i", units, sums[own]) - itself) / np.maximum(m - 1, 1)
    a, b = np.maximum(1.0 - within, 0.0), np.maximum(1.0 - other.astype(np.float64), 0.0)
    worst = np.maximum(a, b)
    values: F64 = np.where((labels >= 0) & (m > 1) & (worst > 1e-6), (b - a) / np.where(worst > 0, worst, 1.0), 0.0)
    return values


def agreement(first: I64, second: I64) -> float:
    """Adjusted Rand index of two labellings of the same rows (Hubert & Arabie 1985); a noise row is a cluster of its own.

    0 where a labelling is trivial (one cluster, or every row its own): it says nothing that another could agree with, although
    two of them are the same partition.
    """
    from sklearn.metrics import adjusted_rand_score

    a, b = _noise_apart(first), _noise_apart(second)
    if any(len(np.unique(labels)) in (1, len(labels)) for labels in (a, b)):
        return 0.0
    return float(adjusted_rand_score(a, b))


def _noise_apart(labels: I64) -> I64:
    noise = labels < 0
    out = labels.copy()
    out[noise] = labels.max(initial=-1) + 1 + np.arange(np.count_nonzero(noise))
    return out


def votes(labels: I64, tokens: NDArray[Any], count: int, top: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The tokens that most members of each cluster have among their own.

    Args:
        labels: (n,).
        tokens: (n, t) distinct token ids of each row; −1 where there are none.
        count: Clusters K.
        top: Tokens a cluster.

    Returns:
        (K, top) int32 tokens, most votes first (equal: lowest id first), −1 where there are fewer, and (K, top) int32 votes.
    """
    chosen, counted = np.full((count, top), -1, np.int32), np.zeros((count, top), np.int32)
    owners = np.repeat(labels, tokens.shape[1])
    flat = np.asarray(tokens, np.int64).ravel()
    valid = (owners >= 0) & (flat >= 0)
    if not valid.any():
        return chosen, counted
    span = int(flat.max()) + 1
    keys, members = np.unique(owners[valid] * span + flat[valid], return_counts=True)
    clusters, ids = keys // span, keys % span
    order = np.lexsort((ids, -members, clusters))
    clusters, ids, members = clusters[order], ids[order], members[order]
    place = np.arange(len(clusters)) - np.searchsorted(clusters, clusters)
    kept = place < top
    chosen[clusters[kept], place[kept]] = ids[kept]
    counted[clusters[kept], place[kept]] = members[kept]
    return chosen, counted
