"""FastICA with all components at once (Hyvärinen 1999): fixed-point step, then symmetric decorrelation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe_fastica.kernel import moments
from darkframe_fastica.optimum import Limits, Outcome, Plateau, fixed_point_step, negentropy

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task
    from darkframe_fastica.contrasts import Contrast
    from darkframe_fastica.whitened import Whitened
    from darkframe_fastica.workers import Workers


def parallel(data: Whitened, unmixing: F64, contrast: Contrast, limits: Limits, workers: Workers, task: Task) -> Outcome:
    """Iterate W ← polar(E[g(Wz) zᵀ] − diag(E[g′(Wz)]) W) until a step turns no component by ``tol`` and the gradient is noise.

    With y = W z and W orthogonal the step is a rotation of W: polar(C − diag(E[g′])) W, where C = E[g(y) yᵀ].
    The W returned is the one its moments and gradient belong to.
    """
    plateau, tolerance = Plateau.of(contrast, data.n, data.k, subsample=limits.subsample), contrast.gradient_tolerance(data.n)
    for iteration in range(1, limits.max_iter + 1):
        now = moments(data, unmixing, contrast, workers)
        step = fixed_point_step(now)
        change = float(np.abs(np.abs(np.diag(step)) - 1).max())
        gradient = float(np.abs(now.gradient(now.signs)).max())
        settled = change < limits.tol and gradient <= tolerance
        flat = not settled and plateau.reached(negentropy(now, contrast), change)
        task.advance()
        task.note(f"{data.n} rows, change {change:.1e}, gradient {gradient:.1e}")
        if settled or flat:
            break
        if iteration < limits.max_iter:
            unmixing = step @ unmixing
    return Outcome(unmixing, now, iteration, settled, flat, gradient, change)
