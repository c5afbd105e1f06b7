"""What may be wrong with what a clusterer gives, in words; each function gives an empty string if nothing is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from darkframe.api.guard import DETAILS, kept_fault
from darkframe.errors import described
from darkframe.interfaces import Assignment, Clustering
from darkframe.numerics.clusterings import clustering_fault, entries_fault, labels_fault, values_fault
from darkframe.numerics.decompositions import diagnostics_fault

ROOM = 65_536
"""Clusters that a fit may give where its rows are fewer: labels beyond are a mistake (a hash, an overflow), and take memory."""

_ARRAY = re.compile(r"\w{1,80}")


def fitted_fault(clustering: Clustering, n: int, *, fresh: bool) -> str:
    """Of a clustering of n rows; where it is not ``fresh``, it may hold clusters of rows of before."""
    return (
        parts_fault(clustering)
        or labels_fault(clustering.labels, n)
        or entries_fault(clustering)
        or (fresh and count_fault(clustering, max(n, ROOM)))
        or clustering_fault(clustering, n)
        or parents_fault(clustering)
        or values_fault(clustering)
        or diagnostics_fault(clustering.diagnostics)
        or kept_fault(DETAILS, clustering.diagnostics.details)
    )


def parts_fault(clustering: Clustering) -> str:
    """Of the types of its parts."""
    for name, kinds in {"parents": "iu", "width": "fiu"}.items():
        arrays = getattr(clustering, name)
        if not isinstance(arrays, tuple | list):
            return f"its {name} are {described(arrays)}, not a tuple of arrays"
        for level, array in enumerate(arrays):
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in kinds:
                wanted = f"array (clusters,) of {'integers' if kinds == 'iu' else 'numbers'}"
                return f"its {name}[{level}] is {described(array)}, not an {wanted}"
    for name in ("match", "margin"):
        values = getattr(clustering, name)
        if values is not None and (not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu"):
            return f"its {name} is {described(values)}, not an array of numbers or None"
    for name, kind in {"clusters": int | np.integer, "vigilance": int | float | np.floating | np.integer}.items():
        values = getattr(clustering, name)
        if not isinstance(values, tuple | list) or not all(isinstance(value, kind) for value in values):
            return f"its {name} is {described(values)}, not a tuple of numbers"
    return ""


def count_fault(clustering: Clustering, most: int) -> str:
    """Of labels or numbers of clusters that so few rows cannot give."""
    for level, labels in enumerate(clustering.labels):
        known = clustering.clusters[level] if clustering.clusters else 0
        largest = max(int(labels.max(initial=-1)) + 1, int(known))
        if largest > most:
            return f"level {level} has {largest:,} clusters of {labels.size:,} rows; labels count from 0"
    return ""


def parents_fault(clustering: Clustering) -> str:
    """Of parents that the level above does not have."""
    for level, parents in enumerate(clustering.parents):
        known = clustering.clusters[level] if clustering.clusters else 0
        above = len(clustering.parents[level - 1]) if level else 0
        widths = len(clustering.width[level]) if clustering.width else 0
        count = max(int(clustering.labels[level].max(initial=-1)) + 1, int(known), above, widths)
        if len(parents) and (parents.min() < -1 or parents.max() >= max(count, ROOM)):
            return f"a cluster of level {level + 1} has the parent {parents.min() if parents.min() < -1 else parents.max()}"
    return ""


def assignment_fault(given: Any, vectors: Any) -> str:
    """Of what ``predict()`` gave."""
    if not isinstance(given, Assignment):
        return f"predict() gave {described(given)}, not an Assignment"
    if wrong := labels_fault(given.labels, len(vectors)):
        return f"in predict() {wrong}"
    for name, kinds in {"passed": "b", "match": "f"}.items():
        values = getattr(given, name)
        wrong, shape = np.shape(values), given.labels.shape
        if wrong != shape or np.asarray(values).dtype.kind not in kinds:
            return f"in predict() its {name} is {described(values)} of shape {wrong}, not an array of shape {shape}"
    return ""


def matches_fault(given: Any, vectors: Any, level: int) -> str:
    """Of what ``matches()`` gave."""
    if not isinstance(given, tuple) or len(given) != 2:
        return f"matches() gave {described(given)}, not a pair of arrays (rows, clusters)"
    match, passed = (np.asarray(part) for part in given)
    if match.ndim != 2 or len(match) != len(vectors) or passed.shape != match.shape:
        return f"matches() gave arrays of shape {match.shape} and {passed.shape}, not two of ({len(vectors)}, clusters)"
    kinds = match.dtype.kind + passed.dtype.kind
    return "" if kinds == "fb" else f"matches() gave arrays of {match.dtype} and {passed.dtype}, not of float64 and bool"


def state_fault(state: Any) -> str:
    """Of what ``state()`` gave."""
    if not isinstance(state, Mapping):
        return f"state() gave {described(state)}, not a mapping of names to arrays"
    for name, array in state.items():
        if not isinstance(name, str) or not _ARRAY.fullmatch(name):
            return f"state() names an array {name!r:.90}, which is no file's name: letters, digits and underscores are"
        if np.asarray(array).dtype.hasobject:
            return f"the array {name!r} of state() holds objects, which cannot be kept"
    return ""


OPTIONAL: Mapping[str, Callable[..., str] | None] = {
    "predict": assignment_fault,
    "matches": matches_fault,
    "state": state_fault,
    "restore": None,
    "boxes": None,
}
"""What a clusterer may have beside ``fit`` and ``partial_fit``, and what checks what it gives."""
