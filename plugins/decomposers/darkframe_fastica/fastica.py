"""The ``fastica`` decomposer: FastICA on whitened rows, from a subsample up to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkframe import Decomposition, FitContext, Rows
from darkframe_fastica import deflation
from darkframe_fastica.contrasts import CONTRASTS, Contrast
from darkframe_fastica.finish import decomposition
from darkframe_fastica.kernel import Shape, shape
from darkframe_fastica.lbfgs import LBFGS, minimise
from darkframe_fastica.optimum import Limits, Outcome, escape_saddle, random_rotation
from darkframe_fastica.parallel import parallel
from darkframe_fastica.plugin import FastICAParams
from darkframe_fastica.whitened import Stages, Whitened, whitened_stages
from darkframe_fastica.workers import Workers, workers

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task

_ROUNDS = 4  # saddles escaped from before giving up
_STAGE_ITERATIONS = 50  # on a subsample; what is not settled there is not worth settling there
_PLAIN = 12  # fixed-point steps on all rows before they are accelerated
_MEMORY, _FLOOR = 10, 0.01  # of the acceleration


class FastICA:
    """Independent components by fixed-point iteration, in float32 tiles with float64 sums and a float64 decorrelation.

    The fit starts on a random subsample and ends on all rows. A fixed point of FastICA depends on the rows alone, not on the
    way to it, and the last stage iterates on all rows until the criterion is met there: starting on fewer changes the time only.

    Converged means, on all rows: no component turns by ``tol`` (scikit-learn's criterion), the gradient is within its sampling
    noise (0.3/√N), and no pair of components is at a saddle. Parallel steps that crawl are accelerated to the same criterion.
    Where Gaussian-like components keep turning without any gain the fit stops and says so.
    """

    def __init__(self, params: FastICAParams | None = None) -> None:
        self.params = params or FastICAParams()

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows.

        Args:
            rows: (N, d) rows; their mean and covariance are used for the whitening.
            context: Seed, recommended number of components, and a scratch folder for whitened rows that are too many for memory.

        Raises:
            ParameterError: More components asked for than dimensions or rows allow.
            DataError: Rows that are not finite, fewer than two, or all the same.
        """
        with workers() as pool:
            stages = whitened_stages(rows, self.params.n_components, self.params.subsample, context, pool)
            with context.progress.task("fastica", None, "iterations") as task:
                return fit_stages(self.params, stages, context.seed, pool, task)


def fit_stages(params: FastICAParams, stages: Stages, seed: int, workers: Workers, task: Task) -> Decomposition:
    """The search itself, on rows already whitened."""
    return _Fit(params, stages, seed, workers, task).run()


@dataclass
class _Fit:
    params: FastICAParams
    stages: Stages
    seed: int
    workers: Workers
    task: Task
    iterations: int = 0

    def __post_init__(self) -> None:
        self.contrast: Contrast = CONTRASTS[self.params.fun]
        self.history: list[dict[str, float]] = []

    def run(self) -> Decomposition:
        """Go through the stages; return to the last subsample after a saddle."""
        data = self.stages.stages
        unmixing = self._start(data[0])
        for stage in data[:-1]:
            unmixing = self._settle(stage, unmixing, last=False).unmixing
        check = data[-2] if len(data) > 1 else data[-1]
        saddles = 0
        for _ in range(_ROUNDS):
            outcome = self._settle(data[-1], unmixing, last=True)
            more = shape(check, outcome.unmixing, self.contrast, self.workers)
            turned = self._escape(check, outcome, more)
            if turned is None or self._left() == 0:
                break
            saddles += 1
            unmixing = self._settle(check, turned, last=False).unmixing if check is not data[-1] else turned
        return self._finish(outcome, more, saddles, at_saddle=turned is not None)

    def _start(self, data: Whitened) -> F64:
        start = random_rotation(data.k, self.seed)
        if self.params.algorithm == "parallel":
            return start
        found, most = deflation.search(data, start, self.contrast, self.params.tol, self.params.max_iter, self.workers, self.task)
        self._record(data, most)
        return found

    def _settle(self, data: Whitened, unmixing: F64, *, last: bool) -> Outcome:
        limit = max(1, self._left() if last else min(_STAGE_ITERATIONS, self._left() // 2))
        joint = self.params.algorithm == "parallel"
        limits = Limits(self.params.tol, min(limit, _PLAIN) if last and joint else limit, subsample=not last)
        step = parallel if joint else deflation.refine
        outcome = step(data, unmixing, self.contrast, limits, self.workers, self.task)
        self._record(data, outcome.iterations)
        if not last or not joint or outcome.settled or outcome.flat or self._left() == 0:
            return outcome
        return self._accelerate(data, outcome.unmixing)

    def _accelerate(self, data: Whitened, unmixing: F64) -> Outcome:
        """Go on by L-BFGS, whose first matrix is FastICA's own step, to the same criterion.

        FastICA takes a component's curvature for that of independent sources. Where it is less, as in rows that vary in length,
        the steps are right in direction and far too short, and hundreds are needed.
        """
        options = LBFGS(self.contrast.gradient_tolerance(data.n), self._left(), False, _MEMORY, _FLOOR, change=self.params.tol)
        outcome = minimise(data, unmixing, self.contrast, options, self.workers, self.task)
        self._record(data, outcome.iterations)
        return outcome

    def _escape(self, data: Whitened, outcome: Outcome, more: Shape) -> F64 | None:
        if self.params.algorithm == "deflation":
            return None  # its components are not a stationary point of the joint objective
        return escape_saddle(data, outcome, more, self.contrast)

    def _left(self) -> int:
        return max(0, self.params.max_iter - self.iterations)

    def _record(self, data: Whitened, iterations: int) -> None:
        self.iterations += iterations
        self.history.append({"rows": data.n, "iterations": iterations})

    def _finish(self, outcome: Outcome, more: Shape, saddles: int, *, at_saddle: bool) -> Decomposition:
        tolerance = self.contrast.gradient_tolerance(outcome.moments.n)
        return decomposition(
            self.stages.whitening,
            outcome,
            more,
            self.contrast,
            self.iterations,
            outcome.settled and not at_saddle,
            _warnings(outcome, self.params, tolerance, at_saddle),
            {
                "algorithm": self.params.algorithm,
                "fun": self.params.fun,
                "change": outcome.change,
                "tol": self.params.tol,
                "gradient_tolerance": tolerance,
                "saddles_left": saddles,
                "stages": self.history,
            },
        )


def _warnings(outcome: Outcome, params: FastICAParams, tolerance: float, at_saddle: bool) -> list[str]:
    if outcome.settled:
        return ["Some pairs of components stayed mixed at a saddle of the objective."] if at_saddle else []
    state = f"change {outcome.change:.1e} against tol {params.tol:g}, gradient {outcome.gradient:.1e} against {tolerance:.1e}"
    if outcome.flat:
        return [f"Stopped without converging: components kept turning without any gain beyond sampling noise ({state})."]
    return [f"Did not converge in max_iter = {params.max_iter} iterations ({state})."]
