"""Vectors scaled to [0, 1] in every dimension, block by block, by a minimum and maximum that are part of the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import DataError, UserError
from darkframe.numerics.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64

    Bounds = tuple[F64, F64]

BLOCK = 512
"""Rows scaled, learned and reported at a time."""

_MOST = np.finfo(np.float64).max


@compiled(error_model="numpy")
def _scale(vectors: Any, lower: Any, upper: Any, spread: Any, out: Any) -> tuple[int, int]:
    """(v − lower) / spread in float64, clipped to [0, 1]; counts the values and the rows that lay outside."""
    values: Any = 0
    rows: Any = 0
    for i in range(vectors.shape[0]):
        outside: Any = 0
        for k in range(vectors.shape[1]):
            v = np.float64(vectors[i, k])
            outside += np.int64(v < lower[k]) + np.int64(v > upper[k])
            above = min(max(v - lower[k], -_MOST), _MOST)  # the range is infinite in a constant dimension
            out[i, k] = min(max(above / spread[k], 0.0), 1.0)
        values += outside
        rows += np.int64(outside > 0)
    return values, rows


@dataclass
class Clipped:
    """How many values, and rows with such values, lay outside the bounds."""

    values: int = 0
    rows: int = 0


@dataclass(frozen=True, eq=False)
class Scaling:
    """Min-max scaling: x = (v − lower) / (upper − lower) in float64; 0 in constant dimensions.

    Attributes:
        lower, upper: (d,) float64.
    """

    lower: F64
    upper: F64

    @property
    def dims(self) -> int:
        """Dimensions d."""
        return len(self.lower)

    @property
    def constant(self) -> int:
        """Dimensions in which lower and upper are the same."""
        return int((self.lower == self.upper).sum())

    def blocks(self, vectors: NDArray[Any], clipped: Clipped | None = None, size: int = BLOCK) -> Iterator[tuple[slice, F64]]:
        """Scaled blocks in order, each valid until the next is asked for; ``clipped`` counts what lay outside."""
        spread = self.upper - self.lower
        spread[spread == 0] = np.inf  # v − lower is finite: the scaled value is 0
        buffer = np.empty((min(size, len(vectors)), self.dims))
        for start in range(0, len(vectors), size):
            part = np.ascontiguousarray(vectors[start : start + size])
            values, rows = _scale(part, self.lower, self.upper, spread, buffer[: len(part)])
            if clipped is not None:
                clipped.values += values
                clipped.rows += rows
            yield slice(start, start + len(part)), buffer[: len(part)]

    @staticmethod
    def fitted(vectors: NDArray[Any], bounds: Bounds | None) -> Scaling:
        """By the vectors' own minimum and maximum, or by ``bounds``.

        Raises:
            DataError: The bounds are not two arrays of as many finite numbers as there are dimensions, in order.
        """
        if bounds is None:
            return _checked(Scaling(vectors.min(axis=0).astype(np.float64), vectors.max(axis=0).astype(np.float64)))
        lower, upper = (np.array(bound, np.float64) for bound in bounds)
        if lower.shape != (vectors.shape[1],) or upper.shape != lower.shape:
            raise DataError(
                f"The bounds to scale by have shapes {lower.shape} and {upper.shape}, the vectors {vectors.shape[1]} dimensions."
            )
        if not (np.isfinite(lower) & np.isfinite(upper) & (lower <= upper)).all():
            raise DataError("The bounds to scale by must be finite, each minimum at most its maximum.")
        return _checked(Scaling(lower, upper))


def _checked(scaling: Scaling) -> Scaling:
    with np.errstate(over="ignore"):
        wide = ~np.isfinite(scaling.upper - scaling.lower)
    if wide.any():
        raise DataError(
            f"The vectors' range in dimension {int(np.flatnonzero(wide)[0])} is beyond float64.", hint="Scale them down."
        )
    return scaling


def checked_vectors(vectors: Any, dims: int | None = None, *, doing: str = "fit") -> NDArray[Any]:
    """The vectors as a finite (n, d) floating array; float32 and float64 are not copied.

    Args:
        vectors: Anything like an array.
        dims: Dimensions of the model, None before there is one.
        doing: What is asked for, for the error.

    Raises:
        DataError: They are not a matrix of real numbers, there are none, or a row holds NaN or infinite values.
        UserError: They have other dimensions than the model.
    """
    array: NDArray[Any] = np.asarray(vectors)
    if array.dtype not in (np.float32, np.float64):
        if array.dtype.kind not in "fiub":
            raise DataError(f"The vectors must be real numbers, not {array.dtype}.")
        array = array.astype(np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"The vectors must be rows of a matrix (n, d), not of shape {array.shape}.")
    if dims is not None and array.shape[1] != dims:
        raise UserError(
            f"The vectors have {array.shape[1]} dimensions, but the clusters were fitted on {dims}.",
            hint=f"Use vectors of the same dictionary to {doing}.",
        )
    if len(array) == 0:
        raise DataError("There are no vectors to cluster.")
    refuse_non_finite(array)
    return array


def refuse_non_finite(array: NDArray[Any]) -> None:
    """Raise ``DataError`` naming the first row with NaN or infinite values."""
    for start in range(0, len(array), BLOCK):
        part = array[start : start + BLOCK]
        with np.errstate(invalid="ignore", over="ignore"):
            total = part.sum()
        if not np.isfinite(total):
            bad = np.flatnonzero(~np.isfinite(part).all(axis=1))
            if len(bad):
                raise DataError(f"Row {start + int(bad[0])} of the vectors holds NaN or infinite values.")
