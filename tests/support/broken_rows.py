"""Grids that fail on unusual rows, or do not work as they should; each with the checks that it fails."""

import os
import warnings
from dataclasses import replace

import numpy as np
from support.broken_grids import before
from support.grid_clusterer import Grid

from darkframe import DataError
from darkframe.errors import PluginError


def failing(when, error):
    """The grid, whose fits fail in a way of their own where something holds of the vectors."""

    def act(self, vectors, context):
        if when(np.asarray(vectors)):
            raise error

    return before("fit", act)


def ranges(vectors):
    return np.ptp(vectors.astype(np.float64), axis=0) if len(vectors) else np.zeros(vectors.shape[1])


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


BROKEN = {
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
    "more than the total": (GoesTooFar, {"progress_is_sound"}),
    "a task left open": (LeavesTasksOpen, {"progress_is_sound"}),
    "Ctrl-C swallowed": (SwallowsCtrlC, {"ctrl_c_stops_a_fit"}),
    "half a fit kept": (KeepsHalfAFit, {"ctrl_c_stops_a_fit"}),
    "printing": (before("fit", prints), {"nothing_is_printed"}),
    "a library that writes": (before("fit", writes), {"nothing_is_printed"}),
    "warning": (before("fit", warns), {"no_warning_leaks"}),
}
