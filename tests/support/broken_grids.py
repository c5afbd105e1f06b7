"""Ways to break the grid, and what the checks of clusterers that apply to it then say."""

import numpy as np
from support.grid_clusterer import Grid, GridParams

from darkframe import ClustererInfo
from darkframe.registry import Found, Registry
from darkframe.testing import Subject, checks_of, run
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


def before(method, act, kind=Grid):
    """The grid, which does something with itself, the vectors and the context before a method of it, whose answer it may give."""

    def broken(self, vectors, *rest):
        answer = act(self, vectors, *rest)
        return getattr(super(Broken, self), method)(vectors, *rest) if answer is None else answer

    Broken = type("Broken", (kind,), {method: broken})
    return Broken
