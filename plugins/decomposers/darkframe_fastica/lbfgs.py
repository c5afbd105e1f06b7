"""Preconditioned L-BFGS on the orthogonal group: the search of Picard-O."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg

from darkframe_fastica.kernel import Moments, moments
from darkframe_fastica.optimum import Outcome, Plateau, fixed_point_change, negentropy, polar

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened
    from darkframe_fastica.workers import Workers

_HALVINGS = 8
_LARGEST_TURN = 0.8  # radians, of any entry of a step: beyond it the quadratic model says nothing
_SIGN_NOISE = 2.0  # standard deviations a component's excess must be past zero before its sign changes


@dataclass(frozen=True)
class LBFGS:
    """Options of one search.

    Attributes:
        tol: Largest entry of the gradient to stop at.
        max_iter: Passes over the rows at most.
        subsample: Whether more rows follow.
        memory: Pairs remembered.
        floor: Lower bound on the preconditioner's curvatures.
        change: FastICA's criterion on top, if given: the largest change its next step would make to a component.
    """

    tol: float
    max_iter: int
    subsample: bool
    memory: int
    floor: float
    change: float = math.inf


@dataclass(frozen=True, eq=False)
class _Point:
    unmixing: F64
    moments: Moments
    signs: F64

    @property
    def loss(self) -> float:
        return float((self.signs * self.moments.loss).sum())

    @property
    def gradient(self) -> F64:
        return self.moments.gradient(self.signs)


def minimise(data: Whitened, unmixing: F64, contrast: Contrast, options: LBFGS, workers: Workers, task: Task) -> Outcome:
    """Minimise Σ s_i E[G(y_i)] over rotations from ``unmixing`` on.

    Each trial of the line search is one pass that gives loss, gradient and curvatures together, so a step accepted at once costs
    one pass; nearly all are. The signs are those of the components' densities; they change only when clear of noise, and a change
    empties the memory, since the objective is then another.
    """

    def at(unmixing: F64, signs: F64 | None) -> _Point:
        task.advance()
        found = moments(data, unmixing, contrast, workers)
        return _Point(unmixing, found, found.signs if signs is None else signs)

    plateau = Plateau.of(contrast, data.n, data.k, subsample=options.subsample)
    noise = _SIGN_NOISE * contrast.excess_noise / np.sqrt(data.n)
    memory: deque[tuple[F64, F64]] = deque(maxlen=options.memory)
    point, passes, flat, turned = at(unmixing, None), 1, False, 0.0
    while True:
        size = float(np.abs(point.gradient).max())
        task.note(f"{data.n} rows, gradient {size:.1e}")
        change = fixed_point_change(point.moments) if options.change < math.inf else math.nan
        settled = size <= options.tol and not change >= options.change
        flat = not settled and plateau.reached(negentropy(point.moments, contrast), turned)
        if settled or flat or passes >= options.max_iter:
            break
        trial, step, tries = _line_search(point, memory, options, at)
        passes += tries
        turned = float(np.abs(step).max())
        if trial is None:
            flat = True
            break
        flipped = (trial.moments.signs != point.signs) & (np.abs(trial.moments.excess) > noise)
        if flipped.any():
            memory.clear()
            trial = _Point(trial.unmixing, trial.moments, np.where(flipped, trial.moments.signs, point.signs))
        else:
            memory.append((step, trial.gradient - point.gradient))
        point = trial
    return Outcome(polar(point.unmixing), point.moments, passes, settled, flat, size, change)


def _line_search(
    point: _Point, memory: deque[tuple[F64, F64]], options: LBFGS, at: Callable[[F64, F64], _Point]
) -> tuple[_Point | None, F64, int]:
    """Halve the step until the loss falls; without success once more along the preconditioned gradient, memory emptied.

    Returns:
        The new point, or None if no step lowers the loss; the step taken; and how many points were tried.
    """
    tries = 0
    while True:
        step = direction(point.moments, point.signs, point.gradient, memory, options.floor)
        largest = np.abs(step).max()
        step *= min(1.0, _LARGEST_TURN / largest)
        for _ in range(_HALVINGS):
            trial = at(scipy.linalg.expm(step) @ point.unmixing, point.signs)
            tries += 1
            if trial.loss < point.loss:
                return trial, step, tries
            step = step / 2
        if not memory:
            return None, step, tries
        memory.clear()


def direction(moments: Moments, signs: F64, gradient: F64, memory: deque[tuple[F64, F64]], floor: float) -> F64:
    """The L-BFGS direction (two-loop recursion), its first matrix being Picard-O's approximate Hessian.

    For rotations of y_i against y_j that is h_ij = (s_i e_i + s_j e_j) / 2, with e_i = E[g′(y_i)] − E[y_i g(y_i)]: exact where
    sources are independent.
    """
    weight = signs * moments.excess
    curvature = np.maximum((weight[:, None] + weight[None, :]) / 2, floor)
    q, kept = gradient.copy(), []
    for step, change in reversed(memory):
        inner = float((step * change).sum())
        if inner <= 0:
            continue
        alpha = float((step * q).sum()) / inner
        q -= alpha * change
        kept.append((step, change, inner, alpha))
    z = q / curvature
    for step, change, inner, alpha in reversed(kept):
        z += (alpha - float((change * z).sum()) / inner) * step
    return -z
