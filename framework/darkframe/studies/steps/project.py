"""The one pass over all tokens: sources written as they come, their moments and largest values, the rotation null's kurtosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Decomposition, Diagnostics
from darkframe.numerics.moments import CentralMoments, MomentAccumulator
from darkframe.numerics.nulls import rotations
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


@dataclass(frozen=True, eq=False)
class _Rotated:
    """Rows along random rotations of the whitened space."""

    whitening: Whitening
    rotations: F32

    def transform(self, block: NDArray[Any]) -> F32:
        """(n, rotations × k) values of a block."""
        out: F32 = self.whitening.whiten(block) @ self.rotations
        return out


class _Pass:
    """What is accumulated over the pass; nothing of it grows with the tokens."""

    def __init__(self, components: int, rotated: _Rotated, top: int) -> None:
        self.groups = [MomentAccumulator(components) for _ in (HALF_A, HALF_B, LEFT_OUT)]
        self.rotated, self.null = rotated, MomentAccumulator(rotated.rotations.shape[1])
        self.top = TopK(components, top)

    def update(self, block: F32, sources: F32, groups: NDArray[np.int64], first: int) -> None:
        """Take in one block: residuals, sources, each row's group (fits use those of the halves), its first row's number."""
        fitted = groups != LEFT_OUT
        for group, moments in enumerate(self.groups):
            moments.update(sources[groups == group])
        self.null.update(self.rotated.transform(block[fitted]))
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


def _rotated(study: Study, k: int) -> _Rotated:
    whitening = Whitening.fit(study.rows.mean, study.rows.covariance, k)
    drawn = list(rotations(whitening.k, study.params.nulls, derived_seed(study.config.seed, 5)))
    return _Rotated(whitening, np.concatenate(drawn, axis=1).astype(np.float32))


def _compute(study: Study, main: Fit, step: Step) -> Arrays:
    collection, decomposition = study.collection, _decomposition(main)
    k = len(decomposition.filters)
    seen = _Pass(k, _rotated(study, k), study.params.examples)
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
        "null_rotation_kurtosis": seen.null.result().kurtosis,
        "top_values": values,
        "top_rows": rows,
    }


def _kurtosis(moments: CentralMoments) -> F64:
    return moments.moments().kurtosis
