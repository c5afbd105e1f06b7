"""One level's categories in arrays that grow: exact weights, and boxes of bytes rounded outward for the filters.

A byte stands for 1/256: x lies in [b, b + 1]/256 for b = min(⌊256 x⌋, 255). A box [u, v] is kept as low = ⌊256 u⌋ − 1 and
high = ⌈256 v⌉, held within 0 and 255. Then the distance of b to [low, high], over 256, never exceeds that of x to [u, v], so
the sum over dimensions is a lower bound of |w| − |I ∧ w|, in units of 1/256.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from darkframe_fuzzyart.lanes import CHUNK, STEP

if TYPE_CHECKING:
    from darkframe_fuzzyart.engine import Categories, Rule

UNITS = 256
"""Steps that a byte divides [0, 1] into."""


RESERVED = 2**29
"""Bytes that weights have room for from the start. Room that is not written to takes no memory; copying to grow would."""

AT_FIRST = 2**16
"""Categories that there is room for from the start at most."""


class Store(NamedTuple):
    """Arrays with room for more categories than there are; W is 2d padded to ``STEP``, P is d padded to ``HEAD``.

    Attributes:
        weights: (room · W,) float64, zero behind 2d.
        norms: (room,) float64 |w| summed in vectors.
        exact: (room,) float64 |w| summed sequentially; NaN until it is needed.
        counts, parents: (room,) int64.
        boxes: (room · 2 P,) uint8, low bytes, then high ones.
        limits: (room,) int64: a row further from the box than this, in bytes, fails vigilance.
        following: (room,) int64 the next category of the same parent, or −1.
    """

    weights: Any
    norms: Any
    exact: Any
    counts: Any
    parents: Any
    boxes: Any
    limits: Any
    following: Any


class Terms(NamedTuple):
    """The rule, and how far sums may be from the sequential ones.

    Attributes:
        rho, alpha, beta: The rule.
        dims: d.
        width: W.
        bytes: P.
        slack: Greatest difference between |I ∧ w| as |w| − Σ max(w − I, 0), summed in any order, and its sequential sum: each of
            three sums of n = 2d numbers that add up to at most d is within n d 2⁻⁵³ of the true one (Higham, 2002, eq. 4.4).
    """

    rho: float
    alpha: float
    beta: float
    dims: int
    width: int
    bytes: int
    slack: float


def terms(rule: Rule, dims: int) -> Terms:
    """Terms of a level."""
    width, padded = math.ceil(2 * dims / STEP) * STEP, math.ceil(dims / CHUNK) * CHUNK
    return Terms(rule.rho, rule.alpha, rule.beta, dims, width, padded, 4 * (2 * dims) * dims * 2.0**-53)


def empty_store(terms: Terms, room: int) -> Store:
    """Arrays with room for so many categories, not filled in (pages that are never written take no memory)."""
    return Store(
        weights=np.empty(room * terms.width),
        norms=np.empty(room),
        exact=np.empty(room),
        counts=np.empty(room, np.int64),
        parents=np.empty(room, np.int64),
        boxes=np.empty(room * 2 * terms.bytes, np.uint8),
        limits=np.empty(room, np.int64),
        following=np.empty(room, np.int64),
    )


def grown(store: Store, terms: Terms, size: int, more: int) -> Store:
    """The store with room for ``more`` categories behind the first ``size``: itself, or a copy of at least twice the room."""
    old = len(store.norms)
    if size + more <= old:
        return store
    try:
        new = empty_store(terms, max(size + more, 2 * old, min(AT_FIRST, RESERVED // (8 * terms.width))))
    except MemoryError:  # where reserving counts as using
        new = empty_store(terms, size + more)
    for mine, theirs in zip(new, store):
        used = len(theirs) // max(old, 1) * size
        mine[:used] = theirs[:used]
    return new


def weights_of(store: Store, terms: Terms, size: int) -> Any:
    """(size, 2d) view of the weights."""
    return store.weights[: size * terms.width].reshape(size, terms.width)[:, : 2 * terms.dims]


def fill(store: Store, terms: Terms, start: Categories) -> None:
    """Put categories into the first places of a store; bytes and sums are left to the kernels."""
    size = len(start.counts)
    whole = store.weights[: size * terms.width].reshape(size, terms.width)
    whole[:, : 2 * terms.dims] = start.weights
    whole[:, 2 * terms.dims :] = 0
    store.counts[:size] = start.counts
    store.parents[:size] = start.parents
