"""Grids whose fits give something else than they should, or by something else than they should; each with the checks it fails."""

import random
from dataclasses import replace

import numpy as np
from support.broken_grids import before, changed, ordinary
from support.grid_clusterer import Grid, GridParams

from darkframe import Clustering


def details(**values):
    return changed(lambda c, _: replace(c, diagnostics=replace(c.diagnostics, **values)))


def with_label(level, value):
    def change(clustering, rows):
        labels = clustering.labels.copy()
        labels[level, rows] = value
        return replace(clustering, labels=labels)

    return changed(change)


def with_match(value):
    return changed(lambda c, rows: replace(c, match=np.where(rows, value, c.match)))


def unpicklable(clustering, _):
    class Local(Clustering):
        pass

    return Local(**vars(clustering))


def seen_as(change):
    """The grid, whose fits see vectors that were changed."""

    def act(self, vectors, context):
        return Grid.fit(self, change(vectors), context)

    return before("fit", act)


class ReadsGlobalGenerator(Grid):
    def fit(self, vectors, context):
        shifted = vectors[::-1] if np.random.get_state()[1][0] == 2 else vectors  # noqa: NPY002
        return super().fit(shifted, context)


class ReadsPythonsGenerator(Grid):
    def fit(self, vectors, context):
        kept = random.getstate()
        random.seed(2)
        shifted = vectors[::-1] if random.getstate() == kept else vectors
        random.setstate(kept)
        return super().fit(shifted, context)


class StartsWhereItStood(Grid):
    def fit(self, vectors, context):
        if self._model is not None and len(self._model.lower) == vectors.shape[1]:
            return self.partial_fit(vectors, context)
        return super().fit(vectors, context)


class ReusesItsLabels(Grid):
    def fit(self, vectors, context):
        clustering = super().fit(vectors, context)
        kept = self.__dict__.setdefault("kept", np.empty_like(clustering.labels))
        if kept.shape != clustering.labels.shape:
            return clustering
        kept[:] = clustering.labels
        return replace(clustering, labels=kept)


class IgnoresBounds(Grid):
    def fit(self, vectors, context):
        return super().fit(vectors, self._wider(context))

    def partial_fit(self, vectors, context):
        return super().partial_fit(vectors, self._wider(context))

    def _wider(self, context):
        return context if context.bounds is None else replace(context, bounds=(context.bounds[0] - 1, context.bounds[1] + 10))


class WritesAndPutsBack(Grid):
    def fit(self, vectors, context):
        vectors *= 1
        return super().fit(vectors, context)


class ChangesVectors(Grid):
    def fit(self, vectors, context):
        clustering = super().fit(vectors, context)
        if ordinary(vectors) and vectors.flags.writeable and len(vectors) == 90:
            vectors[1, 1] += 1
        return clustering


class ChangesBounds(Grid):
    def fit(self, vectors, context):
        clustering = super().fit(vectors, context)
        if context.bounds is not None:
            context.bounds[0][0] -= 0.001 * np.abs(context.bounds[0][0]) if len(vectors) == 90 else 0
        return clustering


BROKEN = {
    "labels below -1": (with_label(1, -2), {"labels_have_their_shape"}),
    "labels in int32": (changed(lambda c, _: replace(c, labels=c.labels.astype(np.int32))), {"labels_are_int64"}),
    "a gap in the numbers": (
        changed(lambda c, _: replace(c, clusters=(), labels=c.labels * 2)),
        {
            "clusters_are_numbered_from_zero",
            "levels_nest",
            "pieces_give_what_the_whole_gives",
            "matches_have_their_shapes",
            "boxes_have_their_shapes",
        },
    ),
    "more parents than clusters": (
        changed(lambda c, _: replace(c, parents=(np.append(c.parents[0], 0),)), in_pieces=False),
        {"clusters_are_numbered_from_zero"},
    ),
    "a row beside its parent": (with_label(0, 1), {"levels_nest"}),
    "one vigilance for two levels": (changed(lambda c, _: replace(c, vigilance=(1.0,))), {"levels_have_their_entries"}),
    "match in float32": (changed(lambda c, _: replace(c, match=c.match.astype(np.float32))), {"measures_have_their_shapes"}),
    "one margin for two levels": (changed(lambda c, _: replace(c, margin=c.margin[:1])), {"measures_have_their_shapes"}),
    "an infinite match": (with_match(np.inf), {"measures_are_numbers"}),
    "a NaN match": (with_match(np.nan), {"measures_are_numbers"}),
    "iterations as a float": (details(iterations=1.0), {"diagnostics_are_given"}),
    "converged as a number": (details(converged=1), {"diagnostics_are_given"}),
    "warnings in a list": (details(warnings=["It is late."]), {"warnings_are_sentences"}),
    "a warning of two lines": (details(warnings=("It is\nlate.",)), {"warnings_are_sentences"}),
    "an array in the details": (details(details={"sizes": np.arange(3)}), {"diagnostics_can_be_written"}),
    "a class of its own": (changed(unpicklable), {"clusterings_can_be_pickled"}),
    "a cluster for all": (
        (Grid, GridParams(coarse=1, finer=1)),
        {"far_groups_are_told_apart", "predict_finds_the_group"},
    ),
    "a cluster for each": ((Grid, GridParams(coarse=1000, finer=1000)), {"far_groups_are_told_apart"}),
    "numpy's global generator": (ReadsGlobalGenerator, {"fits_repeat"}),
    "Python's global generator": (ReadsPythonsGenerator, {"fits_repeat"}),
    "a fit that goes on": (StartsWhereItStood, {"fits_start_anew"}),
    "labels in a buffer of its own": (ReusesItsLabels, {"clusterings_stay_as_they_were"}),
    "strides overlooked": (
        seen_as(lambda v: v if v.flags.forc else v[::-1]),
        {"strided_vectors_give_the_same_labels"},
    ),
    "columns taken for rows": (
        seen_as(lambda v: v if v.flags.c_contiguous or not v.flags.f_contiguous else v[::-1]),
        {"fortran_ordered_vectors_give_the_same_labels"},
    ),
    "float64 rounded": (
        seen_as(lambda v: v if v.dtype == np.float32 else v[::-1]),
        {"float64_vectors_give_the_same_labels"},
    ),
    "vectors written to": (WritesAndPutsBack, {"read_only_vectors_are_enough"}),
    "vectors changed": (ChangesVectors, {"vectors_are_not_changed"}),
    "bounds changed": (ChangesBounds, {"vectors_are_not_changed"}),
    "bounds misread": (IgnoresBounds, {"bounds_of_their_own_change_nothing"}),
}
