"""What similarity, kurtosis and stability come to by chance: random directions and rotations, and the cut above them.

The third null, rows of the same norms in random directions, is ``darkframe.numerics.elliptical``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.stats

from darkframe.numerics.matching import one_to_one

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.numerics.whitening import Whitening


class NullCut(NamedTuple):
    """Where one more draw of a null rarely goes.

    Attributes:
        value: The cut.
        draws: How many draws it rests on.
        observed: The most extreme draw.
        resolution: The smallest family-wise error the draws alone can show: 1 / (draws + 1).
    """

    value: float
    draws: int
    observed: float
    resolution: float


def isotropic_directions(n: int, d: int, seed: int) -> F64:
    """Unit vectors (n, d) uniform on the sphere in d dimensions: normalised standard normal rows (Muller 1959)."""
    rows = np.random.default_rng(seed).standard_normal((n, d))
    out: F64 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return out


def random_rotation(k: int, rng: np.random.Generator) -> F64:
    """A (k, k) orthogonal matrix from the Haar measure: QR of a normal matrix, signs fixed by R (Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.standard_normal((k, k)))
    out: F64 = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return out


def rotations(k: int, count: int, seed: int) -> Iterator[F64]:
    """``count`` random rotations in k dimensions; the i-th depends on the seed and i alone."""
    for i in range(count):
        yield random_rotation(k, np.random.default_rng([seed, i]))


def rotated_directions(whitening: Whitening, rotation: F64) -> F64:
    """(k, d) unit directions of a random rotation within the whitened space: rows of ``Q √λ V``, normalised.

    Random components of the data's own covariance that are uncorrelated, as any whitened decomposition's are, but independent
    of nothing.
    """
    rows = whitening.patterns(rotation)
    out: F64 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return out


def matched_maxima(k: int, draws: int, seed: int) -> tuple[F64, F64]:
    """Two unrelated rotations in k dimensions matched one to one: mean and largest |cos| of each draw.

    Fits of independent data without structure come to no better agreement: their components are random rotations.
    """
    means, largest = np.empty(draws), np.empty(draws)
    for i, rotation in enumerate(rotations(k, draws, seed)):
        values = one_to_one(np.abs(rotation)).values  # |Q I|: one of two random rotations may as well be the identity
        means[i], largest[i] = values.mean(), values.max()
    return means, largest


def familywise_cut(maxima: F64, *, level: float = 0.05) -> NullCut:
    """What the maximum over the components of one more null fit exceeds with probability ``level``, at most.

    With m fits' maxima, the larger of the largest one and the one-sided Student prediction bound
    ``mean + t(1 − level, m − 1) · s · √(1 + 1/m)`` (Hahn & Meeker 1991): a few fits cannot show a 5 % quantile by themselves, and
    a component is one of k looked at, so it is held against maxima. With one fit the cut is that fit's maximum.
    """
    values = np.asarray(maxima, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return NullCut(math.inf, 0, math.nan, 1.0)
    largest, m = float(values.max()), len(values)
    bound = largest
    if m > 1:
        t = float(scipy.stats.t.ppf(1 - level, m - 1))
        bound = float(values.mean() + t * values.std(ddof=1) * math.sqrt(1 + 1 / m))
    return NullCut(max(largest, bound), m, largest, 1 / (m + 1))


def quantile_in(draws: F64, values: F64) -> F64:
    """Share of draws at or below each value; nan where there are no draws."""
    ordered = np.sort(np.asarray(draws, np.float64).ravel())
    if not len(ordered):
        return np.full(len(values), np.nan)
    out: F64 = np.searchsorted(ordered, values, side="right") / len(ordered)
    return out
