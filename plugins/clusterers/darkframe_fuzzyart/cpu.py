"""The CPU engine (numba)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.compiled import compiled
from darkframe_fuzzyart.engine import Categories, Rule

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64

NO_PARENTS = np.empty(0, np.int64)


@compiled(error_model="numpy")
def _common(x: Any, w: Any) -> float:
    """|I ∧ w|, the sequential sum."""
    d = x.shape[0]
    total = 0.0
    for k in range(d):
        total += min(x[k], w[k])
    for k in range(d):
        total += min(1.0 - x[k], w[d + k])
    return total


@compiled(error_model="numpy")
def _norm(w: Any) -> float:
    total = 0.0
    for k in range(w.shape[0]):
        total += w[k]
    return total


@compiled(error_model="numpy")
def _learn(rows: Any, parents: Any, own: Any, weights: Any, norms: Any, counts: Any, size: int, rule: Any, labels: Any) -> int:
    rho, alpha, beta = rule
    d = rows.shape[1]
    for i in range(rows.shape[0]):
        x = rows[i]
        parent = parents[i] if parents.shape[0] else 0
        best, best_t = -1, -1.0
        for j in range(size):
            if own[j] == parent:
                s = _common(x, weights[j])
                t = s / (alpha + norms[j])
                if t > best_t and s / d >= rho:
                    best, best_t = j, t
        if best < 0:
            best = size
            size += 1
            own[best] = parent
            counts[best] = 0
            for k in range(d):
                weights[best, k] = x[k]
                weights[best, d + k] = 1.0 - x[k]
        else:
            for k in range(d):
                weights[best, k] = beta * min(x[k], weights[best, k]) + (1.0 - beta) * weights[best, k]
                weights[best, d + k] = beta * min(1.0 - x[k], weights[best, d + k]) + (1.0 - beta) * weights[best, d + k]
        norms[best] = _norm(weights[best])
        counts[best] += 1
        labels[i] = best
    return size


@compiled(error_model="numpy")
def _judge(rows: Any, parents: Any, own: Any, weights: Any, norms: Any, size: int, alpha: float, labels: Any, out: Any) -> None:
    """For each row: the match with its label, its choice less the best other one's; or with labels of −1 the best itself."""
    d = rows.shape[1]
    for i in range(rows.shape[0]):
        x = rows[i]
        parent = parents[i] if parents.shape[0] else 0
        mine, mine_t, mine_m, other_t = labels[i], np.nan, np.nan, np.nan
        for j in range(size):
            if own[j] != parent:
                continue
            s = _common(x, weights[j])
            t = s / (alpha + norms[j])
            if j == labels[i] or (labels[i] < 0 and not t <= mine_t):
                mine, mine_t, mine_m = j, t, s / d
            elif not t <= other_t:
                other_t = t
        labels[i] = mine
        out[0, i] = mine_m
        out[1, i] = mine_t - other_t


@compiled(error_model="numpy")
def _match(rows: Any, weights: Any, size: int, out: Any) -> None:
    for i in range(rows.shape[0]):
        for j in range(size):
            out[i, j] = _common(rows[i], weights[j]) / rows.shape[1]


class CpuLevel:
    """One level's categories in arrays that grow."""

    def __init__(self, rule: Rule, start: Categories) -> None:
        self.rule = rule
        self._size = len(start.counts)
        self._dims = start.weights.shape[1] // 2
        self._arrays = self._room(start.weights, np.zeros(self._size), start.counts, start.parents, room=self._size)
        weights, norms, _, _ = self._arrays
        for j in range(self._size):
            norms[j] = _norm(weights[j])

    @property
    def size(self) -> int:
        """Categories so far."""
        return self._size

    def _room(self, *arrays: Any, room: int) -> tuple[Any, ...]:
        """Copies with room for so many categories."""
        grown = tuple(np.empty((room, *array.shape[1:]), array.dtype) for array in arrays)
        for new, old in zip(grown, arrays):
            new[: self._size] = old[: self._size]
        return grown

    def learn(self, rows: F64, parents: I64 | None) -> I64:
        """See ``Level``."""
        if self._size + len(rows) > len(self._arrays[0]):
            self._arrays = self._room(*self._arrays, room=self._size + len(rows) + self._size // 2)
        weights, norms, counts, own = self._arrays
        labels = np.empty(len(rows), np.int64)
        rule = (self.rule.rho, self.rule.alpha, self.rule.beta)
        self._size = _learn(rows, _given(parents), own, weights, norms, counts, self._size, rule, labels)
        return labels

    def choose(self, rows: F64, parents: I64 | None) -> tuple[I64, F64]:
        """See ``Level``."""
        labels = np.full(len(rows), -1)
        match, _ = self.judge(rows, parents, labels)
        return labels, match

    def judge(self, rows: F64, parents: I64 | None, labels: I64) -> tuple[F64, F64]:
        """See ``Level``."""
        weights, norms, _, own = self._arrays
        out = np.empty((2, len(rows)))
        _judge(rows, _given(parents), own, weights, norms, self._size, self.rule.alpha, labels, out)
        return out[0], out[1]

    def match(self, rows: F64) -> F64:
        """See ``Level``."""
        out = np.empty((len(rows), self._size))
        _match(rows, self._arrays[0], self._size, out)
        return out

    def categories(self) -> Categories:
        """See ``Level``."""
        weights, _, counts, own = self._arrays
        return Categories(weights[: self._size], counts[: self._size], own[: self._size])


def _given(parents: I64 | None) -> I64:
    return NO_PARENTS if parents is None else parents


class CpuEngine:
    """Computes on the CPU."""

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or _cores()

    def level(self, rule: Rule, start: Categories) -> CpuLevel:
        """See ``Engine``."""
        return CpuLevel(rule, start)


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
