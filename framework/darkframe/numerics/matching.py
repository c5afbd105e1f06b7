"""Comparing directions: with a dictionary, and one decomposition's components with another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64


class DictionaryMatch(NamedTuple):
    """Each direction's nearest dictionary row.

    Attributes:
        cosine: (k,) float64, max over rows of |cos|.
        feature: (k,) int64, the row it is reached at (the lowest on ties).
        sign: (k,) int64, the cosine's sign there: 1 or −1.
    """

    cosine: F64
    feature: I64
    sign: I64


class Assignment(NamedTuple):
    """An optimal one-to-one assignment: ``left[i]`` goes with ``right[i]`` at similarity ``values[i]``."""

    left: I64
    right: I64
    values: F64


def unit_rows(array: NDArray[Any]) -> F64:
    """Rows (n, d) scaled to unit length in float64; rows without length stay zero."""
    rows = np.asarray(array, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    out: F64 = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return out


def match_dictionary(directions: NDArray[Any], dictionary: NDArray[Any], *, block: int = 4096) -> DictionaryMatch:
    """Max |cos| of every direction with any row of a dictionary, in blocks of rows.

    Args:
        directions: (k, d), of any length.
        dictionary: (F, d); rows without length (dead features) match nothing.
        block: Dictionary rows taken at a time.
    """
    unit = unit_rows(directions).astype(np.float32)
    cosine, feature, sign = np.zeros(len(unit)), np.zeros(len(unit), np.int64), np.ones(len(unit), np.int64)
    each = np.arange(len(unit))
    for start in range(0, len(dictionary), block):
        signed = unit @ unit_rows(dictionary[start : start + block]).astype(np.float32).T
        nearest = np.abs(signed).argmax(axis=1)
        found = signed[each, nearest].astype(np.float64)
        better = np.abs(found) > cosine
        cosine[better], feature[better] = np.abs(found)[better], start + nearest[better]
        sign[better] = np.where(found[better] < 0, -1, 1)
    return DictionaryMatch(np.minimum(cosine, 1.0), feature, sign)


def max_cosines(directions: F32 | F64, dictionary: NDArray[Any]) -> F64:
    """(k,) max |cos| with any dictionary row."""
    return match_dictionary(directions, dictionary).cosine


def cosines(a: NDArray[Any], b: NDArray[Any]) -> F64:
    """|cos| of every row of a (m, d) with every row of b (n, d): (m, n)."""
    out: F64 = np.minimum(np.abs(unit_rows(a) @ unit_rows(b).T), 1.0)
    return out


def source_correlations(filters_a: F64, filters_b: F64, covariance: F64) -> F64:
    """|correlation| of the sources two sets of filters read off rows of one covariance Σ.

    ``|f Σ gᵀ| / √(f Σ fᵀ · g Σ gᵀ)``: the similarity Icasso clusters by (Himberg, Hyvärinen & Esposito 2004). Unlike the
    cosine of directions it does not grow with the covariance's anisotropy.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return cosines(filters_a @ root, filters_b @ root)


def one_to_one(similarity: F64) -> Assignment:
    """The one-to-one assignment of largest total similarity (Hungarian method); min(m, n) pairs of an (m, n) matrix."""
    left, right = linear_sum_assignment(similarity, maximize=True)
    return Assignment(left.astype(np.int64), right.astype(np.int64), similarity[left, right])
