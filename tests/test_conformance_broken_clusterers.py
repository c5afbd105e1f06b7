"""Every check of clusterers finds what it is for: a right clusterer passes all, one broken in one way fails those that say so."""

import os
import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.grid_clusterer import Grid, GridParams, Model

from darkframe import ClustererInfo, Clustering, DataError
from darkframe.errors import PluginError
from darkframe.registry import Found, Registry
from darkframe.testing import Subject, checks_of, number_of_checks, run
from darkframe.testing.clusterers.planted import loose_groups
from darkframe.testing.kit import CLUSTERER

CAPABILITIES = ("partial_fit", "predict", "matches", "state", "restore", "boxes")
MARKED = loose_groups()[0]
"""A row of the ordinary vectors, which only they hold."""


class Bench(Subject):
    """A class that is not installed."""

    def __init__(self, target, params=None):
        info = ClustererInfo(name="grid", target="support.grid_clusterer:Grid", summary="Cells of a grid.", params=GridParams)
        found = Found(info, "grid-dist", "1.0", "grid")
        super().__init__(found, params or GridParams(), Registry([found], []))
        self.__dict__["target"] = target


def failed(subject):
    """Names of the checks of clusterers that fail, with the reasons."""
    own = {check.name for check in CLUSTERER}
    outcomes = [run(check) for check in checks_of(subject) if check.name in own]
    return {outcome.name: outcome.reason for outcome in outcomes if not outcome.good}


def test_a_right_clusterer_passes_every_check():
    subject = Bench(Grid)
    assert subject.capabilities == set(CAPABILITIES)
    assert len(checks_of(subject)) == number_of_checks("clusterer", *CAPABILITIES)
    assert failed(subject) == {}


def marked(vectors):
    """Which rows are the marked one."""
    vectors = np.asarray(vectors)
    return (vectors == MARKED).all(axis=1) if vectors.shape[1] == len(MARKED) else np.zeros(len(vectors), bool)


def ordinary(vectors):
    return marked(vectors).any()


def changed(change, in_pieces=True):
    """The grid, with what its fits of ordinary vectors give changed."""

    class Changed(Grid):
        def fit(self, vectors, context):
            return self._changed(super().fit(vectors, context), vectors)

        def partial_fit(self, vectors, context):
            clustering = super().partial_fit(vectors, context)
            return self._changed(clustering, vectors) if in_pieces else clustering

        def _changed(self, clustering, vectors):
            return change(clustering, marked(vectors)) if ordinary(vectors) else clustering

    return Changed


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


def before(method, act, kind=Grid):
    """The grid, which does something with itself, the vectors and the context before a method of it, whose answer it may give."""

    def broken(self, vectors, *rest):
        answer = act(self, vectors, *rest)
        return getattr(super(Broken, self), method)(vectors, *rest) if answer is None else answer

    Broken = type("Broken", (kind,), {method: broken})
    return Broken


def failing(when, error):
    """The grid, whose fits fail in a way of their own where something holds of the vectors."""

    def act(self, vectors, context):
        if when(np.asarray(vectors)):
            raise error

    return before("fit", act)


def seen_as(change):
    """The grid, whose fits see vectors that were changed."""

    def act(self, vectors, context):
        return Grid.fit(self, change(vectors), context)

    return before("fit", act)


def ranges(vectors):
    return np.ptp(vectors.astype(np.float64), axis=0) if len(vectors) else np.zeros(vectors.shape[1])


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


class DividesByZero(Grid):
    def fit(self, vectors, context):
        clustering = super().fit(vectors, context)
        constant = vectors.size and not ranges(vectors).any() and len(vectors) > 1
        return replace(clustering, match=clustering.match * np.nan) if constant else clustering


class Overflows(Grid):
    def fit(self, vectors, context):
        clustering = super().fit(vectors, context)
        huge = np.abs(vectors).max() > 1e36
        return replace(clustering, margin=clustering.margin * np.inf) if huge else clustering


class FillsInNaN(Grid):
    def fit(self, vectors, context):
        return super().fit(np.where(np.isnan(vectors), 0, vectors), context)


class RefusesInfinityInTheDark(Grid):
    def fit(self, vectors, context):
        if np.isinf(vectors).any():
            raise DataError("Something is wrong with these vectors.")
        return super().fit(vectors, context)


class GoesTooFar(Grid):
    def fit(self, vectors, context):
        with context.progress.task("rows", len(vectors), "rows") as task:
            task.advance(len(vectors) + 1)
        return super().fit(vectors, context)


class LeavesTasksOpen(Grid):
    def fit(self, vectors, context):
        self.task = context.progress.task("rows", None, "rows")
        self.task.__enter__()
        return super().fit(vectors, context)


class SwallowsCtrlC(Grid):
    def fit(self, vectors, context):
        try:
            return super().fit(vectors, context)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                return super().fit(vectors, replace(context, progress=type(context)().progress))
            raise


class KeepsHalfAFit(Grid):
    def fit(self, vectors, context):
        if self.__dict__.pop("begun", False):
            vectors = vectors[::-1]
        self.begun = True
        clustering = super().fit(vectors, context)
        self.begun = False
        return clustering


def prints(self, vectors, context):
    print("fitting")


def writes(self, vectors, context):
    os.write(2, b"from a compiled library\n")


def warns(self, vectors, context):
    warnings.warn("something may be off", RuntimeWarning, stacklevel=1)


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


class GrowsBackwards(Grid):
    def partial_fit(self, vectors, context):
        return super().partial_fit(vectors[::-1] if self._model is None else vectors, context)


class GrowsApart(Grid):
    """Every piece gets clusters of its own."""

    def partial_fit(self, vectors, context):
        clustering = super().partial_fit(vectors, context)
        behind = np.array([[len(cells)] for cells in self._model.cells])
        model = self._model
        parents = np.concatenate([model.parents, model.parents + len(model.cells[0])])
        self._model = Model(model.lower, model.upper, [np.concatenate([c + 100, c]) for c in model.cells], parents)
        return replace(
            clustering,
            labels=clustering.labels + behind,
            clusters=tuple(2 * n for n in clustering.clusters),
            parents=(parents,),
            width=tuple(np.tile(width, 2) for width in clustering.width),
        )


class ForgetsItsClusters(Grid):
    def partial_fit(self, vectors, context):
        clustering = super().partial_fit(vectors, context)
        return replace(clustering, clusters=(1, 1)) if len(vectors) == 31 else clustering


class GivesClustersOtherParents(Grid):
    def partial_fit(self, vectors, context):
        clustering = super().partial_fit(vectors, context)
        return replace(clustering, parents=(clustering.parents[0] + 1,)) if len(vectors) == 31 else clustering


class GrowsInAnyDimensions(Grid):
    def partial_fit(self, vectors, context):
        if self._model is not None and len(self._model.lower) != vectors.shape[1]:
            return super().fit(vectors, context)
        return super().partial_fit(vectors, context)


class LearnsBeforeItLooks(Grid):
    def partial_fit(self, vectors, context):
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            super().partial_fit(vectors[finite][::-1], context)
        return super().partial_fit(vectors, context)


class ChangesWhatItGrowsBy(Grid):
    def partial_fit(self, vectors, context):
        clustering = super().partial_fit(vectors, context)
        if len(vectors) == 90:
            vectors[0] = 0
        return clustering


def kept(value):
    """The grid, with something beside its arrays in the state."""

    class Kept(Grid):
        def state(self):
            return super().state() | {"beside": value}

        def restore(self, state):
            super().restore(state if "beside" in state else {})

    return Kept


class KeepsNothingUnfitted(Grid):
    def state(self):
        return {} if self._model is None else super().state()


class KeepsItsOwnArrays(Grid):
    def __init__(self, params=None):
        super().__init__(params)
        self.seen = np.zeros(1, np.int64)

    def partial_fit(self, vectors, context):
        self.seen += len(vectors)
        return super().partial_fit(vectors, context)

    def state(self):
        return super().state() | {"seen": self.seen}

    def restore(self, state):
        super().restore(state if "seen" in state else {})
        self.seen = np.array(state["seen"])


class OpensWithoutItsBounds(Grid):
    def restore(self, state):
        super().restore(state)
        self.loose = True

    def predict(self, vectors):
        assignment = super().predict(vectors)
        return replace(assignment, match=assignment.match / 2) if hasattr(self, "loose") else assignment


class OpensAndStartsAnew(Grid):
    def restore(self, state):
        super().restore(state)
        self.opened = True

    def partial_fit(self, vectors, context):
        return super().fit(vectors, context) if hasattr(self, "opened") else super().partial_fit(vectors, context)


class OpensWhatItFinds(Grid):
    def restore(self, state):
        self._model = Model(state["lower"], state["upper"], (state["coarse"], state["fine"]), state["parents"])
        assert tuple(state["sizes"]) == self.sizes


class OpensHalfAModel(Grid):
    def restore(self, state):
        super().restore({"parents": np.zeros(len(state.get("fine", ())), np.int64), **state})


class OpensOtherGrids(Grid):
    def restore(self, state):
        super().restore({**state, "sizes": np.array(self.sizes)} if "sizes" in state else state)


BROKEN = {
    # what a fit gives
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
    # what labels depend on
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
    # unusual rows
    "one row": (failing(lambda v: len(v) == 1, ValueError("n_samples=1")), {"one_row_is_clustered_or_refused"}),
    "two rows": (failing(lambda v: len(v) == 2, ValueError("n_samples=2")), {"few_rows_are_clustered_or_refused"}),
    "no rows": (failing(lambda v: len(v) == 0, IndexError("0")), {"no_rows_are_clustered_or_refused"}),
    "no columns": (failing(lambda v: v.shape[1] == 0, IndexError("0")), {"no_columns_are_clustered_or_refused"}),
    "one column": (failing(lambda v: v.shape[1] == 1, ValueError("squeezed")), {"one_column_is_clustered_or_refused"}),
    "equal rows": (DividesByZero, {"equal_rows_are_clustered_or_refused"}),
    "repeated rows": (
        failing(lambda v: len(v) == 75 and len(np.unique(v, axis=0)) == 25, ValueError("duplicates")),
        {"repeated_rows_are_clustered_or_refused"},
    ),
    "constant columns": (
        failing(lambda v: 0 < (ranges(v) == 0).sum() < v.shape[1], ZeroDivisionError("by zero")),
        {"constant_columns_are_clustered_or_refused"},
    ),
    "huge values": (Overflows, {"huge_values_are_clustered_or_refused"}),
    "tiny values": (
        failing(lambda v: v.size and 0 < ranges(v).max() < 1e-30, FloatingPointError("underflow")),
        {"tiny_values_are_clustered_or_refused"},
    ),
    "unlike scales": (
        failing(lambda v: 0 < ranges(v).min(initial=np.inf) < 1e-20 < 1e20 < ranges(v).max(), ValueError("singular")),
        {"unlike_scales_are_clustered_or_refused"},
    ),
    "NaN filled in": (FillsInNaN, {"nan_is_refused"}),
    "NaN refused by a library": (failing(lambda v: np.isnan(v).any(), ValueError("Input contains NaN.")), {"nan_is_refused"}),
    "NaN refused without a word": (failing(lambda v: np.isnan(v).any(), DataError("NaN.")), {"nan_is_refused"}),
    "a fault of its own": (failing(lambda v: np.isnan(v).any(), PluginError("It is NaN that broke me.")), {"nan_is_refused"}),
    "infinity refused in the dark": (RefusesInfinityInTheDark, {"infinity_is_refused"}),
    # at work
    "more than the total": (GoesTooFar, {"progress_is_sound"}),
    "a task left open": (LeavesTasksOpen, {"progress_is_sound"}),
    "Ctrl-C swallowed": (SwallowsCtrlC, {"ctrl_c_stops_a_fit"}),
    "half a fit kept": (KeepsHalfAFit, {"ctrl_c_stops_a_fit"}),
    "printing": (before("fit", prints), {"nothing_is_printed"}),
    "a library that writes": (before("fit", writes), {"nothing_is_printed"}),
    "warning": (before("fit", warns), {"no_warning_leaks"}),
    # predict
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
    # matches and boxes
    "passes in numbers": (matched(lambda m, p: (m, p.astype(np.int64))), {"matches_have_their_shapes"}),
    "another match": (matched(lambda m, p: (m / 2, p)), {"matches_agree_with_predict"}),
    "passing at another vigilance": (matched(lambda m, p: (m, ~p)), {"matches_agree_with_predict"}),
    "matching at any level": (MatchesAnyLevel, {"matches_refuse_other_levels"}),
    "matching unfitted": (MatchesUnfitted, {"matches_need_a_fit"}),
    "boxes upside down": (BoxesUpsideDown, {"boxes_have_their_shapes"}),
    "boxes of any level": (BoxesOfAnyLevel, {"boxes_refuse_other_levels"}),
    # partial_fit
    "a first piece backwards": (GrowsBackwards, {"the_first_partial_fit_is_a_fit"}),
    "clusters of each piece": (GrowsApart, {"the_first_partial_fit_is_a_fit", "pieces_give_what_the_whole_gives"}),
    "clusters forgotten": (ForgetsItsClusters, {"clusters_keep_their_numbers"}),
    "other parents": (GivesClustersOtherParents, {"clusters_keep_their_numbers"}),
    "growing in any dimensions": (GrowsInAnyDimensions, {"growing_refuses_other_dimensions"}),
    "learning before looking": (LearnsBeforeItLooks, {"growing_refuses_what_is_not_finite"}),
    "changing what it grows by": (ChangesWhatItGrowsBy, {"growing_changes_no_vectors"}),
    # state and restore
    "text in the state": (kept(np.array("grid")), {"state_is_plain_arrays"}),
    "objects in the state": (kept(np.array([GridParams()])), {"state_is_plain_arrays"}),
    "no array in the state": (kept([1, 2]), {"state_is_plain_arrays"}),
    "a state of nothing": (KeepsNothingUnfitted, {"state_needs_a_fit"}),
    "arrays of its own": (KeepsItsOwnArrays, {"state_stays_as_it_was"}),
    "opening in part": (OpensWithoutItsBounds, {"opened_models_predict_the_same"}),
    "opening and starting anew": (OpensAndStartsAnew, {"opened_models_grow_the_same"}),
    "opening what it finds": (OpensWhatItFinds, {"rubbish_is_not_opened", "other_parameters_are_not_opened"}),
    "opening half a model": (OpensHalfAModel, {"rubbish_is_not_opened"}),
    "opening other grids": (OpensOtherGrids, {"other_parameters_are_not_opened"}),
}


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_clusterer_fails_the_checks_that_say_so_and_no_others(breakage):
    broken, expected = BROKEN[breakage]
    found = failed(Bench(*broken) if isinstance(broken, tuple) else Bench(broken))
    assert set(found) == expected, found
    for reason in found.values():
        assert reason.endswith((".", ")")) and len(reason.split()) > 4 and "\n" not in reason


def test_every_check_has_a_clusterer_that_fails_it():
    assert {check.name for check in CLUSTERER} - {name for _, failures in BROKEN.values() for name in failures} == set()


def test_what_gives_no_clustering_is_told_so():
    class Labels(Grid):
        def fit(self, vectors, context):
            return super().fit(vectors, context).labels

    reason = failed(Bench(Labels))["labels_have_their_shape"]
    assert reason == "fit() gave a ndarray, expected a darkframe.Clustering."
