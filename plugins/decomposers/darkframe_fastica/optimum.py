"""What both algorithms share: where a search stands, when it has come to rest, and how it gets off a saddle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from darkframe_fastica.kernel import Moments, Shape, shape

if TYPE_CHECKING:
    from darkframe.interfaces import F32, F64
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened
    from darkframe_fastica.workers import Workers

_ESCAPE_ROWS = 16384
_ANGLES = np.arange(1, 16) * (math.pi / 32)  # over (0, π/2): a quarter turn only swaps the two components


@dataclass(frozen=True, eq=False)
class Outcome:
    """Where a search over one stage's rows ended.

    Attributes:
        unmixing: (k, k) float64 orthogonal.
        moments: Of the projections on ``unmixing``, over this stage's rows.
        iterations: Passes over this stage's rows.
        settled: Whether the algorithm's criterion was met.
        flat: Whether it was stopped because the objective no longer rose by more than its sampling noise.
        gradient: Largest entry of the gradient.
        change: Largest change max |1 − |cos|| of a component in the last step.
    """

    unmixing: F64
    moments: Moments
    iterations: int
    settled: bool
    flat: bool
    gradient: float
    change: float


@dataclass
class Plateau:
    """Notices that the objective has stopped rising: less than its sampling noise in ``patience`` iterations.

    Gaussian-like components turn for ever without any gain; that is noise, not progress. The noise of Σ E[G(y_i)] over n rows
    and k components is ``loss_noise · √(k/n)``.
    """

    noise: float
    patience: int = 12
    best: float = -math.inf
    waited: int = field(default=0)

    @classmethod
    def of(cls, contrast: Contrast, n: int, k: int, *, patience: int = 12) -> Plateau:
        """Plateau for n rows and k components."""
        return cls(contrast.loss_noise * math.sqrt(k / n), patience)

    def reached(self, objective: float) -> bool:
        """Take the objective of one more iteration."""
        if objective > self.best + self.noise:
            self.best, self.waited = objective, 0
        else:
            self.waited += 1
        return self.waited >= self.patience


def negentropy(moments: Moments, contrast: Contrast) -> float:
    """Σ s_i (E[G(ν)] − E[G(y_i)]): zero for Gaussian projections, the higher the less Gaussian they are."""
    return float((moments.signs * (contrast.gaussian - moments.loss)).sum())


def polar(matrix: F64) -> F64:
    """The orthogonal polar factor (M Mᵀ)^(−1/2) M, by a float64 singular value decomposition."""
    left, _, right = np.linalg.svd(matrix)
    out: F64 = left @ right
    return out


def random_rotation(k: int, seed: int) -> F64:
    """A seeded orthogonal (k, k) matrix to start from."""
    return polar(np.random.default_rng([seed, 0]).normal(size=(k, k)))


def pair_curvatures(moments: Moments, more: Shape) -> F64:
    """Second derivative of the objective when components i and j are turned in their plane, negative at a saddle.

    With f(θ) = s_i E[G(cos θ y_i + sin θ y_j)] + s_j E[G(cos θ y_j − sin θ y_i)]:
    f″(0) = s_i (E[g′(y_i) y_j²] − E[y_i g(y_i)]) + s_j (E[g′(y_j) y_i²] − E[y_j g(y_j)]).

    Returns:
        (k, k) symmetric; the diagonal is infinite.
    """
    half = moments.signs[:, None] * (more.curvature - np.diag(moments.cross)[:, None])
    out: F64 = half + half.T
    np.fill_diagonal(out, np.inf)
    return out


def saddle_pairs(curvatures: F64, cut: float) -> list[tuple[int, int]]:
    """Disjoint pairs with curvature below −cut, most negative first."""
    rows, columns = np.nonzero(np.triu(curvatures < -cut, 1))
    order = np.argsort(curvatures[rows, columns], kind="stable")
    used: set[int] = set()
    pairs = []
    for i, j in zip(rows[order].tolist(), columns[order].tolist()):
        if not used & {i, j}:
            used |= {i, j}
            pairs.append((i, j))
    return pairs


def escape_saddle(
    data: Whitened, outcome: Outcome, contrast: Contrast, workers: Workers
) -> tuple[F64 | None, F64]:
    """Look for pairs of components that are mixed at a saddle, and turn each to the best angle found.

    A fixed-point iteration can come to rest where two sources are mixed half and half: the gradient is zero there, but the
    curvature is negative.

    Returns:
        The unmixing turned away from the saddle, or None if it is at none; and the pairs' curvatures.
    """
    curvatures = pair_curvatures(outcome.moments, shape(data, outcome.unmixing, contrast, workers))
    pairs = saddle_pairs(curvatures, contrast.identifiability_cut(data.n))
    if not pairs:
        return None, curvatures
    with data.reader() as read:
        z = read(0, min(data.n, _ESCAPE_ROWS))
        y = z @ outcome.unmixing.T.astype(np.float32)
    turned = outcome.unmixing.copy()
    moved = False
    for i, j in pairs:
        angle = _best_angle(y[:, i], y[:, j], contrast)
        c, s = math.cos(angle), math.sin(angle)
        turned[[i, j]] = np.array([[c, s], [-s, c]]) @ turned[[i, j]]
        moved |= angle != 0
    return (turned if moved else None), curvatures


def _best_angle(a: F32, b: F32, contrast: Contrast) -> float:
    """The angle that makes two projections least Gaussian, or 0."""
    angles = np.concatenate([[0.0], _ANGLES])
    c, s = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    both = np.concatenate([np.outer(a, c) + np.outer(b, s), np.outer(b, c) - np.outer(a, s)], axis=1)
    distance = np.abs(contrast.objective(np.ascontiguousarray(both)) - contrast.gaussian).reshape(2, -1).sum(axis=0)
    return float(angles[int(distance.argmax())])
