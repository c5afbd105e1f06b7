"""Placing new vectors in known clusters: ``predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import UserError
from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import (
    model_of,
    predicted,
    refused,
    refused_as_not_finite,
)
from darkframe.testing.clusterers.planted import far_groups, loose_groups
from darkframe.testing.clusterers.repeating import same_labels
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from darkframe.interfaces import Clustering
    from darkframe.testing.subject import Subject

FRESH = 40
"""New vectors that are placed."""


def fresh() -> np.ndarray:
    """(40, 6) float32 vectors of the same three groups, which no fit has seen."""
    return loose_groups(seed=9, n=FRESH)


def cluster_counts(clustering: Clustering) -> list[int]:
    """How many clusters each level of a fit has."""
    return list(clustering.clusters) or [int(labels.max(initial=-1)) + 1 for labels in clustering.labels]


@CLUSTERER("predict")
def assignments_have_their_shapes(clusterer: Subject) -> None:
    """``predict`` gives labels int64, ``passed`` bool and ``match`` float64, each (levels, n), of as many levels as the fit."""
    model, clustering = model_of(clusterer, loose_groups())
    assignment, shape = predicted(model, fresh()), (len(clustering.labels), FRESH)
    for name, dtype in {"labels": np.int64, "passed": np.bool_, "match": np.float64}.items():
        array = np.asarray(getattr(assignment, name))
        is_so = array.shape == shape and array.dtype == dtype
        require(is_so, f"predict() gave {name} {array.dtype}{array.shape}, expected {np.dtype(dtype)}{shape}.")


@CLUSTERER("predict")
def predicted_clusters_are_known(clusterer: Subject) -> None:
    """Labels of ``predict`` are clusters of the fit, or −1, and nest as those of the fit do."""
    model, clustering = model_of(clusterer, loose_groups())
    labels, counts = np.asarray(predicted(model, fresh()).labels), cluster_counts(clustering)
    for level, (own, known) in enumerate(zip(labels, counts)):
        inside = own.min(initial=-1) >= -1 and own.max(initial=-1) < known
        require(inside, f"predict() gave labels {own.min()} to {own.max()} at level {level}, which has {known} clusters.")
    for level, parents in enumerate(clustering.parents, start=1):
        own, above = labels[level], labels[level - 1]
        placed = own >= 0
        nests = np.array_equal(parents[own[placed]], above[placed])
        require(nests, f"predict() places a row at level {level} in a cluster of another parent than at level {level - 1}.")


@CLUSTERER("predict")
def predict_needs_a_fit(clusterer: Subject) -> None:
    """``predict`` before any fit is refused as the user's mistake."""
    model = clusterer.make()
    refused(UserError, "predict() before a fit", predicted, model, fresh())


@CLUSTERER("predict")
def predict_refuses_other_dimensions(clusterer: Subject) -> None:
    """``predict`` of vectors of other dimensions than those of the fit is refused as the user's mistake."""
    model, _ = model_of(clusterer, loose_groups())
    for given in (fresh()[:, :4], np.hstack([fresh(), fresh()])):
        refused(UserError, f"predict() of {given.shape[1]} dimensions after a fit of 6", predicted, model, given)


@CLUSTERER("predict")
def predict_refuses_what_is_not_finite(clusterer: Subject) -> None:
    """``predict`` of vectors with NaN or infinite values is refused with an error that says so."""
    model, _ = model_of(clusterer, loose_groups())
    for value in (np.nan, np.inf):
        given = fresh()
        given[5, 2] = value
        refused_as_not_finite(f"predict() of vectors with a value of {value}", predicted, model, given)


@CLUSTERER("predict")
def predict_learns_nothing(clusterer: Subject) -> None:
    """What was predicted before, of whatever vectors, changes no prediction."""
    model, _ = model_of(clusterer, loose_groups())
    first = predicted(model, fresh()).labels.copy()
    for _ in range(3):
        predicted(model, far_groups()[0] * 1000)
    same_labels(predicted(model, fresh()).labels, first, "predict() after other vectors were predicted")


@CLUSTERER("predict")
def predict_takes_each_row_alone(clusterer: Subject) -> None:
    """A row's cluster does not depend on the rows that it is predicted with."""
    model, _ = model_of(clusterer, loose_groups())
    together = predicted(model, fresh()).labels
    alone = np.hstack([predicted(model, fresh()[i : i + 1]).labels for i in range(FRESH)])
    same_labels(alone, together, "predict() row by row")


@CLUSTERER("predict")
def predict_changes_no_vectors(clusterer: Subject) -> None:
    """``predict`` changes no bit of the vectors, and read-only ones are enough."""
    model, _ = model_of(clusterer, loose_groups())
    vectors = fresh()
    labels = predicted(model, vectors).labels
    require(vectors.tobytes() == fresh().tobytes(), "predict() changed the vectors that it was given.")
    vectors.flags.writeable = False
    same_labels(predicted(model, vectors).labels, labels, "predict() of read-only vectors")


@CLUSTERER("predict")
def predict_finds_the_group(clusterer: Subject) -> None:
    """New rows of two tight groups far apart are not placed in a finest cluster that holds rows of the other group."""
    vectors, groups = far_groups()
    model, clustering = model_of(clusterer, vectors)
    known = clustering.labels[-1]
    given, own = far_groups(seed=7, n=20)
    finest = predicted(model, given).labels[-1]
    require((finest >= 0).any(), "predict() calls every new row of two tight groups noise.")
    for cluster, group in zip(finest, own):
        stray = cluster >= 0 and (groups[known == cluster] == 1 - group).any()
        require(not stray, f"predict() places a row in cluster {cluster}, whose rows belong to a group far from it.")


@CLUSTERER("predict")
def models_share_nothing(clusterer: Subject) -> None:
    """Fitting one object changes nothing in another."""
    model, _ = model_of(clusterer, loose_groups())
    before = predicted(model, fresh()).labels.copy()
    model_of(clusterer, far_groups()[0])
    same_labels(predicted(model, fresh()).labels, before, "predict() after another object was fitted")
