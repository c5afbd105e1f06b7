"""What a checkpoint is like beside the one before: how far its rows moved, and whether they lie within the bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.clusters import blocks
from darkframe.results import TrackedCheckpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import Clustering
    from darkframe.studies.tracking.base import Tracking
    from darkframe.studies.tracking.rows import Tracked
    from darkframe.studies.tracking.survey import Surveyed


def described(
    tracking: Tracking,
    tracked: Tracked,
    surveyed: Surveyed,
    step: int,
    clustering: Clustering,
    seconds: float,
    vectors: NDArray[Any],
) -> TrackedCheckpoint:
    """The record of a step's checkpoint.

    Args:
        tracking: What is tracked.
        tracked: Its rows.
        surveyed: The checkpoint's dictionary.
        step: The step.
        clustering: What the clusterer made of its rows.
        seconds: That took.
        vectors: (m, dims) the rows as it got them.
    """
    return TrackedCheckpoint(
        step=step,
        value=tracking.config.shown[step],
        dictionary=surveyed.name,
        sha256=surveyed.sha256,
        details=surveyed.details,
        norms=surveyed.norms,
        rows=int(tracked.alive[step].sum()),
        dead=int((~tracked.alive[step]).sum()),
        cosine=_drift(tracking, tracked, step) if step else np.nan,
        share=tracked.shares[step],
        clipped=_beyond(vectors, tracked),
        seconds=seconds,
        warnings=tuple(clustering.diagnostics.warnings),
    )


def _beyond(vectors: NDArray[Any], tracked: Tracked) -> int:
    """Rows with a value beyond the bounds."""
    parts = (vectors[part] for part in blocks(len(vectors)))
    return sum(int(((part < tracked.lower) | (part > tracked.upper)).any(axis=1).sum()) for part in parts)


def _drift(tracking: Tracking, tracked: Tracked, step: int) -> float:
    """Median cosine of features' rows with their own a step before, over those alive at both."""
    features = tracked.features[tracked.alive[step] & tracked.alive[step - 1]]
    if not len(features):
        return float("nan")
    now, before = tracking.decoder(step), tracking.decoder(step - 1)
    cosines = np.empty(len(features))
    for part in blocks(len(features)):
        a, b = (np.asarray(of[features[part]], np.float64) for of in (now, before))
        cosines[part] = np.einsum("ij,ij->i", a, b) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(np.median(cosines))
