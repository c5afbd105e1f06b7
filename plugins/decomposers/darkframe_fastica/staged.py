"""What ``fastica`` and ``picard`` share: from a subsample up to all rows, and back after a saddle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from darkframe import Decomposition, FitContext, Rows
from darkframe.numerics.components import fewer_components
from darkframe_fastica.contrasts import CONTRASTS
from darkframe_fastica.finish import decomposition
from darkframe_fastica.kernel import Shape, shape
from darkframe_fastica.optimum import Outcome, escape_saddle, random_rotation
from darkframe_fastica.plugin import FastICAParams, PicardParams
from darkframe_fastica.whitened import Stages, Whitened, whitened_stages
from darkframe_fastica.workers import Workers, workers

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.progress import Task

_ROUNDS = 4  # saddles escaped from before giving up

Params = TypeVar("Params", FastICAParams, PicardParams)


class StagedFit(ABC, Generic[Params]):
    """One search over growing samples of whitened rows; a subclass says how it settles on one of them.

    The last stage iterates on all rows until the criterion is met there: starting on fewer changes the time only.

    Args:
        params: The decomposer's parameters.
        stages: The rows, whitened.
        seed: Of the first rotation.
        workers: The threads.
        task: Where to report.
        warnings: What there is to say of the rows already.
    """

    def __init__(
        self, params: Params, stages: Stages, seed: int, workers: Workers, task: Task, warnings: tuple[str, ...] = ()
    ) -> None:
        self.params: Params = params
        self.stages, self.seed, self.workers, self.task = stages, seed, workers, task
        self.warnings = warnings
        self.contrast = CONTRASTS[params.fun]
        self.iterations = 0
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def settle(self, data: Whitened, unmixing: F64, *, last: bool) -> Outcome:
        """Search on one stage, from ``unmixing``; ``last``: on all rows, to the full criterion."""

    def start(self, data: Whitened) -> F64:
        """Where the first stage starts: a random rotation."""
        return random_rotation(data.k, self.seed)

    def escape(self, data: Whitened, outcome: Outcome, more: Shape) -> F64 | None:
        """A way out where some pair of components is at a saddle, else None."""
        return escape_saddle(data, outcome, more, self.contrast)

    def tolerance(self, rows: int) -> float:
        """The gradient at which the search on that many rows may stop."""
        return self.contrast.gradient_tolerance(rows)

    @abstractmethod
    def unsettled(self, outcome: Outcome, tolerance: float) -> str:
        """The sentence for a search that did not converge."""

    def details(self, outcome: Outcome) -> Mapping[str, Any]:
        """What else belongs into the diagnostics."""
        return {}

    def run(self) -> Decomposition:
        """Go through the stages; return to the last subsample after a saddle."""
        data = self.stages.stages
        unmixing = self.start(data[0])
        for stage in data[:-1]:
            unmixing = self.settle(stage, unmixing, last=False).unmixing
        check = data[-2] if len(data) > 1 else data[-1]
        saddles = 0
        for _ in range(_ROUNDS):
            outcome = self.settle(data[-1], unmixing, last=True)
            more = shape(check, outcome.unmixing, self.contrast, self.workers)
            turned = self.escape(check, outcome, more)
            if turned is None or self.left() == 0:
                break
            saddles += 1
            unmixing = self.settle(check, turned, last=False).unmixing if check is not data[-1] else turned
        return self._finish(outcome, more, saddles, at_saddle=turned is not None)

    def left(self) -> int:
        """Iterations left."""
        most: int = self.params.max_iter
        return max(0, most - self.iterations)

    def record(self, data: Whitened, iterations: int) -> None:
        """Count iterations on a stage."""
        self.iterations += iterations
        self.history.append({"rows": data.n, "iterations": iterations})

    def _finish(self, outcome: Outcome, more: Shape, saddles: int, *, at_saddle: bool) -> Decomposition:
        tolerance = self.tolerance(outcome.moments.n)
        mixed = ["Some pairs of components stayed mixed at a saddle of the objective."] if at_saddle else []
        said = list(self.warnings)
        said += mixed if outcome.settled else [self.unsettled(outcome, tolerance)]
        return decomposition(
            self.stages.whitening,
            outcome,
            more,
            self.contrast,
            self.iterations,
            outcome.settled and not at_saddle,
            said,
            {
                "fun": self.params.fun,
                "gradient_tolerance": tolerance,
                "saddles_left": saddles,
                "stages": self.history,
                **self.details(outcome),
            },
        )


class StagedDecomposer(Generic[Params]):
    """A decomposer that whitens rows and searches them by a ``StagedFit``."""

    name: ClassVar[str]
    search: ClassVar[type[StagedFit[Any]]]
    params: Params

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
            with context.progress.task(self.name, None, "iterations") as task:
                warnings = fewer_components(self.params.n_components, stages.whitening, context)
                return self.search(self.params, stages, context.seed, pool, task, warnings).run()
