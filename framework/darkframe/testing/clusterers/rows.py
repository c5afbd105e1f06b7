"""Unusual rows: each set is clustered, or refused in a sentence; there is no third way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from darkframe.testing.clusterers.fitting import clustered_or_refused, fitted, refused_as_not_finite
from darkframe.testing.clusterers.planted import DIMENSIONS, loose_groups
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from darkframe.testing.subject import Subject

_MOST = 200  # rows of a fit that has fewer than a parameter asks for


@CLUSTERER()
def one_row_is_clustered_or_refused(clusterer: Subject) -> None:
    """One row gets a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, loose_groups(n=1), "one row")


@CLUSTERER()
def few_rows_are_clustered_or_refused(clusterer: Subject) -> None:
    """Two rows, and one fewer than each whole-numbered parameter says (n < k), get a sound clustering or an error."""
    asked = {
        getattr(clusterer.params, field.name) - 1
        for field in dataclasses.fields(clusterer.params)
        if type(getattr(clusterer.params, field.name)) is int
    }
    for n in sorted({2} | {n for n in asked if 1 < n <= _MOST}):
        clustered_or_refused(clusterer, loose_groups(n=n), f"{n} rows")


@CLUSTERER()
def no_rows_are_clustered_or_refused(clusterer: Subject) -> None:
    """An array of no rows gets a clustering of none, or an error in a sentence."""
    clustered_or_refused(clusterer, np.empty((0, DIMENSIONS), np.float32), "no rows")


@CLUSTERER()
def no_columns_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows of no dimensions get a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, np.empty((5, 0), np.float32), "rows of no dimensions")


@CLUSTERER()
def one_column_is_clustered_or_refused(clusterer: Subject) -> None:
    """Rows of one dimension get a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, loose_groups()[:, :1], "rows of one dimension")


@CLUSTERER()
def equal_rows_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows that are all the same get a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, np.repeat(loose_groups(n=1), 30, axis=0), "rows that are all the same")
    clustered_or_refused(clusterer, np.zeros((30, DIMENSIONS), np.float32), "rows that are all zero")


@CLUSTERER()
def repeated_rows_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows that each come three times get a sound clustering, or an error in a sentence.

    They need not get one label: where the order of rows matters, a row may come back to clusters that have changed.
    """
    clustered_or_refused(clusterer, np.tile(loose_groups(n=25), (3, 1)), "rows that each come three times")


@CLUSTERER()
def constant_columns_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows with dimensions that do not vary get a sound clustering, or an error in a sentence."""
    vectors = loose_groups()
    vectors[:, 1], vectors[:, 4] = 0, -7.25
    clustered_or_refused(clusterer, vectors, "rows with constant dimensions")


@CLUSTERER()
def huge_values_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows whose squares are beyond float32, or nearly beyond float64, get a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, loose_groups() * np.float32(1e36), "rows of values about 1e37")
    clustered_or_refused(clusterer, loose_groups().astype(np.float64) * 1e150, "rows of values about 1e151")


@CLUSTERER()
def tiny_values_are_clustered_or_refused(clusterer: Subject) -> None:
    """Rows of subnormal values, and of values that hardly differ, get a sound clustering, or an error in a sentence."""
    clustered_or_refused(clusterer, loose_groups() * np.float32(1e-40), "rows of values about 1e-40")
    clustered_or_refused(clusterer, loose_groups().astype(np.float64) * 1e-310, "rows of values about 1e-310")
    clustered_or_refused(clusterer, 1e6 + 0.01 * loose_groups().astype(np.float64), "rows that hardly differ")


@CLUSTERER()
def unlike_scales_are_clustered_or_refused(clusterer: Subject) -> None:
    """Dimensions from 1e-30 to 1e30 beside one another get a sound clustering, or an error in a sentence."""
    scales = np.logspace(-30, 30, DIMENSIONS).astype(np.float32)
    clustered_or_refused(clusterer, loose_groups() * scales, "dimensions of scales from 1e-30 to 1e30")


@CLUSTERER()
def nan_is_refused(clusterer: Subject) -> None:
    """Vectors with a NaN are refused with an error that says so."""
    for place in ((0, 0), (37, 3)):
        vectors = loose_groups()
        vectors[place] = np.nan
        refused_as_not_finite("fit() of vectors with a NaN", fitted, clusterer, vectors)


@CLUSTERER()
def infinity_is_refused(clusterer: Subject) -> None:
    """Vectors with an infinite value are refused with an error that says so."""
    for value in (np.inf, -np.inf):
        vectors = loose_groups()
        vectors[37, 3] = value
        refused_as_not_finite(f"fit() of vectors with a value of {value}", fitted, clusterer, vectors)
