"""What every step of the dark-matter study works with, and how a step is taken: once, and then read back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from darkframe.config import RunConfig, StudyParams
from darkframe.interfaces import Decomposer, Rows, Source
from darkframe.progress import Progress
from darkframe.results import KurtosisSummary, NullSummary
from darkframe.store.atomic import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64
    from darkframe.store.collection import Collection
    from darkframe.store.run import RunDir
    from darkframe.store.step import Step

VERSION = 1
"""Raised when a step's numbers change for the same inputs, so that older runs are not resumed with them."""

HEADLINE = "ordinary"
"""The subset of a collection that fits and headlines use."""

Arrays = Mapping[str, "NDArray[Any]"]


class Outcome(NamedTuple):
    """A finished step: its record and arrays as read back from disk, the key it is kept under, the seconds it took."""

    record: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    key: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Study:
    """One dark-matter study: its configuration, the collected rows and the run directory it writes to."""

    config: RunConfig
    source: Source
    collection: Collection
    make_decomposer: Callable[[], Decomposer]
    run: RunDir
    progress: Progress

    @property
    def params(self) -> StudyParams:
        """The study's own parameters."""
        return self.config.study

    @cached_property
    def rows(self) -> Rows:
        """The rows that fits and headlines use: without massive tokens unless ``study.massive`` keeps them."""
        return self.collection.rows(HEADLINE)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Distinct seeds of the stability step, the run's own first: the main fit is one of them."""
        return tuple(dict.fromkeys((self.config.seed, *self.params.seeds)))

    def step(self, name: str, inputs: Mapping[str, Any], compute: Callable[[Step], tuple[Any, Arrays]]) -> Outcome:
        """Take a step, or read it back if it was finished with these inputs; either way what is on disk is what counts.

        Args:
            name: The step's name.
            inputs: All it depends on beside the collection and the version of the study; keys of other steps included.
            compute: Gives a JSON-able record (or a record class) and the arrays it did not stream itself.
        """
        return take_step(self.run, name, {"version": VERSION, "collection": self.collection.key, **plain(inputs)}, compute)


def take_step(run: RunDir, name: str, inputs: Mapping[str, Any], compute: Callable[[Step], tuple[Any, Arrays]]) -> Outcome:
    """Take a step of a run, or read it back if it was finished with exactly these inputs."""
    step = run.step(name, inputs)
    if not step.done:
        started = time.perf_counter()
        record, arrays = compute(step)
        step.save({"seconds": time.perf_counter() - started, "result": plain(record)}, dict(arrays))
    saved, loaded = step.load()
    return Outcome(saved["result"], loaded, step.key, saved["seconds"])


def kurtosis_summary(values: NDArray[Any]) -> KurtosisSummary:
    """Summary of excess kurtosis values; those of columns without variance (nan) are left out."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        nan = float("nan")
        return KurtosisSummary(0, nan, nan, nan, nan, nan, 0, 0)
    return KurtosisSummary(
        n=len(finite),
        mean=float(finite.mean()),
        median=float(np.median(finite)),
        sd=float(finite.std()),
        min=float(finite.min()),
        max=float(finite.max()),
        over_1=int((finite > 1).sum()),
        over_3=int((finite > 3).sum()),
    )


def null_summary(name: str, title: str, values: F64) -> NullSummary:
    """One figure's distribution under one null."""
    finite = np.asarray(values, np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        nan = float("nan")
        return NullSummary(name, title, 0, nan, nan, nan, nan, nan, nan)
    low, middle, high = (float(q) for q in np.quantile(finite, (0.05, 0.5, 0.95)))
    return NullSummary(
        name, title, len(finite), float(finite.mean()), middle, low, high, float(finite.min()), float(finite.max())
    )
