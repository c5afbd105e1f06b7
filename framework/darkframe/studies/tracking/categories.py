"""Every category over all steps: when it was made, what it received, what it reads as at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.clusters import blocks, direction_sums, member_cosines
from darkframe.numerics.tracking import STATES, received, states
from darkframe.results import TrackedCategory
from darkframe.store.atomic import plain
from darkframe.studies.steps.base import Outcome, take_step
from darkframe.studies.taxonomy.interpret import global_mean, largest, mean_row
from darkframe.studies.taxonomy.lens import lens_identity, texts_of
from darkframe.studies.tracking.base import VERSION, Tracking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import I64
    from darkframe.studies.tracking.follow import Taken
    from darkframe.studies.tracking.rows import Tracked

NEAREST = 20
"""Members of a category that are named."""


@dataclass(frozen=True, eq=False)
class Histories:
    """All K categories there are after the last step, level by level.

    Attributes:
        starts: Where each level begins among them, and where the last one ends.
        level, id, parent, born, last, before, state: (K,) int64; see ``darkframe.results.TRACKING_ARRAYS``.
        sizes: (steps, K) int64.
    """

    starts: tuple[int, ...]
    level: I64
    id: I64
    parent: I64
    born: I64
    last: I64
    before: I64
    state: I64
    sizes: I64

    @classmethod
    def of(cls, tracking: Tracking, taken: Sequence[Taken]) -> Histories:
        """Out of the steps' labels."""
        final = taken[-1]
        parts = [_history(tracking, taken, level) for level in range(len(final.clusters))]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "sizes"}
        sizes = np.concatenate([part["sizes"] for part in parts], axis=1)
        return cls(starts=(0, *np.cumsum(final.clusters).tolist()), sizes=sizes, **joined)


def _history(tracking: Tracking, taken: Sequence[Taken], level: int) -> dict[str, I64]:
    count, steps = taken[-1].clusters[level], len(taken)
    sizes = np.stack([received(each.labels[level], count) for each in taken])
    start, before = tracking.start, np.zeros(count, np.int64)
    if start is not None:
        before[: start.clusters[level]] = received(start.labels[level], start.clusters[level])
    known = [start.clusters[level] if start else 0, *(each.clusters[level] for each in taken)]
    born = np.searchsorted(known, np.arange(count), side="right").astype(np.int64) - 1
    alive = sizes > 0
    last = np.where(alive.any(axis=0), steps - 1 - alive[::-1].argmax(axis=0), -1).astype(np.int64)
    earlier = before if steps == 1 else sizes[-2]
    parent = taken[-1].parents[level - 1] if level else np.full(count, -1, np.int64)
    return {
        "level": np.full(count, level, np.int64),
        "id": np.arange(count, dtype=np.int64),
        "parent": np.asarray(parent, np.int64),
        "born": born,
        "last": last,
        "before": before,
        "state": states(sizes[-1], earlier[: known[-2]]),
        "sizes": sizes,
    }


def read(tracking: Tracking, tracked: Tracked, taken: Sequence[Taken], histories: Histories) -> Outcome:
    """Tokens and nearest members at the last step (arrays ``track_tokens``, ``track_nearest``; texts in the record)."""

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        tokens = _tokens(tracking, tracked, taken[-1], histories)
        texts = texts_of(tracking.last, np.unique(tokens[tokens >= 0]).tolist())
        nearest = _nearest(tracking, tracked, taken[-1], histories)
        return {"texts": {str(token): text for token, text in texts.items()}}, {"track_tokens": tokens, "track_nearest": nearest}

    params = tracking.params
    inputs = {"version": VERSION, "after": taken[-1].key, "counts": [params.lens_clusters, params.cluster_tokens]}
    return take_step(tracking.run, "track-tokens", inputs | lens_identity(tracking.last, tracked.reader), compute)


def _tokens(tracking: Tracking, tracked: Tracked, final: Taken, histories: Histories) -> NDArray[np.int32]:
    """Differential logit lens of the largest categories of each level."""
    out = np.full((histories.starts[-1], tracking.params.cluster_tokens), -1, np.int32)
    if (reader := tracked.reader) is None:
        return out
    step = len(tracking.steps) - 1
    rows, alive = tracked.rows(tracking, step), tracked.alive[step]
    centre = global_mean(tracking.decoder(step))
    for level, (start, stop) in enumerate(zip(histories.starts, histories.starts[1:])):
        labels = final.labels[level][alive]
        order = np.argsort(labels, kind="stable")
        edges = np.searchsorted(labels[order], np.arange(stop - start + 1))
        chosen = largest(histories.sizes[-1, start:stop], tracking.params.lens_clusters)
        with tracking.progress.task("differential logit lens", len(chosen), "categories") as task:
            for part in blocks(len(chosen), reader.chunk):
                means = np.stack([mean_row(rows, order[edges[c] : edges[c + 1]]) - centre for c in chosen[part]])
                ids, _ = reader.top(means.astype(np.float32), out.shape[1])
                out[start + chosen[part], : ids.shape[1]] = ids
                task.advance(len(means))
    return out


def _nearest(tracking: Tracking, tracked: Tracked, final: Taken, histories: Histories) -> I64:
    """Ids of each category's members nearest to the mean of their rows scaled to length 1, nearest first."""
    step = len(tracking.steps) - 1
    alive = tracked.alive[step]
    rows, features = tracked.rows(tracking, step), tracked.features[alive]
    out = np.full((histories.starts[-1], NEAREST), -1, np.int64)
    for level, (start, stop) in enumerate(zip(histories.starts, histories.starts[1:])):
        labels = final.labels[level][alive]
        cosines = member_cosines(rows, labels, direction_sums(rows, labels, stop - start))
        order = np.lexsort((features, -cosines, labels))
        order = order[labels[order] >= 0]
        own = labels[order]
        place = np.arange(len(own)) - np.searchsorted(own, own)
        near = place < NEAREST
        out[start + own[near], place[near]] = features[order[near]]
    return out


def category(histories: Histories, at: int, lensed: Outcome) -> TrackedCategory:
    """The record of the category at a place among all."""
    texts: dict[str, str] = lensed.record["texts"]
    tokens, nearest = lensed.arrays["track_tokens"][at], lensed.arrays["track_nearest"][at]
    return TrackedCategory(
        level=int(histories.level[at]),
        category=int(histories.id[at]),
        parent=int(histories.parent[at]) if histories.level[at] else None,
        born=int(histories.born[at]),
        last=int(histories.last[at]),
        sizes=tuple(histories.sizes[:, at].tolist()),
        state=STATES[int(histories.state[at])],
        tokens=tuple(texts[str(token)] for token in tokens.tolist() if token >= 0),
        features=tuple(int(feature) for feature in nearest.tolist() if feature >= 0),
    )


def save(tracking: Tracking, tracked: Tracked, taken: Sequence[Taken], histories: Histories) -> None:
    """Keep labels, match and histories as arrays of the run (``darkframe.results.TRACKING_ARRAYS``)."""

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {}, {
            "track_features": tracked.features,
            "track_labels": np.stack([each.labels for each in taken]),
            "track_match": np.stack([each.match for each in taken]),
            **{
                f"track_{name}": getattr(histories, name) for name in ("level", "id", "parent", "born", "last", "before", "sizes")
            },
        }

    take_step(tracking.run, "track-categories", plain({"version": VERSION, "after": [each.key for each in taken]}), compute)
