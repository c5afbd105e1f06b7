"""What similarity, kurtosis and stability come to by chance: random directions and rotations, and the cut above them.

The third null, rows of the same norms in random directions, is ``darkframe.numerics.elliptical``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

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


@cache
def gumbel_factor(m: int, level: float) -> float:
    """The c with P(X > mean + c·s) = level, for X one more draw beside the m Gumbel draws that mean and s are of.

    ``(X − mean) / s`` is free of the Gumbel's location and scale, so its quantile is the same for all of them; it has no closed
    form and is taken from 100,000 seeded draws (20,000 for m ≥ 20).
    """
    draws = np.random.default_rng(m).gumbel(size=(100_000 if m < 20 else 20_000, m + 1))
    past = draws[:, :-1]
    return float(np.quantile((draws[:, -1] - past.mean(axis=1)) / past.std(axis=1, ddof=1), 1 - level))


def familywise_cut(maxima: F64, *, level: float = 0.05) -> NullCut:
    """What the maximum over the components of one more null fit exceeds with probability ``level``, about.

    A component is one of k looked at, so it is held against maxima over k; and a few fits cannot show a 5 % quantile by
    themselves. With m fits' maxima the cut is the larger of the largest one and the prediction bound ``mean + c(m, level) · s``
    for one more, c as ``gumbel_factor`` gives it: maxima of many draws follow Gumbel's distribution (Fisher & Tippett 1928). With
    one fit the cut is that fit's maximum.
    """
    values = np.asarray(maxima, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return NullCut(math.inf, 0, math.nan, 1.0)
    largest, m = float(values.max()), len(values)
    bound = largest
    if m > 1:
        bound = float(values.mean() + gumbel_factor(m, level) * values.std(ddof=1))
    return NullCut(max(largest, bound), m, largest, 1 / (m + 1))


def familywise_cosine_cut(maxima: F64, *, level: float = 0.05) -> float:
    """The same cut for |cos|, which ends at 1: taken on Fisher's scale, ``tanh(cut(artanh |cos|))``."""
    unbounded = np.arctanh(np.minimum(np.asarray(maxima, np.float64), 1 - 1e-12))
    return math.tanh(familywise_cut(unbounded, level=level).value)


def quantile_in(draws: F64, values: F64) -> F64:
    """Share of draws at or below each value; nan where there are no draws."""
    ordered = np.sort(np.asarray(draws, np.float64).ravel())
    if not len(ordered):
        return np.full(len(values), np.nan)
    out: F64 = np.searchsorted(ordered, values, side="right") / len(ordered)
    return out
