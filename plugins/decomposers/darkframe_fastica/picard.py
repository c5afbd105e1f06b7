"""The ``picard`` decomposer: Picard-O on whitened rows, from a subsample up to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkframe import Decomposition, FitContext, Rows
from darkframe_fastica.contrasts import CONTRASTS, Contrast
from darkframe_fastica.finish import decomposition
from darkframe_fastica.kernel import Shape, shape
from darkframe_fastica.lbfgs import LBFGS, minimise
from darkframe_fastica.optimum import Outcome, escape_saddle, random_rotation
from darkframe_fastica.plugin import PicardParams
from darkframe_fastica.whitened import Stages, Whitened, whitened_stages
from darkframe_fastica.workers import Workers, workers

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task

_ROUNDS = 4  # saddles escaped from before giving up


class Picard:
    """Independent components by preconditioned L-BFGS on the rotations.

    Ablin, Cardoso & Gramfort 2018, "Faster ICA under orthogonal constraint". It minimises Σ s_i E[G(y_i)] over orthogonal W,
    y = W z, where the sign s_i follows each component's density (sub- or super-Gaussian), and stops by the gradient: at its
    sampling noise, or ``tol``. It is the optimum FastICA has, reached where FastICA crawls: on components that are barely
    identifiable. The fit starts on a random subsample and ends on all rows, where the criterion must be met: starting on fewer
    changes the time only.

    Converged means, on all rows: the gradient's largest entry is at most the tolerance, and no pair of components is at a saddle.
    """

    def __init__(self, params: PicardParams | None = None) -> None:
        self.params = params or PicardParams()

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
            with context.progress.task("picard", None, "iterations") as task:
                return fit_stages(self.params, stages, context.seed, pool, task)


def fit_stages(params: PicardParams, stages: Stages, seed: int, workers: Workers, task: Task) -> Decomposition:
    """The search itself, on rows already whitened."""
    return _Fit(params, stages, seed, workers, task).run()


@dataclass
class _Fit:
    params: PicardParams
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
        unmixing = random_rotation(data[0].k, self.seed)
        for stage in data[:-1]:
            unmixing = self._settle(stage, unmixing, last=False).unmixing
        check = data[-2] if len(data) > 1 else data[-1]
        saddles, turned = 0, None
        for _ in range(_ROUNDS):
            outcome = self._settle(data[-1], unmixing, last=True)
            more = shape(check, outcome.unmixing, self.contrast, self.workers)
            turned = escape_saddle(check, outcome, more, self.contrast)
            if turned is None or self._left() == 0:
                break
            saddles += 1
            unmixing = self._settle(check, turned, last=False).unmixing if check is not data[-1] else turned
        return self._finish(outcome, more, saddles, at_saddle=turned is not None)

    def _settle(self, data: Whitened, unmixing: F64, *, last: bool) -> Outcome:
        noise = self.contrast.gradient_tolerance(data.n)
        options = LBFGS(
            tol=noise if self.params.tol is None or not last else self.params.tol,
            max_iter=max(1, self._left() if last else self._left() // 2),
            subsample=not last,
            memory=self.params.memory,
            floor=self.params.curvature,
        )
        outcome = minimise(data, unmixing, self.contrast, options, self.workers, self.task)
        self.iterations += outcome.iterations
        self.history.append({"rows": data.n, "iterations": outcome.iterations})
        return outcome

    def _left(self) -> int:
        return max(0, self.params.max_iter - self.iterations)

    def _finish(self, outcome: Outcome, more: Shape, saddles: int, *, at_saddle: bool) -> Decomposition:
        tolerance = self.params.tol or self.contrast.gradient_tolerance(outcome.moments.n)
        return decomposition(
            self.stages.whitening,
            outcome,
            more,
            self.contrast,
            self.iterations,
            outcome.settled and not at_saddle,
            _warnings(outcome, self.params, tolerance, at_saddle),
            {"fun": self.params.fun, "gradient_tolerance": tolerance, "saddles_left": saddles, "stages": self.history},
        )


def _warnings(outcome: Outcome, params: PicardParams, tolerance: float, at_saddle: bool) -> list[str]:
    if outcome.settled:
        return ["Some pairs of components stayed mixed at a saddle of the objective."] if at_saddle else []
    state = f"gradient {outcome.gradient:.1e} against {tolerance:.1e}"
    if outcome.flat:
        return [f"Stopped without converging: no step improves the objective beyond sampling noise ({state})."]
    return [f"Did not converge in max_iter = {params.max_iter} iterations ({state})."]
