"""The ``fastica`` decomposer: FastICA on whitened rows, from a subsample up to all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from darkframe_fastica import deflation
from darkframe_fastica.kernel import Shape
from darkframe_fastica.lbfgs import LBFGS, minimise
from darkframe_fastica.optimum import Limits, Outcome
from darkframe_fastica.parallel import parallel
from darkframe_fastica.plugin import FastICAParams
from darkframe_fastica.staged import StagedDecomposer, StagedFit
from darkframe_fastica.whitened import Whitened

if TYPE_CHECKING:
    from darkframe.interfaces import F64

_STAGE_ITERATIONS = 50  # on a subsample; what is not settled there is not worth settling there
_PLAIN = 12  # fixed-point steps on all rows before they are accelerated
_MEMORY, _FLOOR = 10, 0.01  # of the acceleration


class FastICASearch(StagedFit[FastICAParams]):
    """Fixed-point iteration on each stage, accelerated on all rows where it crawls."""

    def start(self, data: Whitened) -> F64:
        """A random rotation, or what deflation finds from one."""
        start = super().start(data)
        if self.params.algorithm == "parallel":
            return start
        found, most = deflation.search(data, start, self.contrast, self.params.tol, self.params.max_iter, self.workers, self.task)
        self.record(data, most)
        return found

    def settle(self, data: Whitened, unmixing: F64, *, last: bool) -> Outcome:
        """FastICA steps, and on all rows L-BFGS after the first few."""
        limit = max(1, self.left() if last else min(_STAGE_ITERATIONS, self.left() // 2))
        joint = self.params.algorithm == "parallel"
        limits = Limits(self.params.tol, min(limit, _PLAIN) if last and joint else limit, subsample=not last)
        step = parallel if joint else deflation.refine
        outcome = step(data, unmixing, self.contrast, limits, self.workers, self.task)
        self.record(data, outcome.iterations)
        if not last or not joint or outcome.settled or outcome.flat or self.left() == 0:
            return outcome
        return self._accelerate(data, outcome.unmixing)

    def _accelerate(self, data: Whitened, unmixing: F64) -> Outcome:
        """Go on by L-BFGS, whose first matrix is FastICA's own step, to the same criterion.

        FastICA takes a component's curvature for that of independent sources. Where it is less, as in rows that vary in length,
        the steps are right in direction and far too short, and hundreds are needed.
        """
        options = LBFGS(self.contrast.gradient_tolerance(data.n), self.left(), False, _MEMORY, _FLOOR, change=self.params.tol)
        outcome = minimise(data, unmixing, self.contrast, options, self.workers, self.task)
        self.record(data, outcome.iterations)
        return outcome

    def escape(self, data: Whitened, outcome: Outcome, more: Shape) -> F64 | None:
        """Deflation has none: its components are not a stationary point of the joint objective."""
        return None if self.params.algorithm == "deflation" else super().escape(data, outcome, more)

    def unsettled(self, outcome: Outcome, tolerance: float) -> str:
        """Change and gradient against what they should have come to."""
        change = f"change {outcome.change:.1e} against tol {self.params.tol:g}"
        state = f"{change}, gradient {outcome.gradient:.1e} against {tolerance:.1e}"
        if outcome.flat:
            return f"Stopped without converging: components kept turning without any gain beyond sampling noise ({state})."
        return f"Did not converge in max_iter = {self.params.max_iter} iterations ({state})."

    def details(self, outcome: Outcome) -> Mapping[str, Any]:
        """The algorithm and its own criterion."""
        return {"algorithm": self.params.algorithm, "change": outcome.change, "tol": self.params.tol}


class FastICA(StagedDecomposer[FastICAParams]):
    """Independent components by fixed-point iteration, in float32 tiles with float64 sums and a float64 decorrelation.

    The fit starts on a random subsample and ends on all rows. A fixed point of FastICA depends on the rows alone, not on the
    way to it, and the last stage iterates on all rows until the criterion is met there: starting on fewer changes the time only.

    Converged means, on all rows: no component turns by ``tol`` (scikit-learn's criterion), the gradient is within its sampling
    noise (0.3/√N), and no pair of components is at a saddle. Parallel steps that crawl are accelerated to the same criterion.
    Where Gaussian-like components keep turning without any gain the fit stops and says so.
    """

    name = "fastica"
    search = FastICASearch

    def __init__(self, params: FastICAParams | None = None) -> None:
        self.params = params or FastICAParams()
