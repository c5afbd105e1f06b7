"""The small vectors that clusterers are checked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from darkframe.interfaces import F32, I64

ROWS, DIMENSIONS = 90, 6

_SCALES = np.array([1.0, 3.0, 0.5, 2.0, 1.0, 10.0])
_OFFSETS = np.array([0.0, 5.0, -2.0, 0.1, 1.0, -20.0])


def loose_groups(seed: int = 0, n: int = ROWS) -> F32:
    """(n, 6) float32: three groups that spread, in random order; dimensions of unlike scale and place."""
    rng = np.random.default_rng([seed, 1])
    centres = np.array([[1, 1, -1, -1, 0, 0], [-1, 0, 1, 0, 1, -1], [0, -1, 0, 1, -1, 1]], np.float64)
    rows = centres[rng.integers(0, 3, n)] + 0.2 * rng.normal(size=(n, DIMENSIONS))
    out: F32 = (rows * _SCALES + _OFFSETS).astype(np.float32)
    return out


def far_groups(seed: int = 0, n: int = 60) -> tuple[F32, I64]:
    """(n, 6) float32 in two tight groups, and the group of each row.

    The groups lie at opposite corners of a cube around 0, and a hundred times as far apart as they are wide. Their directions
    from 0 are opposite, and at right angles once every dimension is scaled to [0, 1], so that methods by distance, by density,
    by boxes and by angle all see two.
    """
    rng = np.random.default_rng([seed, 2])
    corner = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    groups = rng.permutation(np.arange(n) % 2)
    rows = np.where(groups[:, None] == 0, corner, -corner) + 0.01 * rng.normal(size=(n, DIMENSIONS))
    return rows.astype(np.float32), groups.astype(np.int64)
