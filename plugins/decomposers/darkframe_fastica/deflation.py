"""FastICA with one component after another (Hyvärinen & Oja 1997): each is kept orthogonal to those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe_fastica.kernel import Moments, moments, single
from darkframe_fastica.optimum import Limits, Outcome, Plateau, negentropy

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened
    from darkframe_fastica.workers import Workers


def search(
    data: Whitened, start: F64, contrast: Contrast, tol: float, max_iter: int, workers: Workers, task: Task
) -> tuple[F64, int]:
    """Find the components one by one from the rows of ``start`` (k, k).

    Returns:
        The unmixing (k, k) and the largest number of iterations any component took.
    """
    found = np.empty_like(start)
    most = 0
    for p in range(len(start)):
        weight = _orthogonal_unit(start[p], found[:p])
        plateau = Plateau.of(contrast, data.n, 1, subsample=False)
        taken = 0
        while taken < max_iter:
            taken += 1
            cross, slope, loss = single(data, weight, contrast, workers)
            last, weight = weight, _orthogonal_unit(cross - slope * weight, found[:p])
            if abs(abs(float(weight @ last)) - 1) < tol or plateau.reached(abs(contrast.gaussian - loss), 0):
                break
        most = max(most, taken)
        found[p] = weight
        task.note(f"component {p + 1}")
    return found, most


def _orthogonal_unit(weight: F64, before: F64) -> F64:
    """Gram–Schmidt, twice: once leaves rounding behind when little is left of the vector."""
    for _ in range(2):
        weight = weight - before.T @ (before @ weight)
        weight = weight / np.linalg.norm(weight)
    return weight


def refine(data: Whitened, unmixing: F64, contrast: Contrast, limits: Limits, workers: Workers, task: Task) -> Outcome:
    """Take all components on together, each kept orthogonal to those before it.

    A component of deflation depends on the earlier ones only, so stepping all of them and orthogonalising in order (Gram–Schmidt,
    where ``parallel`` decorrelates symmetrically) has the same fixed points as one after another, at one pass an iteration.
    """
    plateau, tolerance = (
        Plateau.of(contrast, data.n, data.k, subsample=limits.subsample),
        contrast.gradient_tolerance(data.n) * np.sqrt(2),
    )
    for iteration in range(1, limits.max_iter + 1):
        now = moments(data, unmixing, contrast, workers)
        step = _in_order(now.cross - np.diag(now.slope))
        change = float(np.abs(np.abs(np.diag(step)) - 1).max())
        gradient = deflation_gradient(now)
        settled = change < limits.tol and gradient <= tolerance
        flat = not settled and plateau.reached(negentropy(now, contrast), change)
        task.advance()
        task.note(f"{data.n} rows, change {change:.1e}, gradient {gradient:.1e}")
        if settled or flat:
            break
        if iteration < limits.max_iter:
            unmixing = step @ unmixing
    return Outcome(unmixing, now, iteration, settled, flat, gradient, change)


def _in_order(matrix: F64) -> F64:
    """Rows orthonormalised one after another, each pointing along its own row: by QR of the transpose."""
    q, r = np.linalg.qr(matrix.T)
    out: F64 = (q * np.sign(np.diag(r))).T
    return out


def deflation_gradient(now: Moments) -> float:
    """Largest |E[g(y_i) y_j]| over j > i: what is left of each component's gradient in the directions it may turn to."""
    above = np.triu(now.cross, 1)
    return float(np.abs(above).max())
