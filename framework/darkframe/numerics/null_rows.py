"""Rows without clusters, for a clusterer's null: as long as the real ones, in random directions.

``isotropic_rows`` keeps the lengths alone. ``CovarianceNull`` keeps lengths, mean and covariance: elliptical rows, so that
neither an uneven spectrum, nor heavy tails, nor a common mean makes the real rows differ from them; only directions that bunch up
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg

from darkframe.numerics.clusters import blocks, unit
from darkframe.numerics.spread import mean_and_covariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64

ROUNDS, CLOSE = 12, 0.01
_RANK = 1e-9
_FARTHEST = 1e6


def row_lengths(rows: NDArray[Any]) -> F64:
    """(n,) float64 lengths."""
    out = np.empty(len(rows))
    for part in blocks(len(rows)):
        out[part] = np.sqrt(np.square(rows[part], dtype=np.float64).sum(axis=1))
    return out


def isotropic_rows(lengths: F64, d: int, rng: np.random.Generator) -> F32:
    """(n, d) float32 rows of these lengths, each in a direction uniform over the sphere (Muller 1959)."""
    rows = rng.standard_normal((len(lengths), d), dtype=np.float32)
    return _scaled(rows, lengths)


def _scaled(rows: F32, lengths: F64) -> F32:
    """Rows brought to these lengths, in place; a zero row stays."""
    for part in blocks(len(rows)):
        rows[part] = unit(rows[part]) * lengths[part].astype(np.float32)[:, None]
    return rows


def _by_rank(rows: F32, ordered: F64) -> F64:
    """Each row's new length, out of ``ordered`` (ascending): the longest row gets the greatest."""
    lengths = np.empty(len(rows))
    lengths[np.argsort(row_lengths(rows), kind="stable")] = ordered
    return lengths


def _roots(matrix: F64) -> tuple[F64, F64]:
    """Symmetric square root of a covariance, and its pseudo-inverse."""
    values, vectors = scipy.linalg.eigh(matrix)
    kept = values > _RANK * max(values[-1], 0.0)
    root = np.sqrt(np.where(kept, values, 0.0))
    inverse = np.where(kept, 1.0 / np.where(kept, root, 1.0), 0.0)
    return (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T


class CovarianceNull:
    """Draws of as many rows as the real ones, with their lengths, mean and covariance, but no clusters.

    A row is ``m + r v L``, scaled to a real row's length, the longest to the longest; v is uniform over the sphere and r the
    whitened length of a real row (in random order): before they are scaled, rows are elliptical, Gaussian where the real ones
    are. Scaling changes mean and covariance. So m and L, at first the real mean and the root of the real covariance, are set anew
    from what came out, with the same r and v, until that has the real mean and covariance: the latter within 1 % (Frobenius), or
    after 12 rounds; where that leads nowhere (hardly more rows than dimensions), the round that came nearest counts.

    Args:
        rows: (n, d) the real rows.
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._lengths = np.sort(row_lengths(rows))
        self._mean, self._covariance = mean_and_covariance(rows)
        self._root, inverse = _roots(self._covariance)
        self._radii = np.empty(len(rows))
        shift, map_ = self._mean.astype(np.float32), inverse.astype(np.float32)
        for part in blocks(len(rows)):
            self._radii[part] = np.linalg.norm((rows[part] - shift) @ map_, axis=1)

    def draw(self, rng: np.random.Generator) -> F32:
        """(n, d) float32 rows."""
        radii, seed = rng.permutation(self._radii), int(rng.integers(2**63))
        centre, spread = best = self._mean, self._root
        rows, least = np.empty((len(radii), len(centre)), np.float32), np.inf
        for _ in range(ROUNDS):
            self._fill(rows, radii, np.random.default_rng(seed), centre, spread)
            mean, covariance = mean_and_covariance(rows, exact=False)
            error = float(np.linalg.norm(covariance - self._covariance))
            if error <= CLOSE * np.linalg.norm(self._covariance):
                break
            if error < least:
                best, least = (centre, spread), error
            centre = centre + (self._mean - mean)
            spread = spread @ _roots(covariance)[1] @ self._root
            if not np.abs(spread).max() < _FARTHEST * np.abs(self._root).max():  # few rows of many directions: it runs away
                self._fill(rows, radii, np.random.default_rng(seed), *best)
                break
        return rows

    def _fill(self, rows: F32, radii: F64, rng: np.random.Generator, centre: F64, spread: F64) -> None:
        """Rows of the null in place; the same directions from the same generator."""
        shift, map_ = centre.astype(np.float32), spread.astype(np.float32)
        for part in blocks(len(rows)):
            directions = rng.standard_normal(rows[part].shape, dtype=np.float32)
            rows[part] = _scaled(directions, radii[part]) @ map_ + shift
        _scaled(rows, _by_rank(rows, self._lengths))
