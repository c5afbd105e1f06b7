"""Fuzzy ART word for word, one row and one category at a time, and problems to put it through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Problem:
    """Rows in [0, 1] with a rule; ``parents`` is None at a first level."""

    rows: np.ndarray
    rho: float
    alpha: float
    beta: float
    parents: np.ndarray | None


def added_up(values: np.ndarray) -> float:
    """The sum from the first to the last (numpy's own ``sum`` adds in pairs)."""
    return float(np.cumsum(values)[-1])


class Reference:
    """Learns, chooses and matches by the definition."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.weights: list[np.ndarray] = []
        self.parents: list[int] = []
        self.counts: list[int] = []

    def scores(self, row: np.ndarray, parent: int) -> list[tuple[int, float, float]]:
        """(category, T, M) of the row's candidates."""
        coded = np.concatenate([row, 1 - row])
        found = []
        for j, w in enumerate(self.weights):
            if self.parents[j] == parent:
                common = added_up(np.minimum(coded, w))
                found.append((j, common / (self.problem.alpha + added_up(w)), common / len(row)))
        return found

    def learn(self) -> np.ndarray:
        """Labels of the problem's rows, in order."""
        problem = self.problem
        labels = []
        for i, row in enumerate(problem.rows):
            parent = 0 if problem.parents is None else int(problem.parents[i])
            passing = [(t, -j) for j, t, m in self.scores(row, parent) if m >= problem.rho]
            coded = np.concatenate([row, 1 - row])
            if passing:
                j = -max(passing)[1]
                w = self.weights[j]
                self.weights[j] = np.minimum(problem.beta * np.minimum(coded, w) + (1 - problem.beta) * w, w)
                self.counts[j] += 1
            else:
                j = len(self.weights)
                self.weights.append(coded)
                self.parents.append(parent)
                self.counts.append(1)
            labels.append(j)
        return np.array(labels)


def problem(seed: int) -> Problem:
    """A random problem; by turns uniform, on a coarse grid (ties), with repeated rows, in families, nearly constant."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 110)), int(rng.integers(1, 70))
    rows = rng.random((n, d))
    if seed % 5 == 1:
        rows = np.round(rows * 4) / 4
    elif seed % 5 == 2:
        rows = rows[rng.integers(0, max(1, n // 3), n)]
    elif seed % 5 == 3:
        rows = np.clip(rng.random((5, d))[rng.integers(0, 5, n)] + 0.03 * rng.standard_normal((n, d)), 0, 1)
    elif seed % 5 == 4:
        rows = np.where(rng.random((n, d)) < 0.05, rows, rows[0])
    rho, alpha, beta = (
        rng.choice([0, 0.2, 0.5, 0.75, 0.8, 0.9, 0.99, 1.0]),
        rng.choice([0.01, 1e-7, 1.0]),
        rng.choice([1, 1, 0.5, 0.1]),
    )
    parents = rng.integers(0, 4, n) if seed % 3 == 0 else None
    return Problem(np.ascontiguousarray(rows), float(rho), float(alpha), float(beta), parents)
