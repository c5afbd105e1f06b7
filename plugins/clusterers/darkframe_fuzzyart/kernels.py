"""Learning in order, and the contest between candidates: bytes first, doubles for what they leave, sequential sums for ties.

Bounds: with D = |w| − |I ∧ w| and its lower bound from bytes, a category cannot pass vigilance where D > |w| − ρ d, and cannot
win where (|w| − D) / (α + |w|) is below the choice of another that passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darkframe.numerics.compiled import compiled
from darkframe_fuzzyart.lanes import CHUNK, STEP, deficit, outside
from darkframe_fuzzyart.store import UNITS, Store, Terms

_compiled = compiled(error_model="numpy")
_PIECE = 8 * STEP  # doubles after which a sum is compared with its bound
_PART = 4  # chunks of bytes after which it is
_LAST = 1e-15  # rounding of the quotients and bounds themselves


@_compiled
def code_row(x: Any, row: Any) -> None:
    """I = [x, 1 − x] into ``row``, which is zero behind it."""
    d = x.shape[0]
    for k in range(d):
        row[k] = x[k]
    for k in range(d):
        row[d + k] = 1.0 - x[k]


@_compiled
def to_bytes(rows: Any, padded: int, out: Any) -> None:
    """Rows as bytes, each ``padded`` long."""
    n, d = rows.shape
    for i in range(n):
        for k in range(d):
            out[i * padded + k] = np.uint8(min(np.int32(rows[i, k] * UNITS), np.int32(UNITS - 1)))
        for k in range(d, padded):
            out[i * padded + k] = np.uint8(0)


@_compiled
def _box(weights: Any, lows: Any, highs: Any) -> None:
    """Bytes of a box from its weights [w_lo, w_hi]."""
    d = lows.shape[0]
    for k in range(d):
        low = min(max(np.int32(weights[k] * UNITS) - np.int32(1), np.int32(0)), np.int32(UNITS - 1))
        lows[k] = np.uint8(low)
    for k in range(d):
        high = np.int32(UNITS) - np.int32(weights[d + k] * UNITS)
        highs[k] = np.uint8(min(max(high, np.int32(0)), np.int32(UNITS - 1)))


@_compiled
def refresh(store: Store, terms: Terms, j: int, zeros: Any) -> None:
    """Sums, bytes and limit of category j after its weights have changed."""
    d, padded = terms.dims, terms.bytes
    start = 2 * padded * j
    lows, highs = store.boxes[start : start + padded], store.boxes[start + padded : start + 2 * padded]
    _box(store.weights[j * terms.width : j * terms.width + 2 * d], lows[:d], highs[:d])
    for k in range(d, padded):
        lows[k] = np.uint8(0)
        highs[k] = np.uint8(UNITS - 1)
    norm = deficit(store.weights, j * terms.width, zeros, 0, terms.width // STEP)
    store.norms[j] = norm
    store.exact[j] = np.nan
    store.limits[j] = np.int64(max(norm - terms.rho * d + terms.slack, -1.0) * UNITS)


@_compiled
def refresh_all(store: Store, terms: Terms, size: int, zeros: Any) -> None:
    """``refresh`` of the first ``size`` categories."""
    for j in range(size):
        refresh(store, terms, j, zeros)


@_compiled
def common(store: Store, terms: Terms, j: int, row: Any) -> Any:
    """|I ∧ w_j|, the sequential sum."""
    total = 0.0
    start = j * terms.width
    for k in range(2 * terms.dims):
        total += min(row[k], store.weights[start + k])
    return total


@_compiled
def _exact_norm(store: Store, terms: Terms, j: int) -> Any:
    if np.isnan(store.exact[j]):
        total = 0.0
        start = j * terms.width
        for k in range(2 * terms.dims):
            total += store.weights[start + k]
        store.exact[j] = total
    return store.exact[j]


@_compiled
def _exact_choice(store: Store, terms: Terms, j: int, row: Any, apart: float) -> Any:
    """T by sequential sums; where w ≤ I everywhere (``apart`` is 0), |I ∧ w| is |w| entry by entry."""
    norm = _exact_norm(store, terms, j)
    return (norm if apart == 0.0 else common(store, terms, j, row)) / (terms.alpha + norm)


@_compiled
def apart_of(store: Store, terms: Terms, j: int, row: Any, most: float) -> Any:
    """D of category j, or a part of it that is above ``most`` already."""
    total = 0.0
    start = j * terms.width
    for k in range(0, terms.width, _PIECE):
        total += deficit(store.weights, start + k, row, k, min(_PIECE, terms.width - k) // STEP)
        if total > most:
            break
    return total


@_compiled
def bytes_apart(store: Store, terms: Terms, j: int, x: Any, x0: int, most: int) -> Any:
    """Lower bound of D in bytes for the row whose bytes start at x[x0], or a part of it that is above ``most`` already."""
    start, padded, total = 2 * terms.bytes * j, terms.bytes, 0
    for k in range(0, padded, _PART * CHUNK):
        chunks = min(_PART, (padded - k) // CHUNK)
        total += outside(x, x0 + k, store.boxes, start + k, store.boxes, start + padded + k, chunks)
        if total > most:
            break
    return total


@_compiled
def highest(store: Store, terms: Terms, j: int, total: int) -> Any:
    """Upper bound of T from a lower bound of D in bytes."""
    norm = store.norms[j]
    return (norm - total * (1.0 / UNITS) + terms.slack) / (terms.alpha + norm) + _LAST


@_compiled
def contest(store: Store, terms: Terms, row: Any, found: Any, bounds: Any, count: int, vigilant: bool) -> tuple[int, float]:
    """The winner among found[:count], whose choices are at most bounds[:count], and its D; (−1, 0) where none passes.

    Starts with the highest bound, so that most of the others need no more than theirs.
    """
    best, best_t, best_off, best_apart, best_exact = -1, -1.0, 0.0, 0.0, np.nan
    need = terms.rho * terms.dims if vigilant else -1.0
    first = 0
    for place in range(1, count):
        if bounds[place] > bounds[first]:
            first = place
    for turn in range(-1, count):
        place = first if turn < 0 else turn
        if turn == first or count == 0 or bounds[place] < best_t - best_off:
            continue
        j = found[place]
        norm = store.norms[j]
        off = terms.slack / (terms.alpha + norm) + _LAST
        least = max(need, (best_t - best_off - off) * (terms.alpha + norm)) - terms.slack
        apart = apart_of(store, terms, j, row, norm - least)
        if apart > norm - least:
            continue
        if vigilant and norm - apart < need + terms.slack and not common(store, terms, j, row) / terms.dims >= terms.rho:
            continue
        t = (norm - apart) / (terms.alpha + norm)
        exact = np.nan
        if best >= 0:
            if t < best_t - best_off - off:
                continue
            if t <= best_t + best_off + off:
                if np.isnan(best_exact):
                    best_exact = _exact_choice(store, terms, best, row, best_apart)
                exact = _exact_choice(store, terms, j, row, apart)
                if exact < best_exact or (exact == best_exact and j > best):
                    continue
        best, best_t, best_off, best_apart, best_exact = j, t, off, apart, exact
    return best, best_apart


@_compiled
def _take(store: Store, terms: Terms, j: int, row: Any, apart: float, zeros: Any) -> None:
    """Category j learns a row."""
    store.counts[j] += 1
    start, beta = j * terms.width, terms.beta
    w = store.weights[start : start + 2 * terms.dims]
    if beta == 1.0:
        if apart == 0.0:
            return
        for k in range(2 * terms.dims):
            w[k] = row[k] if row[k] < w[k] else w[k]
    else:
        rest = 1.0 - beta
        for k in range(2 * terms.dims):
            w[k] = min(beta * min(row[k], w[k]) + rest * w[k], w[k])
    refresh(store, terms, j, zeros)


@_compiled
def _make(store: Store, terms: Terms, j: int, row: Any, parent: int, zeros: Any) -> None:
    """Category j is made of a row."""
    store.counts[j] = 1
    store.parents[j] = parent
    store.following[j] = -1
    w = store.weights[j * terms.width : (j + 1) * terms.width]
    for k in range(terms.width):
        w[k] = row[k]
    refresh(store, terms, j, zeros)


@_compiled
def _candidates(store: Store, parent: int, ends: Any, masks: Any, i: int, known: int, size: int, found: Any) -> int:
    """Categories that row i may join: its parent's, or those that the filter left of ``known`` and those made since."""
    count = 0
    if ends.shape[0] > 0:
        j = ends[parent, 0]
        while j >= 0:
            found[count] = j
            count += 1
            j = store.following[j]
        return count
    for word in range(masks.shape[1]):
        bits = masks[i, word]
        j = word * 64
        while bits != np.uint64(0):
            if bits & np.uint64(1) != np.uint64(0):
                found[count] = j
                count += 1
            bits >>= np.uint64(1)
            j += 1
    for j in range(known, size):
        found[count] = j
        count += 1
    return count


@_compiled
def shortlist(store: Store, terms: Terms, x: Any, x0: int, found: Any, bounds: Any, count: int, vigilant: bool) -> int:
    """Keep, at the front of ``found``, those whose bytes do not rule them out, with the upper bounds of their choices."""
    kept = 0
    for place in range(count):
        j = found[place]
        limit = store.limits[j] if vigilant else terms.bytes * UNITS
        total = bytes_apart(store, terms, j, x, x0, limit)
        if total <= limit:
            found[kept] = j
            bounds[kept] = highest(store, terms, j, total)
            kept += 1
    return kept


@_compiled
def learn(
    store: Store, terms: Terms, rows: Any, x: Any, parents: Any, ends: Any, masks: Any, known: int, size: int, labels: Any
) -> int:
    """Rows learn one after another; the store has room for a category each.

    Args:
        store: The categories.
        terms: The rule.
        rows: (n, d) rows.
        x: Their bytes.
        parents: (n,) parent of each, or (0,).
        ends: (parents, 2) first and last category of each parent, or (0, 2) where there are none; kept up to date.
        masks: (n, words) bits of the first ``known`` categories that may pass vigilance; (n, 0) where ``known`` is 0.
        known: See ``masks``; later categories are all candidates.
        size: Categories so far.
        labels: (n,) to be filled.

    Returns:
        Categories now.
    """
    row, zeros = np.zeros(terms.width), np.zeros(terms.width)
    found, bounds = np.empty(size + rows.shape[0], np.int64), np.empty(size + rows.shape[0])
    for i in range(rows.shape[0]):
        parent = parents[i] if parents.shape[0] > 0 else 0
        count = _candidates(store, parent, ends, masks, i, known, size, found)
        count = shortlist(store, terms, x, i * terms.bytes, found, bounds, count, True)
        code_row(rows[i], row)
        winner, apart = contest(store, terms, row, found, bounds, count, True)
        if winner >= 0:
            _take(store, terms, winner, row, apart, zeros)
        else:
            winner = size
            _make(store, terms, winner, row, parent, zeros)
            if ends.shape[0] > 0:
                if ends[parent, 0] < 0:
                    ends[parent, 0] = winner
                else:
                    store.following[ends[parent, 1]] = winner
                ends[parent, 1] = winner
            size += 1
        labels[i] = winner
    return size
