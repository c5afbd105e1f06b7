"""Step by step: present a checkpoint's rows to the model, and see what becomes of its categories."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Assigns, Clusterer, Clustering, Keeps
from darkframe.numerics.clusters import agreement
from darkframe.numerics.tracking import ABSENT, both_present, counts, kept, passed, received
from darkframe.report.tracking.words import short_values
from darkframe.results import TrackedCheckpoint, TrackedStep
from darkframe.store.atomic import plain
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import take_step
from darkframe.studies.taxonomy.fit import level_counts
from darkframe.studies.tracking.base import VERSION, Tracking
from darkframe.studies.tracking.chance import Chance, chance
from darkframe.studies.tracking.checkpoint import described
from darkframe.studies.tracking.learning import Copies, Learner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64
    from darkframe.studies.tracking.rows import Tracked
    from darkframe.studies.tracking.survey import Surveyed

NOT_COPIED = "The clusterer's model cannot be copied (it has no state() and restore()), so that there are no nulls."


@dataclass(frozen=True, eq=False)
class Before:
    """How things stood before a step.

    Attributes:
        labels: (levels, n) of the tracked features a step before.
        sizes: For each level, the rows that each category known by then received.
    """

    labels: I64
    sizes: tuple[I64, ...]

    @property
    def known(self) -> tuple[int, ...]:
        """Categories known, for each level."""
        return tuple(len(each) for each in self.sizes)

    @classmethod
    def of(cls, labels: I64, clusters: Sequence[int]) -> Before:
        """From labels, and how many categories of each level there are."""
        return cls(labels, tuple(received(each, count) for each, count in zip(labels, clusters)))


@dataclass(frozen=True, eq=False)
class Taken:
    """A step, as kept on disk.

    Attributes:
        key: Of the step.
        checkpoint: Its record.
        levels: What became of each level's categories.
        labels, match: (levels, n) of all tracked features; ``ABSENT`` and NaN where they are left out.
        parents: For each level after the first, parent of each category there is after the step.
        clusters: Categories of each level after the step.
        vigilance: ρ of each level, or None.
        seconds: The whole step took, nulls included.
    """

    key: str
    checkpoint: TrackedCheckpoint
    levels: tuple[TrackedStep, ...]
    labels: I64
    match: F64
    parents: tuple[I64, ...]
    clusters: tuple[int, ...]
    vigilance: tuple[float | None, ...]
    seconds: float


def follow(tracking: Tracking, tracked: Tracked, found: Sequence[Surveyed]) -> list[Taken]:
    """Take every step, or read it back if it was finished."""
    keys = _keys(tracking, tracked)
    names = short_values(tracking.config.shown)
    learner, taken = Learner(tracking, tracked, keys), list[Taken]()
    for step in tracking.steps:
        before = taken[-1] if taken else None

        def compute(_: object, step: int = step, before: Taken | None = before) -> tuple[Any, dict[str, NDArray[Any]]]:
            return _compute(tracking, tracked, found, learner, step, before)

        outcome = take_step(tracking.run, f"track-{step}", _inputs(tracking, tracked, step, keys), compute)
        learner.keep(step)
        arrays = {name: np.asarray(array) for name, array in outcome.arrays.items()}
        taken.append(
            Taken(
                key=outcome.key,
                checkpoint=record_from_plain(TrackedCheckpoint, outcome.record["checkpoint"]),
                levels=tuple(record_from_plain(TrackedStep, level) for level in outcome.record["levels"]),
                labels=arrays["labels"],
                match=arrays["match"],
                parents=tuple(arrays[f"parents_{level}"] for level in range(1, len(arrays["labels"]))),
                clusters=tuple(outcome.record["clusters"]),
                vigilance=tuple(outcome.record["vigilance"]),
                seconds=outcome.seconds,
            )
        )
        tracking.progress.step(names[step], _told(taken[-1]))
    return taken


def _inputs(tracking: Tracking, tracked: Tracked, step: int, keys: Sequence[str]) -> dict[str, Any]:
    """All that a step depends on; the key of the step before stands for everything earlier."""
    config, params = tracking.config.run, tracking.params
    choice = config.clustering
    named = {"name": choice.name, "distribution": choice.distribution, "version": choice.version, "params": plain(choice.params)}
    return {
        "version": VERSION,
        "rows": tracked.key,
        "alive": tracked.alive[step].tobytes().hex() if not tracked.alive[step].all() else "all",
        "value": tracking.config.shown[step],
        "before": keys[step - 1] if step else None,
        "clusterer": named,
        "device": config.device,
        "seed": config.seed,
        "nulls": [params.nulls, params.check_rows],
    }


def _keys(tracking: Tracking, tracked: Tracked) -> list[str]:
    """Key of every step, known before any is taken."""
    keys: list[str] = []
    for step in tracking.steps:
        keys.append(tracking.run.step(f"track-{step}", _inputs(tracking, tracked, step, keys)).key)
    return keys


def _compute(
    tracking: Tracking, tracked: Tracked, found: Sequence[Surveyed], learner: Learner, step: int, taken: Taken | None
) -> tuple[Any, dict[str, NDArray[Any]]]:
    model, vectors, before = learner.before(step), tracked.vectors(tracking, step), _before(tracking, taken)
    predicted = _predicted(model, vectors) if before else None
    copies = Copies(tracking, model, learner.context) if before and isinstance(model, Keeps) else None
    unrelated = unchanged = None
    if before and copies:
        unchanged = _unchanged(tracking, tracked, step, before, copies) if step else None
        unrelated = chance(tracking, step, vectors, before.known, copies) if tracking.params.nulls else None
    copies = None  # the model is about to learn: its memory may be needed
    started = time.perf_counter()
    clustering = learner.learn(step)
    seconds = time.perf_counter() - started
    labels, match = _spread(clustering, tracked, step)
    clusters = level_counts(clustering)
    unknown: list[float | None] = [None] * len(clusters)
    record = {
        "checkpoint": described(tracking, tracked, found[step], step, clustering, seconds, vectors),
        "levels": [
            _level(level, labels[level], clusters[level], before, Beside(step, predicted, unchanged, unrelated))
            for level in range(len(clusters))
        ],
        "clusters": clusters,
        "vigilance": [float(value) for value in clustering.vigilance] or unknown,
    }
    parents = {f"parents_{level}": np.asarray(of, np.int64) for level, of in enumerate(clustering.parents, start=1)}
    return record, {"labels": labels, "match": match, **parents}


def _before(tracking: Tracking, taken: Taken | None) -> Before | None:
    """How things stood after the step before, or in the model that tracking began from; None where nothing is known."""
    if taken is not None:
        return Before.of(taken.labels, taken.clusters)
    start = tracking.start
    return None if start is None else Before.of(start.labels, start.clusters)


def _predicted(model: Clusterer, vectors: NDArray[Any]) -> F64 | None:
    """For each level, the share of rows whose category of highest choice passes vigilance there and at the levels above."""
    if not isinstance(model, Assigns):
        return None
    share: F64 = np.logical_and.accumulate(model.predict(vectors).passed, axis=0).mean(axis=1)
    return share


def _spread(clustering: Clustering, tracked: Tracked, step: int) -> tuple[I64, F64]:
    """Labels and match of all tracked features, those left out included."""
    alive = tracked.alive[step]
    shape = (len(clustering.labels), len(alive))
    labels, match = np.full(shape, ABSENT, np.int64), np.full(shape, np.nan)
    labels[:, alive] = clustering.labels
    if clustering.match is not None:
        match[:, alive] = clustering.match
    return labels, match


def _unchanged(
    tracking: Tracking, tracked: Tracked, step: int, before: Before, copies: Copies
) -> tuple[tuple[float, float], ...]:
    """For each level, what passes and what stays of the rows of one step before, presented once more."""
    labels = copies.try_on(tracked.vectors(tracking, step - 1)).labels
    earlier = before.labels[:, tracked.alive[step - 1]]
    return tuple((passed(now, known), kept(was, now)[0]) for was, now, known in zip(earlier, labels, before.known))


@dataclass(frozen=True, eq=False)
class Beside:
    """What stands beside the labels of a step; None for what there is not."""

    step: int
    predicted: F64 | None
    unchanged: tuple[tuple[float, float], ...] | None
    unrelated: Chance | None


def _level(level: int, labels: I64, clusters: int, before: Before | None, beside: Beside) -> TrackedStep:
    earlier = before.sizes[level] if before else np.empty(0, np.int64)
    now, present = received(labels, clusters), labels[labels != ABSENT]
    stayed, by_chance, agreed = _stayed(before.labels[level], labels) if before else (np.nan, np.nan, np.nan)
    share, unrelated = passed(labels, len(earlier)), beside.unrelated
    again = beside.unchanged[level] if beside.unchanged else (np.nan, np.nan)
    return TrackedStep(
        step=beside.step,
        rows=len(present),
        noise=int((present == -1).sum()),
        **asdict(counts(now, earlier)),
        passed=share,
        predicted=np.nan if beside.predicted is None else float(beside.predicted[level]),
        largest_share=float(now.max(initial=0)) / len(present),
        kept=stayed,
        kept_by_chance=by_chance,
        agreement=agreed,
        unchanged_passed=again[0],
        unchanged_kept=again[1],
        nulls=unrelated.nulls[level] if unrelated else (),
        null_rows=unrelated.rows if unrelated else 0,
        null_passed=unrelated.real[level] if unrelated and unrelated.real else share,
    )


def _stayed(before: I64, now: I64) -> tuple[float, float, float]:
    """Share of features that stayed, by chance, and the adjusted Rand index; NaN where no feature is in both."""
    present = both_present(before, now)
    if not present.any():
        return np.nan, np.nan, np.nan
    return *kept(before, now), agreement(before[present], now[present])


def _told(taken: Taken) -> str:
    told = []
    for level, of in enumerate(taken.levels):
        if not of.known:
            told.append(f"L{level} {of.new:,} new")
        else:
            told.append(f"L{level} {of.resonant:,} resonant, {of.dormant:,} dormant, {of.new:,} new, {of.passed:.0%} passed")
    return "; ".join(told)
