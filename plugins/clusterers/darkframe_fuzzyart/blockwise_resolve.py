"""The decisions of a block, one row after another, in float64 on the host: by the sequential sums, wherever they matter.

A sum in any order is within ``_doubt`` of the sequential one, since each is within 2d·2⁻⁵³·d of the exact one: the compiler may
then add in vectors, and the sequential sums are taken only of the categories that this leaves in doubt.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darkframe.numerics.compiled import compiled


@compiled(error_model="numpy")
def common(coded: Any, w: Any) -> float:
    """|I ∧ w|, the sequential sum."""
    total = 0.0
    for k in range(w.shape[0]):
        total += min(coded[k], w[k])
    return total


@compiled(error_model="numpy")
def norm(w: Any) -> float:
    """|w|, the sequential sum."""
    total = 0.0
    for k in range(w.shape[0]):
        total += w[k]
    return total


@compiled(error_model="numpy")
def complement_coded(x: Any, coded: Any) -> None:
    """I = [x, 1 − x]."""
    d = x.shape[0]
    for k in range(d):
        coded[k] = x[k]
        coded[d + k] = 1.0 - x[k]


@compiled(error_model="numpy", fastmath={"reassoc", "nnan", "ninf", "nsz"})
def _nearly(coded: Any, w: Any) -> float:
    """|I ∧ w| in whatever order is fast."""
    total = 0.0
    for k in range(w.shape[0]):
        total += min(coded[k], w[k])
    return total


@compiled(error_model="numpy")
def _doubt(d: int) -> float:
    """How far a sum in another order can be from the sequential one."""
    return d * (4 * d + 16) * 2.0**-53


@compiled(error_model="numpy")
def _shortlist(coded: Any, candidates: Any, count: int, weights: Any, norms: Any, rho: float, alpha: float, near: Any) -> int:
    """Keep the candidates, in order, that may win; return how many. near[0] = inf: the only one, which passes for certain."""
    d = coded.shape[0] // 2
    doubt, floor = _doubt(d), rho * d
    above, below = 1.0 + 2.0**-50, 1.0 - 2.0**-50
    least = -np.inf
    for c in range(count):
        j = candidates[c]
        near[c] = _nearly(coded, weights[j])
        if near[c] - doubt >= floor * above:
            least = max(least, (near[c] - doubt) / (alpha + norms[j]) * below)
    kept, certain = 0, False
    for c in range(count):
        j, most = candidates[c], near[c] + doubt
        if most >= floor * below and most / (alpha + norms[j]) * above >= least:
            certain = near[c] - doubt >= floor * above
            candidates[kept] = j
            kept += 1
    if kept == 1 and certain:
        near[0] = np.inf
    return kept


@compiled(error_model="numpy")
def _winner(coded: Any, candidates: Any, count: int, weights: Any, norms: Any, rho: float, alpha: float, near: Any) -> int:
    """The candidate (in ascending order) of highest T with M ≥ rho, or −1."""
    count = _shortlist(coded, candidates, count, weights, norms, rho, alpha, near)
    if count == 1 and near[0] == np.inf:
        return int(candidates[0])
    d = coded.shape[0] // 2
    best, best_t = -1, -1.0
    for c in range(count):
        j = candidates[c]
        s = common(coded, weights[j])
        t = s / (alpha + norms[j])
        if t > best_t and s / d >= rho:
            best, best_t = j, t
    return best


@compiled(error_model="numpy")
def learned(coded: Any, w: Any, beta: float) -> None:
    """Let w learn a row; no entry grows."""
    for k in range(w.shape[0]):
        w[k] = min(beta * min(coded[k], w[k]) + (1.0 - beta) * w[k], w[k])  # what rounds up would open a door already shut


@compiled(error_model="numpy")
def resolve(
    rows: Any, groups: Any, starts: Any, columns: Any, known: int, store: Any, size: int, rule: Any, labels: Any, changed: Any
) -> int:
    """Let the rows of a block learn in order.

    Args:
        rows: (B, d) float64.
        groups: (B,) int64 parent of each row.
        starts: (B + 1,) where each row's candidates begin in ``columns``; empty: every category is one.
        columns: Candidates, ascending in each row: below ``known`` a category as of before the block, else ``known`` + the
            row of the block whose new category it is, if that row makes one.
        known: Categories before the block.
        store: weights, norms, counts and parents, with room for B more categories.
        size: Categories now.
        rule: rho, alpha, beta.
        labels: (B,) int64, to be filled.
        changed: (room,) bool, to be set where a category was made or learned.

    Returns:
        Categories after the block.
    """
    weights, norms, counts, parents = store
    rho, alpha, beta = rule
    n, d = rows.shape
    coded = np.empty(2 * d)
    made = np.full(n, -1)
    room = size + n
    candidates, near = np.empty(room, np.int64), np.empty(room)
    for i in range(n):
        complement_coded(rows[i], coded)
        count = 0
        if starts.shape[0]:
            for c in range(starts[i], starts[i + 1]):
                j = columns[c] if columns[c] < known else made[columns[c] - known]
                if j >= 0:
                    candidates[count] = j
                    count += 1
        else:
            for j in range(size):
                if parents[j] == groups[i]:
                    candidates[count] = j
                    count += 1
        best = _winner(coded, candidates, count, weights, norms, rho, alpha, near)
        if best < 0:
            best = made[i] = size
            size += 1
            parents[best] = groups[i]
            counts[best] = 0
            weights[best] = coded
        else:
            learned(coded, weights[best], beta)
        norms[best] = norm(weights[best])
        counts[best] += 1
        changed[best] = True
        labels[i] = best
    return size


@compiled(error_model="numpy")
def highest(rows: Any, starts: Any, columns: Any, weights: Any, norms: Any, alpha: float, best: Any, choice: Any) -> None:
    """Each row's candidate of highest T (lowest index on ties) and that T; untouched where a row has no candidates."""
    coded = np.empty(2 * rows.shape[1])
    for i in range(rows.shape[0]):
        if starts[i] == starts[i + 1]:
            continue
        complement_coded(rows[i], coded)
        best_t = -1.0
        for c in range(starts[i], starts[i + 1]):
            j = columns[c]
            t = common(coded, weights[j]) / (alpha + norms[j])
            if t > best_t:
                best[i], best_t = j, t
        choice[i] = best_t


@compiled(error_model="numpy")
def matched(rows: Any, labels: Any, weights: Any, norms: Any, alpha: float, match: Any, choice: Any) -> None:
    """Match M and choice T of each row with its label; untouched where that is −1."""
    d = rows.shape[1]
    coded = np.empty(2 * d)
    for i in range(rows.shape[0]):
        if labels[i] >= 0:
            complement_coded(rows[i], coded)
            s = common(coded, weights[labels[i]])
            match[i] = s / d
            choice[i] = s / (alpha + norms[labels[i]])
