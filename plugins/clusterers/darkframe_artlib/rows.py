"""Rows as artlib's modules get them: checked, scaled to [0, 1] by bounds that are part of the model, and coded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import DataError, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64

_BLOCK = 4096


def checked_rows(vectors: Any, name: str, dims: int | None = None) -> NDArray[Any]:
    """The vectors as a finite (n, d) matrix of real numbers, not copied if they are one.

    Args:
        vectors: Anything like an array.
        name: The clusterer's, for errors.
        dims: Dimensions of the fitted model, if there is one.

    Raises:
        DataError: They are no matrix of real numbers, there are none, or one is not finite.
        UserError: They have other dimensions than the model.
    """
    rows: NDArray[Any] = np.asarray(vectors)
    if rows.ndim != 2 or rows.dtype.kind not in "fiub":
        raise DataError(f"{name} takes a matrix of real numbers, (n, d), not {rows.dtype} of shape {rows.shape}.")
    if not len(rows) or not rows.shape[1]:
        raise DataError(f"{name} was given no vectors to cluster: an array of shape {rows.shape}.")
    if dims is not None and rows.shape[1] != dims:
        raise UserError(
            f"The vectors have {rows.shape[1]} dimensions, but {name} was fitted on {dims}.",
            hint="Use vectors of the same SAE site.",
        )
    for start in range(0, len(rows), _BLOCK):
        bad = np.flatnonzero(~np.isfinite(rows[start : start + _BLOCK]).all(axis=1))
        if len(bad):
            raise DataError(f"Row {start + int(bad[0])} of the vectors holds NaN or infinite values.")
    return rows


@dataclass(frozen=True, eq=False)
class Bounds:
    """Minimum and maximum of each dimension, (d,) float64, that rows are scaled to [0, 1] by."""

    lower: F64
    upper: F64

    @staticmethod
    def of(rows: NDArray[Any], given: tuple[F64, F64] | None) -> Bounds:
        """Those given, or the rows' own.

        Raises:
            DataError: They do not fit the rows, are not finite, or the range is beyond float64.
        """
        lower, upper = given if given is not None else (rows.min(axis=0), rows.max(axis=0))
        lower, upper = np.array(lower, np.float64), np.array(upper, np.float64)
        if lower.shape != (rows.shape[1],) or upper.shape != lower.shape:
            raise DataError(f"The bounds to scale by have shapes {lower.shape} and {upper.shape}, not ({rows.shape[1]},).")
        with np.errstate(over="ignore", invalid="ignore"):
            proper = np.isfinite(upper - lower) & (lower <= upper)
        if not proper.all():
            raise DataError(f"The bounds to scale dimension {int(np.argmin(proper))} by are not a finite range.")
        return Bounds(lower, upper)

    def scale(self, rows: NDArray[Any]) -> tuple[F64, int]:
        """(v − lower) / (upper − lower) in float64, 0 in constant dimensions; clipped to [0, 1], and how many rows were."""
        values = rows.astype(np.float64)
        spread = self.upper - self.lower
        flat = spread == 0
        outside = ((values < self.lower) | (values > self.upper)).any(axis=1)
        values -= self.lower
        values /= np.where(flat, 1.0, spread)
        values[:, flat] = 0.0
        np.clip(values, 0.0, 1.0, out=values)
        return values, int(outside.sum())


def complement(scaled: F64) -> F64:
    """[x, 1 − x]."""
    return np.hstack([scaled, 1.0 - scaled])


def thermometer(scaled: F64, bits: int) -> NDArray[np.bool_]:
    """Each dimension as that many bits of which the first ⌊x · bits⌋ are set, then their complements: (n, 2 · d · bits)."""
    steps = np.floor(scaled * bits)
    code: NDArray[np.bool_] = (steps[:, :, None] > np.arange(bits)).reshape(len(scaled), -1)
    return np.hstack([code, ~code])
