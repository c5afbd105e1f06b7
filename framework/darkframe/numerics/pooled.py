"""Mean and covariance of several sets of rows together, from those of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from darkframe.numerics.spread import Axes
from darkframe.numerics.whitening import principal_components

if TYPE_CHECKING:
    from darkframe.interfaces import F64


def pooled_axes(parts: Iterable[tuple[int, F64, F64]]) -> Axes:
    """Principal axes of all rows together.

    The scatter of the whole is the parts' own, (n − 1) Σ, plus that of their means (Chan, Golub & LeVeque 1983).

    Args:
        parts: Rows, mean (d,) and covariance (d, d) of each set.
    """
    known = list(parts)
    n = sum(count for count, _, _ in known)
    mean = sum((count * of for count, of, _ in known), np.zeros_like(known[0][1])) / n
    scatter = np.zeros_like(known[0][2])
    for count, of, covariance in known:
        scatter += (count - 1) * covariance + count * np.outer(of - mean, of - mean)
    variances, components = principal_components(scatter / max(n - 1, 1))
    return Axes(mean, variances, components, min(n - 1, len(mean)))
