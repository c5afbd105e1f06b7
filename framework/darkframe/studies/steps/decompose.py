"""Step 4: how many components, and every fit the study needs: the main one, other seeds, document halves, the elliptical null."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import ParameterError
from darkframe.interfaces import Decomposition, Rows
from darkframe.numerics.elliptical import EllipticalRows, whitened_lengths
from darkframe.numerics.moments import MomentAccumulator
from darkframe.numerics.rows import sample_indices
from darkframe.numerics.whitening import Whitening
from darkframe.studies.steps.base import HEADLINE, Arrays, Study
from darkframe.studies.steps.fits import Fit, fit

if TYPE_CHECKING:
    from darkframe.config import RunConfig
    from darkframe.interfaces import F32


@dataclass(frozen=True, eq=False)
class Fits:
    """All fits of a study.

    Attributes:
        main: The fit that is reported: the run's own seed, all rows.
        seeds: Every seed's fit on all rows, the main one first.
        halves: The two halves of the documents; empty where they hold too few rows.
        nulls: One of each elliptical null data set.
        null_again: The first null data set with another seed.
    """

    main: Fit
    seeds: tuple[Fit, ...]
    halves: tuple[Fit, ...]
    nulls: tuple[Fit, ...]
    null_again: Fit

    @property
    def keys(self) -> list[str]:
        """Keys of all their steps."""
        return [f.key for f in (*self.seeds, *self.halves, *self.nulls, self.null_again)]

    @property
    def seconds(self) -> float:
        """Seconds all fits but the main one took."""
        return sum(f.seconds for f in (*self.seeds[1:], *self.halves, *self.nulls, self.null_again))


def wanted_components(config: RunConfig) -> int | None:
    """The number of components the decomposer's own parameter asks for, or None."""
    wanted = getattr(config.decomposing.params, "n_components", None)
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else None


def check_components(config: RunConfig, d: int, rows: int | None = None) -> None:
    """Refuse more components than dimensions, or than rows (if known): before anything long is begun.

    Raises:
        ParameterError: That is so.
    """
    wanted = wanted_components(config)
    if wanted is None:
        return
    if wanted > d:
        raise ParameterError(
            f"decomposer.n_components is {wanted}, but the activations have only {d} dimensions.", hint=f"Ask for {d} or fewer."
        )
    if rows is not None and wanted >= rows:
        raise ParameterError(
            f"decomposer.n_components is {wanted}, but only {rows} tokens were collected.",
            hint=f"Ask for {max(rows - 1, 1)} or fewer, or collect more tokens.",
        )


def derived_seed(seed: int, *path: int) -> int:
    """A seed of its own for each purpose: fits that are compared must not share their random start."""
    return int(np.random.SeedSequence((seed, *path)).generate_state(1)[0])


def decompose(study: Study, k: int) -> Fit:
    """The main fit."""
    main = fit(study, "decompose", lambda: study.rows, study.config.seed, k, {"rows": HEADLINE})
    said = main.record
    outcome = (
        "closed form"
        if not said.iterations
        else f"{'converged' if said.converged else 'NOT converged'} after {said.iterations} iterations"
    )
    study.progress.step(
        "decompose", f"{said.n_components} components, {outcome}, {said.explained_total:.1%} of the residual's variance"
    )
    return main


def other_fits(study: Study, main: Fit, k: int) -> Fits:
    """The fits that the main one is judged by."""
    total = len(study.seeds) - 1 + 2 + study.params.nulls + 1
    with study.progress.task("seeds, halves and nulls", total, "fits") as task:

        def counted(made: Fit) -> Fit:
            task.advance()
            return made

        again = [
            counted(fit(study, f"fit-seed-{seed}", lambda: study.rows, seed, k, {"rows": HEADLINE})) for seed in study.seeds[1:]
        ]
        halves = [counted(made) for made in _halves(study, k)]
        lengths = _Lengths(study, k)
        first, null_again = (counted(_null(study, k, lengths, 1, again=again)) for again in (False, True))
        nulls = [first, *(counted(_null(study, k, lengths, number)) for number in range(2, study.params.nulls + 1))]
    fits = Fits(main, (main, *again), tuple(halves), tuple(nulls), null_again)
    study.progress.step(
        "fits",
        f"{len(fits.keys)} fits: {len(fits.seeds)} seeds, {len(halves)} document halves, {len(nulls) + 1} of the elliptical null",
    )
    return fits


def _halves(study: Study, k: int) -> list[Fit]:
    sides = ("half-a", "half-b")
    if min(len(study.collection.rows(side)) for side in sides) <= 2 * k:
        return []
    made = []
    for number, side in enumerate(sides):
        seed = derived_seed(study.config.seed, 1, number)
        made.append(fit(study, f"fit-{side}", partial(study.collection.rows, side), seed, k, {"rows": side}))
    return made


class _Lengths:
    """Whitened lengths of (a seeded choice of) the fitted rows, read once and only if a null is to be fitted."""

    def __init__(self, study: Study, k: int) -> None:
        self._study, self._k = study, k

    @cached_property
    def _made(self) -> tuple[F32, Whitening, int]:
        rows, params = self._study.rows, self._study.params
        whitening = Whitening.fit(rows.mean, rows.covariance, rows.shape[1])
        k = min(self._k, whitening.k)
        chosen = sample_indices(len(rows), params.null_rows, derived_seed(self._study.config.seed, 2))
        return whitened_lengths(rows, whitening, k, chosen), whitening, k

    def null(self, number: int) -> EllipticalRows:
        """The elliptical null's rows of that number."""
        return EllipticalRows(*self._made, derived_seed(self._study.config.seed, 3, number))


def _null(study: Study, k: int, lengths: _Lengths, number: int, *, again: bool = False) -> Fit:
    name = f"fit-null-{number}{'-again' if again else ''}"
    seed = derived_seed(study.config.seed, 4, number, int(again))
    inputs = {"null": number, "null_rows": study.params.null_rows, "run_seed": study.config.seed}
    return fit(study, name, partial(lengths.null, number), seed, k, inputs, extra=source_kurtosis)


def source_kurtosis(rows: Rows, decomposition: Decomposition) -> Arrays:
    """Excess kurtosis of every component's source, in one pass."""
    moments = MomentAccumulator(len(decomposition.filters))
    for block in rows.blocks():
        moments.update(decomposition.transform(block))
    return {"kurtosis": moments.result().kurtosis}
