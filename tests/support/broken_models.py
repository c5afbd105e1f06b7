"""Grids whose fitted models place or match vectors in a wrong way; each with the checks that it fails."""

from dataclasses import replace

import numpy as np
from support.grid_clusterer import Grid, Model

from darkframe.testing.clusterers.planted import loose_groups


def assigned(**changes):
    """The grid, with parts of what it predicts changed, given which row is the first of those that the checks place."""

    class Assigned(Grid):
        def predict(self, vectors):
            assignment = super().predict(vectors)
            row = (vectors == loose_groups(seed=9, n=40)[0]).all(axis=1) if vectors.shape[1] == 6 else None
            return replace(assignment, **{name: change(getattr(assignment, name), row) for name, change in changes.items()})

    return Assigned


def unheard_of(labels, row):
    return np.where(row, -2, labels)


def elsewhere(labels, row):
    return np.stack([np.where(row, (labels[0] + 1) % 3, labels[0]), labels[1]])


class PredictsUnfitted(Grid):
    def predict(self, vectors):
        return super().predict(vectors) if self._model.lower is not None else None


class PredictsAnyDimensions(Grid):
    def predict(self, vectors):
        dims = self._fitted().lower.size
        return super().predict(vectors if vectors.shape[1] == dims else np.resize(vectors, (len(vectors), dims)))


class PredictsNaN(Grid):
    def predict(self, vectors):
        return super().predict(np.nan_to_num(vectors))


class LearnsFromPredicting(Grid):
    def predict(self, vectors):
        if np.abs(vectors).max() > 500:
            self._model = Model(self._model.lower - 1000, self._model.upper + 1000, self._model.cells, self._model.parents)
        return super().predict(vectors)


class PredictsTogether(Grid):
    def predict(self, vectors):
        assignment = super().predict(vectors)
        return replace(assignment, labels=assignment.labels * 0) if len(vectors) == 1 else assignment


class ChangesWhatItPredicts(Grid):
    def predict(self, vectors):
        assignment = super().predict(vectors)
        if vectors.flags.writeable:
            vectors[0] = 0
        return assignment


class MixesUpTwoClusters(Grid):
    def predict(self, vectors):
        assignment = super().predict(vectors)
        two = [len(cells) for cells in self._model.cells] == [2, 2]
        return replace(assignment, labels=1 - assignment.labels) if two else assignment


def shares_bounds():
    class Shares(Grid):
        latest = None

        def fit(self, vectors, context):
            clustering = super().fit(vectors, context)
            type(self).latest = self._model.lower, self._model.upper
            return clustering

        def predict(self, vectors):
            model = self._fitted()
            latest = type(self).latest
            if latest is not None and len(latest[0]) == len(model.lower):
                model.lower, model.upper = latest
            return super().predict(vectors)

    return Shares


def matched(change):
    class Matched(Grid):
        def matches(self, vectors, level):
            return change(*super().matches(vectors, level))

    return Matched


class MatchesAnyLevel(Grid):
    def matches(self, vectors, level):
        return super().matches(vectors, min(level, 1))


class MatchesUnfitted(Grid):
    def matches(self, vectors, level):
        if self._model is None:
            return np.empty((len(vectors), 0)), np.empty((len(vectors), 0), bool)
        return super().matches(vectors, level)


class BoxesUpsideDown(Grid):
    def boxes(self, level):
        return super().boxes(level)[::-1]


class BoxesOfAnyLevel(Grid):
    def boxes(self, level):
        return super().boxes(min(level, 1))


BROKEN = {
    "passed in numbers": (assigned(passed=lambda passed, _: passed.astype(np.int64)), {"assignments_have_their_shapes"}),
    "predicted labels in int32": (assigned(labels=lambda labels, _: labels.astype(np.int32)), {"assignments_have_their_shapes"}),
    "a cluster unheard of": (assigned(labels=unheard_of), {"predicted_clusters_are_known"}),
    "predicted beside its parent": (
        assigned(labels=elsewhere),
        {"predicted_clusters_are_known", "matches_agree_with_predict"},
    ),
    "predicting unfitted": (PredictsUnfitted, {"predict_needs_a_fit"}),
    "predicting any dimensions": (PredictsAnyDimensions, {"predict_refuses_other_dimensions"}),
    "predicting NaN": (PredictsNaN, {"predict_refuses_what_is_not_finite"}),
    "learning from predicting": (LearnsFromPredicting, {"predict_learns_nothing"}),
    "predicting together": (PredictsTogether, {"predict_takes_each_row_alone"}),
    "changing what it predicts": (ChangesWhatItPredicts, {"predict_changes_no_vectors"}),
    "two clusters mixed up": (MixesUpTwoClusters, {"predict_finds_the_group"}),
    "objects that share": (shares_bounds(), {"models_share_nothing"}),
    "passes in numbers": (matched(lambda m, p: (m, p.astype(np.int64))), {"matches_have_their_shapes"}),
    "another match": (matched(lambda m, p: (m / 2, p)), {"matches_agree_with_predict"}),
    "passing at another vigilance": (matched(lambda m, p: (m, ~p)), {"matches_agree_with_predict"}),
    "matching at any level": (MatchesAnyLevel, {"matches_refuse_other_levels"}),
    "matching unfitted": (MatchesUnfitted, {"matches_need_a_fit"}),
    "boxes upside down": (BoxesUpsideDown, {"boxes_have_their_shapes"}),
    "boxes of any level": (BoxesOfAnyLevel, {"boxes_refuse_other_levels"}),
}
