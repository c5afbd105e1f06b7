"""What both algorithms share: where a search stands, when it has come to rest, and how it gets off a saddle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from darkframe_fastica.kernel import Moments, Shape

if TYPE_CHECKING:
    from darkframe.interfaces import F32, F64
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened

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


@dataclass(frozen=True)
class Limits:
    """When to stop a fixed-point search on one stage's rows.

    Attributes:
        tol: Largest change of a component.
        max_iter: Iterations.
        subsample: Whether more rows follow.
    """

    tol: float
    max_iter: int
    subsample: bool


@dataclass
class Plateau:
    """Notices when going on with these rows is of no use.

    On all rows: the objective has not risen by more than its sampling noise for ``patience`` iterations. Gaussian-like components
    turn for ever without any gain; that is noise, not progress. The noise of Σ E[G(y_i)] over n rows and k components is
    ``loss_noise · √(k/n)``.

    On a subsample of fewer than 4k² rows also: it grows slowly, by less than 1.6 times in six iterations, while components still
    turn freely. At a random start each projection mixes all k sources and is nearly Gaussian, so that on few rows the search
    wanders; on more it takes off.
    """

    noise: float
    patience: int
    few: bool
    best: float = -math.inf
    waited: int = 0
    seen: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, contrast: Contrast, n: int, k: int, *, subsample: bool) -> Plateau:
        """Plateau for n rows and k components."""
        return cls(contrast.loss_noise * math.sqrt(k / n), 4 if subsample else 8, subsample and n < 4 * k * k)

    def reached(self, objective: float, change: float) -> bool:
        """Take the objective of one more iteration, and the largest change of a component in it."""
        self.seen.append(objective)
        if objective > self.best + self.noise:
            self.best, self.waited = objective, 0
        else:
            self.waited += 1
        return self.waited >= self.patience or (self.few and change > 0.5 and self._slow())

    def _slow(self) -> bool:
        return len(self.seen) > 6 and self.seen[-1] < 1.6 * self.seen[-7]


def negentropy(moments: Moments, contrast: Contrast) -> float:
    """Σ s_i (E[G(ν)] − E[G(y_i)]): zero for Gaussian projections, the higher the less Gaussian they are."""
    return float((moments.signs * (contrast.gaussian - moments.loss)).sum())


def polar(matrix: F64) -> F64:
    """The orthogonal polar factor (M Mᵀ)^(−1/2) M, by a float64 singular value decomposition."""
    left, _, right = np.linalg.svd(matrix)
    out: F64 = left @ right
    return out


def fixed_point_step(now: Moments) -> F64:
    """FastICA's next step as a rotation of W: the polar factor of C − diag(E[g′]), C = E[g(y) yᵀ]."""
    return polar(now.cross - np.diag(now.slope))


def fixed_point_change(now: Moments) -> float:
    """Largest change max |1 − |cos|| that FastICA's next step makes to a component: scikit-learn's criterion."""
    return float(np.abs(np.abs(np.diag(fixed_point_step(now))) - 1).max())


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


def escape_saddle(data: Whitened, outcome: Outcome, more: Shape, contrast: Contrast) -> F64 | None:
    """Look for pairs of components that are mixed at a saddle, and turn each to the best angle found.

    A fixed-point iteration can come to rest where two sources are mixed half and half: the gradient is zero there, but the
    curvature is negative.

    Args:
        data: A subsample of the rows (or all).
        outcome: Where the search came to rest.
        more: Its curvatures, measured on ``data``.
        contrast: The contrast function.

    Returns:
        The unmixing turned away from the saddle, or None if it is at none.
    """
    pairs = saddle_pairs(pair_curvatures(outcome.moments, more), contrast.identifiability_cut(data.n))
    if not pairs:
        return None
    with data.reader() as read:
        y = read(0, min(data.n, _ESCAPE_ROWS)) @ outcome.unmixing.T.astype(np.float32)
    turned = outcome.unmixing.copy()
    for i, j in pairs:
        angle = _best_angle(y[:, i], y[:, j], contrast)
        c, s = math.cos(angle), math.sin(angle)
        turned[[i, j]] = np.array([[c, s], [-s, c]]) @ turned[[i, j]]
    return None if np.array_equal(turned, outcome.unmixing) else turned


def _best_angle(a: F32, b: F32, contrast: Contrast) -> float:
    """The angle that makes two projections least Gaussian, or 0."""
    angles = np.concatenate([[0.0], _ANGLES])
    c, s = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    both = np.concatenate([np.outer(a, c) + np.outer(b, s), np.outer(b, c) - np.outer(a, s)], axis=1)
    distance = np.abs(contrast.objective(np.ascontiguousarray(both)) - contrast.gaussian).reshape(2, -1).sum(axis=0)
    return float(angles[int(distance.argmax())])
