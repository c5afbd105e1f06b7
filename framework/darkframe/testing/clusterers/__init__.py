"""Checks that any clusterer must pass, on small planted vectors."""

from __future__ import annotations

import numpy as np

from darkframe.testing.checks import require
from darkframe.testing.kit import CLUSTERER
from darkframe.testing.subject import Subject


@CLUSTERER()
def labels_have_their_shape(clusterer: Subject) -> None:
    """Labels are (levels, n) int64, from 0, −1 for noise."""
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    labels = clusterer.make().fit(vectors, clusterer.context()).labels
    require(labels.ndim == 2 and labels.shape[1] == 60, f"The labels have shape {labels.shape}, expected (levels, 60).")
    require(labels.dtype == np.int64, f"The labels are {labels.dtype}, expected int64.")
