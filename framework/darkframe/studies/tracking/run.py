"""Tracking: fit a taxonomy to the first checkpoint, go on with the others, and see what becomes of its categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.results import TrackedCategory, TrackedLevel, TrackingResults
from darkframe.store.atomic import plain
from darkframe.studies.about import environment
from darkframe.studies.taxonomy.interpret import largest
from darkframe.studies.tracking.base import Tracking
from darkframe.studies.tracking.categories import Histories, category, read, save
from darkframe.studies.tracking.conclude import conclude, judge
from darkframe.studies.tracking.follow import NOT_COPIED, Taken, follow
from darkframe.studies.tracking.rows import settle
from darkframe.studies.tracking.start import Start, check_fits
from darkframe.studies.tracking.survey import survey

if TYPE_CHECKING:
    from darkframe.config.tracking import TrackConfig
    from darkframe.interfaces import ClustererMaker, Source
    from darkframe.progress import Progress
    from darkframe.store.run import RunDir
    from darkframe.studies.steps.base import Outcome

SCHEMA = 1
SHOWN, GONE = 100, 50
"""Categories of each level that the results list: the largest at the last step, and of the dormant ones the largest ever."""


def run_tracking(
    config: TrackConfig,
    openers: Sequence[Callable[[], Source]],
    make: ClustererMaker,
    run: RunDir,
    *,
    start: Start | None = None,
    progress: Progress,
) -> TrackingResults:
    """Survey, settle, follow, read, conclude; every finished step is kept and not taken again.

    Args:
        config: The resolved configuration.
        openers: For each checkpoint, in training order, opens its source; it must give a dictionary.
        make: Gives a fresh clusterer, which must be able to ``partial_fit``.
        run: The run directory; written: steps ``track-…`` with the arrays of ``darkframe.results.TRACKING_ARRAYS``.
        start: The fitted model to begin from; None: the clusterer is fitted on the first checkpoint.
        progress: Receives progress and one line a step.

    Raises:
        DarkframeError: Whatever is wrong with the input, the plugin or the disk; finished steps stay.
    """
    tracking = Tracking(config, openers, make, run, progress, start)
    found = survey(tracking)
    if start is not None:
        check_fits(start, tracking.decoder(0).shape, tracking.name(0))
    tracked = settle(tracking, found)
    taken = follow(tracking, tracked, found)
    histories = Histories.of(tracking, taken)
    save(tracking, tracked, taken, histories)
    lensed = read(tracking, tracked, taken, histories)

    note = NOT_COPIED if tracking.params.nulls and not any(level.nulls for level in taken[-1].levels) else ""
    levels = tuple(_level(tracking, taken, level) for level in range(len(taken[-1].clusters)))
    checkpoints = tuple(each.checkpoint for each in taken)
    conclusion = conclude(config, levels, checkpoints, tracked.junk, tracked.order, note)
    progress.step("conclude", conclusion.headline)
    return TrackingResults(
        **_about(tracking),
        over=config.over,
        checkpoints=checkpoints,
        junk=tracked.junk,
        order=tracked.order,
        axes=tracked.pca,
        model=None if start is None else start.record,
        levels=levels,
        categories=_listed(histories, lensed),
        conclusion=conclusion,
        seconds={
            "rows": tracked.seconds,
            **{f"step {each.checkpoint.step}": each.seconds for each in taken},
            "tokens": lensed.seconds,
        },
        note=note,
    )


def _about(tracking: Tracking) -> dict[str, Any]:
    """What was tracked, with what, where."""
    config, record = tracking.config.run, tracking.config.record()
    return {
        "schema": SCHEMA,
        "study": "tracking",
        "source": {**config.source.record(), **plain(tracking.last.source.card())},
        "clusterer": config.clustering.record(),
        "settings": {name: value for name, value in record.items() if name not in ("source", "clusterer")},
        "environment": environment("artlib"),
    }


def _level(tracking: Tracking, taken: Sequence[Taken], level: int) -> TrackedLevel:
    steps = tuple(each.levels[level] for each in taken)
    first = taken[0].clusters[level] if tracking.start is None else tracking.start.clusters[level]
    persisted = int((np.bincount(taken[-1].labels[level][taken[-1].labels[level] >= 0], minlength=first)[:first] > 0).sum())
    beats, reason = judge(steps)
    return TrackedLevel(level, taken[-1].vigilance[level], steps, first, persisted, beats, reason)


def _listed(histories: Histories, lensed: Outcome) -> tuple[TrackedCategory, ...]:
    """The largest of each level at the last step, then the largest ever of those that are dormant."""
    listed: list[TrackedCategory] = []
    for start, stop in zip(histories.starts, histories.starts[1:]):
        now, ever = histories.sizes[-1, start:stop], histories.sizes[:, start:stop].max(axis=0)
        places = [*largest(now, SHOWN), *largest(np.where(now > 0, 0, ever), GONE)]
        listed += [category(histories, int(start + place), lensed) for place in places]
    return tuple(listed)
