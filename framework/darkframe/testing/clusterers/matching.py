"""How well vectors match each cluster, and the clusters' boxes: ``matches`` and ``boxes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import UserError
from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import model_of, predicted, refused
from darkframe.testing.clusterers.placing import FRESH, cluster_counts, fresh
from darkframe.testing.clusterers.planted import DIMENSIONS, loose_groups
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.testing.subject import Subject


@CLUSTERER("matches")
def matches_have_their_shapes(clusterer: Subject) -> None:
    """``matches`` gives at each level float64 and bool, each (n, clusters), without NaN."""
    model, clustering = model_of(clusterer, loose_groups())
    for level, count in enumerate(cluster_counts(clustering)):
        match, passes = _matches(model, level)
        for name, array, dtype in (("match", match, np.float64), ("whether it passes", passes, np.bool_)):
            is_so = array.shape == (FRESH, count) and array.dtype == dtype
            wanted = f"{np.dtype(dtype)}{(FRESH, count)}"
            require(is_so, f"matches() gave {name} {array.dtype}{array.shape} at level {level}, expected {wanted}.")
        require(not np.isnan(match).any(), f"matches() holds NaN at level {level}.")


@CLUSTERER("matches", "predict")
def matches_agree_with_predict(clusterer: Subject) -> None:
    """``predict`` gives the match, and whether it passes, that ``matches`` gives for that cluster."""
    model, _ = model_of(clusterer, loose_groups())
    assignment = predicted(model, fresh())
    for level, labels in enumerate(assignment.labels):
        rows = np.flatnonzero(labels >= 0)
        match, passes = _matches(model, level)
        own = match[rows, labels[rows]]
        require(
            np.allclose(own, assignment.match[level, rows], rtol=1e-9, atol=1e-12),
            f"At level {level} predict() gives another match than matches() for the cluster that it names.",
        )
        agree = np.array_equal(passes[rows, labels[rows]], assignment.passed[level, rows])
        require(agree, f"At level {level} predict() and matches() do not agree on what passes.")


@CLUSTERER("matches")
def matches_refuse_other_levels(clusterer: Subject) -> None:
    """``matches`` at a level that there is not is refused as the user's mistake."""
    model, clustering = model_of(clusterer, loose_groups())
    levels = len(clustering.labels)
    refused(UserError, f"matches() at level {levels} of {levels}", _matches, model, levels)


@CLUSTERER("matches")
def matches_need_a_fit(clusterer: Subject) -> None:
    """``matches`` before any fit is refused as the user's mistake."""
    model = clusterer.make()
    refused(UserError, "matches() before a fit", _matches, model, 0)


@CLUSTERER("boxes")
def boxes_have_their_shapes(clusterer: Subject) -> None:
    """``boxes`` gives at each level the lower and upper corners, (clusters, d) within [0, 1], as wide as ``width`` says."""
    model, clustering = model_of(clusterer, loose_groups())
    for level, count in enumerate(cluster_counts(clustering)):
        lower, upper = (np.asarray(corner) for corner in model.boxes(level))
        for corner in (lower, upper):
            is_so = corner.shape == (count, DIMENSIONS)
            require(is_so, f"boxes() gave corners of shape {corner.shape} at level {level}, expected {(count, DIMENSIONS)}.")
            within = (corner >= -1e-9).all() and (corner <= 1 + 1e-9).all()
            require(within, f"boxes() gave corners outside [0, 1] at level {level}; they are in scaled units.")
        require((lower <= upper + 1e-9).all(), f"A box of level {level} has a lower corner above its upper one.")
        if clustering.width:
            agree = np.allclose((upper - lower).mean(axis=1), clustering.width[level], atol=1e-6, equal_nan=True)
            require(agree, f"The boxes of level {level} are not as wide as width says.")


@CLUSTERER("boxes")
def boxes_refuse_other_levels(clusterer: Subject) -> None:
    """``boxes`` before any fit, and at a level that there is not, is refused as the user's mistake."""
    refused(UserError, "boxes() before a fit", clusterer.make().boxes, 0)
    model, clustering = model_of(clusterer, loose_groups())
    levels = len(clustering.labels)
    refused(UserError, f"boxes() at level {levels} of {levels}", model.boxes, levels)


def _matches(model: Any, level: int) -> tuple[NDArray[Any], NDArray[Any]]:
    match, passes = model.matches(fresh(), level)
    return np.asarray(match), np.asarray(passes)
