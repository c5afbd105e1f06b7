"""The one pass over all tokens: sources written as they come, their moments and largest values, the nulls' kurtosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Decomposition, Diagnostics
from darkframe.numerics.moments import CentralMoments, MomentAccumulator
from darkframe.numerics.nulls import isotropic_directions, rotations
from darkframe.numerics.topk import TopK
from darkframe.numerics.whitening import Whitening
from darkframe.studies.steps.base import HEADLINE, Arrays, Outcome, Study
from darkframe.studies.steps.decompose import derived_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64
    from darkframe.store.step import Step
    from darkframe.studies.steps.fits import Fit

HALF_A, HALF_B, LEFT_OUT = 0, 1, 2
DRAWN = 10  # sets of k random directions at most whose kurtosis is taken: the pass's memory must not grow with ``study.nulls``


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Rows along random directions: isotropic ones, and random rotations of the whitened space."""

    whitening: Whitening
    isotropic: F32
    rotations: F32

    @classmethod
    def of(cls, study: Study, k: int) -> _Drawn:
        """As many of each as the null has fits, up to a limit, of k directions each."""
        whitening, seed = Whitening.fit(study.rows.mean, study.rows.covariance, k), study.config.seed
        sets = min(study.params.nulls, DRAWN)
        rotated = np.concatenate(list(rotations(whitening.k, sets, derived_seed(seed, 5))), axis=1)
        isotropic = isotropic_directions(sets * k, study.rows.shape[1], derived_seed(seed, 10))
        return cls(whitening, isotropic.T.astype(np.float32), rotated.astype(np.float32))

    def along(self, block: NDArray[Any]) -> tuple[F32, F32]:
        """Values of a block along the isotropic directions and along the rotations, (n, sets × k) each."""
        centred = block - self.whitening.mean.astype(np.float32)
        return centred @ self.isotropic, self.whitening.whiten(block) @ self.rotations


class _Pass:
    """What is accumulated over the pass; nothing of it grows with the tokens."""

    def __init__(self, components: int, drawn: _Drawn, top: int) -> None:
        self.groups = [MomentAccumulator(components) for _ in (HALF_A, HALF_B, LEFT_OUT)]
        self.drawn = drawn
        self.nulls = [MomentAccumulator(part.shape[1]) for part in (drawn.isotropic, drawn.rotations)]
        self.top = TopK(components, top)

    def update(self, block: F32, sources: F32, groups: NDArray[np.int64], first: int) -> None:
        """Take in one block: residuals, sources, each row's group (fits use those of the halves), its first row's number."""
        fitted = groups != LEFT_OUT
        for group, moments in enumerate(self.groups):
            moments.update(sources[groups == group])
        for moments, values in zip(self.nulls, self.drawn.along(block[fitted])):
            moments.update(values)
        self.top.update(sources[fitted], first + np.flatnonzero(fitted))


def project(study: Study, main: Fit) -> Outcome:
    """Sources of every kept token and what follows from them; arrays as named in ``darkframe.results.ARRAYS``."""
    inputs = {"depends": [main.key], "nulls": study.params.nulls, "examples": study.params.examples, "seed": study.config.seed}
    return study.step("project", inputs, lambda step: ({}, _compute(study, main, step)))


def _decomposition(main: Fit) -> Decomposition:
    said = Diagnostics(main.record.converged, main.record.iterations)
    parts = (main.array(name) for name in ("residual_mean", "patterns", "filters", "component_explained"))
    mean, patterns, filters, explained = parts
    return Decomposition(mean, patterns, filters, explained, main.record.explained_total, said)


def _compute(study: Study, main: Fit, step: Step) -> Arrays:
    collection, decomposition = study.collection, _decomposition(main)
    k = len(decomposition.filters)
    seen = _Pass(k, _Drawn.of(study, k), study.params.examples)
    half, first = collection.array("half"), 0
    shape = (collection.n_tokens, k)
    with step.writer("sources", shape, np.float32) as out, study.progress.task("sources", shape[0], "tokens") as task:
        for block in collection.rows("all").blocks():
            sources = decomposition.transform(block)
            out.append(sources)
            last = first + len(block)
            fitted = collection.mask(HEADLINE, first, last)
            seen.update(block, sources, np.where(fitted, half[first:last].astype(np.int64), LEFT_OUT), first)
            first = last
            task.advance(len(block))
    return _arrays(seen, k, study.params.examples)


def _arrays(seen: _Pass, k: int, examples: int) -> Arrays:
    a, b, left_out = (moments.central() for moments in seen.groups)
    ordinary = a.merge(b)
    values, rows = np.full((k, examples), np.nan), np.full((k, examples), -1, np.int64)
    for component in range(k):
        top, at = seen.top.result(component)
        values[component, : len(top)], rows[component, : len(at)] = top, at
    return {
        "component_kurtosis": _kurtosis(ordinary),
        "component_kurtosis_all": _kurtosis(ordinary.merge(left_out)),
        "component_kurtosis_halves": np.stack([_kurtosis(a), _kurtosis(b)]),
        "null_isotropic_kurtosis": seen.nulls[0].result().kurtosis,
        "null_rotation_kurtosis": seen.nulls[1].result().kurtosis,
        "top_values": values,
        "top_rows": rows,
    }


def _kurtosis(moments: CentralMoments) -> F64:
    return moments.moments().kurtosis
