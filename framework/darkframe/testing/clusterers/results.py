"""What a fit gives: labels, levels, measures, diagnostics."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Clustering, Diagnostics
from darkframe.numerics.clusterings import counts_fault, entries_fault, labels_fault, nesting_fault, shapes_fault, values_fault
from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import fitted, plain
from darkframe.testing.clusterers.planted import ROWS, far_groups, loose_groups
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.testing.subject import Subject


def _holds(fault: str) -> None:
    require(not fault, f"{fault[:1].upper()}{fault[1:]}.")


@CLUSTERER()
def labels_have_their_shape(clusterer: Subject) -> None:
    """A fit gives a Clustering whose labels are integers, (levels, n), from −1 (noise) up."""
    _holds(labels_fault(plain(clusterer).labels, ROWS))


@CLUSTERER()
def labels_are_int64(clusterer: Subject) -> None:
    """Labels are int64, so that results are the same on every machine."""
    dtype = np.asarray(plain(clusterer).labels).dtype
    require(dtype == np.int64, f"The labels are {dtype}, expected int64.")


@CLUSTERER()
def clusters_are_numbered_from_zero(clusterer: Subject) -> None:
    """Ids run from 0 to below the level's clusters; where ``clusters`` is empty, every id has rows."""
    _holds(counts_fault(plain(clusterer)))


@CLUSTERER()
def levels_nest(clusterer: Subject) -> None:
    """``parents`` of each level after the first name, for each cluster, the one above that all its rows are in."""
    clustering = plain(clusterer)
    _holds(nesting_fault(clustering.labels, clustering.parents))


@CLUSTERER()
def levels_have_their_entries(clusterer: Subject) -> None:
    """``clusters``, ``vigilance`` and ``width`` are empty or have one entry a level."""
    _holds(entries_fault(plain(clusterer)))


@CLUSTERER()
def measures_have_their_shapes(clusterer: Subject) -> None:
    """``match`` and ``margin`` are None or (levels, n) float64; each level's ``width`` is float64."""
    clustering = plain(clusterer)
    _holds(shapes_fault(clustering, ROWS))
    given = {"match": clustering.match, "margin": clustering.margin}
    given |= {f"width of level {level}": width for level, width in enumerate(clustering.width)}
    for name, values in given.items():
        dtype = np.asarray(values).dtype
        require(values is None or dtype == np.float64, f"The {name} is {dtype}, expected float64.")


@CLUSTERER()
def measures_are_numbers(clusterer: Subject) -> None:
    """``match`` is finite but for noise; no ``margin`` is infinite; no ``width`` is negative or infinite."""
    _holds(values_fault(plain(clusterer)))


@CLUSTERER()
def diagnostics_are_given(clusterer: Subject) -> None:
    """A fit says whether it converged (a bool) and after how many iterations (an int)."""
    said = plain(clusterer).diagnostics
    require(isinstance(said, Diagnostics), f"diagnostics is a {type(said).__name__}, expected darkframe.Diagnostics.")
    require(isinstance(said.converged, bool), f"converged is {said.converged!r}, a {_kind(said.converged)}, expected a bool.")
    whole = isinstance(said.iterations, int) and not isinstance(said.iterations, bool) and said.iterations >= 0
    require(whole, f"iterations is {said.iterations!r}, a {_kind(said.iterations)}, expected an int from 0 up.")


@CLUSTERER()
def warnings_are_sentences(clusterer: Subject) -> None:
    """Every warning of a fit is one line of text for the reader."""
    flat = loose_groups()
    flat[:, 1] = 0
    for clustering in (plain(clusterer), *_if_any(clusterer, flat)):
        said = clustering.diagnostics.warnings
        require(isinstance(said, tuple), f"warnings is a {_kind(said)}, expected a tuple of sentences.")
        for warning in said:
            line = isinstance(warning, str) and len(warning.split()) > 1 and len(warning.splitlines()) == 1
            require(line, f"A warning is {warning!r}, expected one line of text.")


@CLUSTERER()
def diagnostics_can_be_written(clusterer: Subject) -> None:
    """The diagnostics can be written as JSON: ``details`` holds plain values, no arrays or numpy numbers."""
    said = plain(clusterer).diagnostics
    try:
        json.dumps(asdict(said))
    except (TypeError, ValueError) as error:
        require(False, f"The diagnostics cannot be written as JSON: {error}.")


@CLUSTERER()
def clusterings_can_be_pickled(clusterer: Subject) -> None:
    """A clustering comes back equal from ``pickle``, so that processes can hand it to one another."""
    clustering = plain(clusterer)
    try:
        again = pickle.loads(pickle.dumps(clustering))  # noqa: S301  (of this process, never of a file)
    except Exception as error:
        require(False, f"The clustering cannot be pickled: {type(error).__name__}: {error}.")
    for field in fields(Clustering):
        same = _same(getattr(again, field.name), getattr(clustering, field.name))
        require(same, f"{field.name} is not the same after pickling.")


@CLUSTERER()
def far_groups_are_told_apart(clusterer: Subject) -> None:
    """Of two tight groups far apart no cluster of the finest level mixes both, and some rows are grouped."""
    vectors, groups = far_groups()
    finest = fitted(clusterer, vectors).labels[-1]
    inside = finest >= 0
    require(inside.any(), f"All {len(vectors)} rows of two tight groups are called noise.")
    used = np.unique(finest[inside])
    require(len(used) < inside.sum(), f"Each of the {inside.sum()} rows of two tight groups is a cluster of its own.")
    for cluster in used:
        mixed = len(np.unique(groups[finest == cluster])) > 1
        require(not mixed, f"Cluster {cluster} holds rows of both of two tight groups that lie far apart.")


def _if_any(clusterer: Subject, vectors: NDArray[Any]) -> list[Clustering]:
    try:
        return [fitted(clusterer, vectors)]
    except Exception:  # whether it may be refused, and how, is another check's concern
        return []


def _kind(value: object) -> str:
    return type(value).__name__


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(b, tuple):
        return isinstance(a, tuple) and len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b))
    return repr(a) == repr(b) if isinstance(b, Diagnostics) else bool(a == b)
