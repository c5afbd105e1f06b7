"""The ``picard`` decomposer: Picard-O on whitened rows, from a subsample up to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darkframe_fastica.lbfgs import LBFGS, minimise
from darkframe_fastica.optimum import Outcome
from darkframe_fastica.plugin import PicardParams
from darkframe_fastica.staged import StagedDecomposer, StagedFit
from darkframe_fastica.whitened import Whitened

if TYPE_CHECKING:
    from darkframe.interfaces import F64


class PicardSearch(StagedFit[PicardParams]):
    """Preconditioned L-BFGS on each stage."""

    def settle(self, data: Whitened, unmixing: F64, *, last: bool) -> Outcome:
        """L-BFGS to the gradient's sampling noise, or on all rows to ``tol``."""
        options = LBFGS(
            tol=self.tolerance(data.n) if last else self.contrast.gradient_tolerance(data.n),
            max_iter=max(1, self.left() if last else self.left() // 2),
            subsample=not last,
            memory=self.params.memory,
            floor=self.params.curvature,
        )
        outcome = minimise(data, unmixing, self.contrast, options, self.workers, self.task)
        self.record(data, outcome.iterations)
        return outcome

    def tolerance(self, rows: int) -> float:
        """``tol``, or the gradient's sampling noise."""
        return self.params.tol or super().tolerance(rows)

    def unsettled(self, outcome: Outcome, tolerance: float) -> str:
        """The gradient against what it should have come to."""
        state = f"gradient {outcome.gradient:.1e} against {tolerance:.1e}"
        if outcome.flat:
            return f"Stopped without converging: no step improves the objective beyond sampling noise ({state})."
        return f"Did not converge in max_iter = {self.params.max_iter} iterations ({state})."


class Picard(StagedDecomposer[PicardParams]):
    """Independent components by preconditioned L-BFGS on the rotations.

    Ablin, Cardoso & Gramfort 2018, "Faster ICA under orthogonal constraint". It minimises Σ s_i E[G(y_i)] over orthogonal W,
    y = W z, where the sign s_i follows each component's density (sub- or super-Gaussian), and stops by the gradient: at its
    sampling noise, or ``tol``. It is the optimum FastICA has, reached where FastICA crawls: on components that are barely
    identifiable. The fit starts on a random subsample and ends on all rows, where the criterion must be met: starting on fewer
    changes the time only.

    Converged means, on all rows: the gradient's largest entry is at most the tolerance, and no pair of components is at a saddle.
    """

    name = "picard"
    search = PicardSearch

    def __init__(self, params: PicardParams | None = None) -> None:
        self.params = params or PicardParams()
