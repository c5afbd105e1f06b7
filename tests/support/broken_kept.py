"""Grids that go on, are kept or are opened again in a wrong way; each with the checks that it fails."""

from dataclasses import replace

import numpy as np
from support.grid_clusterer import Grid, GridParams, Model


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
    "a first piece backwards": (GrowsBackwards, {"the_first_partial_fit_is_a_fit"}),
    "clusters of each piece": (GrowsApart, {"the_first_partial_fit_is_a_fit", "pieces_give_what_the_whole_gives"}),
    "clusters forgotten": (ForgetsItsClusters, {"clusters_keep_their_numbers"}),
    "other parents": (GivesClustersOtherParents, {"clusters_keep_their_numbers"}),
    "growing in any dimensions": (GrowsInAnyDimensions, {"growing_refuses_other_dimensions"}),
    "learning before looking": (LearnsBeforeItLooks, {"growing_refuses_what_is_not_finite"}),
    "changing what it grows by": (ChangesWhatItGrowsBy, {"growing_changes_no_vectors"}),
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
