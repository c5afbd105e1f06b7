"""Blocks of rows against all categories as they stand: the vigilance filter before learning, and the contests after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from darkframe.numerics.compiled import compiled
from darkframe_fuzzyart.kernels import apart_of, code_row, common, contest, shortlist
from darkframe_fuzzyart.lanes import CHUNK, ROWS, WORD, bounds_peak, outside, outside_rows, rows_within
from darkframe_fuzzyart.store import UNITS, Store, Terms

_compiled = compiled(error_model="numpy")
_TILE = 8  # categories that stay in the cache while rows pass
_SAMPLED = 16  # of so many categories one tells how far rows lie outside
_MARGIN = 1.2  # by how much more than the average dimensions are looked at first
_LEAST = 1e-30  # of alpha + |w|: below it, terms in float32 overflow


@_compiled
def _density(store: Store, terms: Terms, x: Any, first: int, n: int, begin: int, size: int) -> float:
    """Bytes that rows lie outside boxes on average, by chunk, over a few of both."""
    total, pairs = 0, 0
    for j in range(begin, size, _SAMPLED):
        i = first + pairs % n
        start = 2 * terms.bytes * j
        total += outside(x, i * terms.bytes, store.boxes, start, store.boxes, start + terms.bytes, terms.bytes // CHUNK)
        pairs += 1
    return total / (pairs * (terms.bytes // CHUNK))


@_compiled
def filter_block(store: Store, terms: Terms, x: Any, first: int, begin: int, size: int, masks: Any) -> None:
    """Which categories rows may join: those whose bytes do not show that they fail vigilance.

    A category that fails a row fails it for ever, because weights only shrink: what is ruled out here stays so however the
    categories change before it is the row's turn. Rows are alike in how far they lie outside a box, so ``ROWS`` of them are ruled
    out together, by as many of the dimensions as that should take.

    Args:
        store: The categories.
        terms: The rule.
        x: Bytes of the rows of a larger block, with room for a multiple of ``ROWS``.
        first: Its first row to look at, a multiple of ``ROWS``.
        begin: First category to look at.
        size: Number of the last one, plus 1.
        masks: (n, words) uint64, zeros from ``begin`` on, to be filled.
    """
    padded, n = terms.bytes, masks.shape[0]
    chunks = padded // CHUNK
    density = max(_density(store, terms, x, first, n, begin, size), 1.0)
    for tile in range(begin, size, _TILE):
        for i in range(0, n, ROWS):
            for j in range(tile, min(tile + _TILE, size)):
                limit = store.limits[j]
                enough = min(chunks, 1 + np.int64(_MARGIN * limit / density))
                found = rows_within(x, (first + i) * padded, padded, store.boxes, 2 * padded * j, chunks, enough, limit)
                for r in range(min(ROWS, n - i) if found != 0 else 0):
                    if found >> r & 1:
                        masks[i + r, j // 64] |= np.uint64(1) << np.uint64(j % 64)


@_compiled
def all_apart(store: Store, terms: Terms, x: Any, size: int, out: Any) -> None:
    """Lower bounds of D in bytes of a few rows, ``ROWS`` at a time, and all categories: out (n, at least size) float32."""
    step = out.shape[1]
    flat = out.reshape(out.size)
    for tile in range(0, size, _TILE):
        for i in range(0, out.shape[0], ROWS):
            for j in range(tile, min(tile + _TILE, size)):
                box = 2 * terms.bytes * j
                outside_rows(x, i * terms.bytes, terms.bytes, store.boxes, box, terms.bytes // CHUNK, flat, i * step + j, step)


@_compiled
def _bound_terms(store: Store, terms: Terms, size: int, scale: Any, base: Any) -> None:
    """Terms of the upper bounds of T, base − scale · D in bytes, in float32 and above its rounding; −1 behind the categories."""
    scale[size:] = 0
    base[size:] = -1
    for j in range(size):
        top = terms.alpha + store.norms[j]
        if top < _LEAST:
            scale[j], base[j] = np.float32(0.0), np.float32(np.inf)
            continue
        scale[j] = np.float32(1.0 / (UNITS * top))
        base[j] = np.float32((store.norms[j] + terms.slack) / top + 4e-7 * (1.0 + terms.dims / top))


@_compiled
def _rivals(bounds: Any, peaks: Any, least: float, but: int, found: Any, kept: Any) -> int:
    """Places in ``bounds`` at or above ``least``, ascending, without ``but``."""
    count = 0
    for block in range(peaks.shape[0]):
        if peaks[block] < least:
            continue
        for j in range(block * WORD, block * WORD + WORD):
            if bounds[j] >= least and j != but:
                found[count] = j
                kept[count] = bounds[j]
                count += 1
    return count


@_compiled
def _top(bounds: Any, peaks: Any, but: int) -> int:
    """The place of the highest bound, without ``but``; −1 where there is none."""
    best, best_at = -1.0, -1
    for block in range(peaks.shape[0]):
        if peaks[block] <= best:
            continue
        for j in range(block * WORD, block * WORD + WORD):
            if bounds[j] > best and j != but:
                best, best_at = bounds[j], j
    return best_at


@_compiled
def _choice(store: Store, terms: Terms, j: int, apart: float) -> Any:
    return (store.norms[j] - apart) / (terms.alpha + store.norms[j])


@_compiled
def match_of(store: Store, terms: Terms, j: int, row: Any, apart: float) -> Any:
    """M; by sequential sums where it is as near to rho as sums may be off."""
    s = store.norms[j] - apart
    if abs(s - terms.rho * terms.dims) <= terms.slack:
        s = common(store, terms, j, row)
    return s / terms.dims


@_compiled
def _record(store: Store, terms: Terms, row: Any, labels: Any, i: int, winner: int, apart: float, out: Any) -> None:
    """Row i's match, and its margin: ``winner`` is the best other category of a row that has a label, else its label."""
    if labels[i] < 0:
        labels[i] = winner
        out[0, i] = match_of(store, terms, winner, row, apart) if winner >= 0 else np.nan
        out[1, i] = np.nan
        return
    mine = labels[i]
    own = apart_of(store, terms, mine, row, np.inf)
    out[0, i] = match_of(store, terms, mine, row, own)
    out[1, i] = _choice(store, terms, mine, own) - _choice(store, terms, winner, apart) if winner >= 0 else np.nan


@_compiled
def judge_flat(store: Store, terms: Terms, rows: Any, x: Any, size: int, labels: Any, out: Any) -> None:
    """Match and margin of a few rows among all categories; where the label is −1, the category of highest choice instead.

    Args:
        store: The categories.
        terms: The rule.
        rows: (n, d) rows.
        x: Their bytes, with room for a multiple of ``ROWS``.
        size: Categories.
        labels: (n,) categories; −1 is replaced.
        out: (2, n) to be filled.
    """
    n, words = rows.shape[0], -(-size // WORD)
    totals = np.empty((-(-n // ROWS) * ROWS, words * WORD), np.float32)
    totals[:, size:] = 0
    all_apart(store, terms, x, size, totals)
    scale, base = np.empty(words * WORD, np.float32), np.empty(words * WORD, np.float32)
    peaks = np.empty(words, np.float32)
    _bound_terms(store, terms, size, scale, base)
    row, found, kept = np.zeros(terms.width), np.empty(size, np.int64), np.empty(size)
    for i in range(n):
        code_row(rows[i], row)
        bounds = totals[i]
        for word in range(words):
            peaks[word] = bounds_peak(bounds, scale, base, word * WORD)
        winner, apart = -1, 0.0
        top = _top(bounds, peaks, labels[i])
        if top >= 0:
            t = _choice(store, terms, top, apart_of(store, terms, top, row, np.inf))
            off = 2.0 * terms.slack / (terms.alpha + store.norms[top]) + 1e-15
            count = _rivals(bounds, peaks, max(t - off, 0.0), labels[i], found, kept)
            winner, apart = contest(store, terms, row, found, kept, count, False)
        _record(store, terms, row, labels, i, winner, apart, out)


@_compiled
def judge_nested(
    store: Store, terms: Terms, rows: Any, x: Any, parents: Any, ends: Any, room: int, labels: Any, out: Any
) -> None:
    """``judge_flat`` where each row's candidates are the categories of its parent, at most ``room``."""
    row, found, kept = np.zeros(terms.width), np.empty(room, np.int64), np.empty(room)
    for i in range(rows.shape[0]):
        code_row(rows[i], row)
        count = 0
        j = ends[parents[i], 0] if 0 <= parents[i] < ends.shape[0] else -1
        while j >= 0:
            if j != labels[i]:
                found[count] = j
                count += 1
            j = store.following[j]
        count = shortlist(store, terms, x, i * terms.bytes, found, kept, count, False)
        winner, apart = contest(store, terms, row, found, kept, count, False)
        _record(store, terms, row, labels, i, winner, apart, out)


@_compiled
def match_block(store: Store, terms: Terms, rows: Any, size: int, out: Any) -> None:
    """M of rows and all categories: out (n, size)."""
    coded = np.zeros((rows.shape[0], terms.width))
    for i in range(rows.shape[0]):
        code_row(rows[i], coded[i])
    for j in range(size):
        for i in range(rows.shape[0]):
            out[i, j] = match_of(store, terms, j, coded[i], apart_of(store, terms, j, coded[i], np.inf))
