"""A right clusterer, small and fast, that offers everything a clusterer may: the cells of a grid, at two levels.

Rows are scaled to [0, 1] by their bounds; a cluster is a cell of the grid that a row fell in, numbered by its first row. The
finer grid divides the cells of the coarser one. A row's match with a cell is 1 less its mean distance from it over dimensions.
"""

from dataclasses import dataclass

import numpy as np

from darkframe import Assignment, Clustering, DataError, Diagnostics, UserError, param
from darkframe.errors import StoreError

RHO = (1.0, 1.0)


@dataclass(frozen=True)
class GridParams:
    """Parameters of ``grid``."""

    coarse: int = param(3, ge=1, help="Cells a dimension of the coarser grid.")
    finer: int = param(2, ge=1, help="Parts of each of them in the finer grid.")


class Model:
    """Bounds, and the cells (clusters, d) of each level; ``parents`` of the finer ones."""

    def __init__(self, lower, upper, cells=None, parents=()):
        self.lower, self.upper = lower, upper
        self.cells = list(cells or (np.empty((0, len(lower)), np.int64),) * 2)
        self.parents = np.array(parents, np.int64)

    def scaled(self, vectors):
        """Scaled and clipped rows, and how many values were clipped."""
        spread = self.upper - self.lower
        values = np.array(vectors, np.float64) - self.lower
        values = np.where(spread > 0, values, 0) / np.where(spread > 0, spread, 1)
        return np.clip(values, 0, 1), int((np.abs(values - 0.5) > 0.5).sum())


class Grid:
    """The grid."""

    def __init__(self, params=None):
        self.params = params or GridParams()
        self._model = None

    @property
    def sizes(self):
        return self.params.coarse, self.params.coarse * self.params.finer

    def fit(self, vectors, context):
        vectors = self._checked(vectors)
        self._model = None
        lower, upper = context.bounds or (vectors.min(axis=0), vectors.max(axis=0))
        lower, upper = np.array(lower, np.float64), np.array(upper, np.float64)
        with np.errstate(over="ignore"):
            if not np.isfinite(upper - lower).all():
                raise DataError("The range of the vectors is beyond float64.", hint="Scale them down.")
        return self._learn(Model(lower, upper), vectors, context)

    def partial_fit(self, vectors, context):
        if self._model is None:
            return Grid.fit(self, vectors, context)
        return self._learn(self._model, self._checked(vectors, len(self._model.lower)), context)

    def predict(self, vectors):
        model = self._fitted()
        scaled, _ = model.scaled(self._checked(vectors, len(model.lower)))
        labels, match = np.empty((2, len(scaled)), np.int64), np.empty((2, len(scaled)))
        above = None
        for level in (0, 1):
            matches = self._match(model, scaled, level)
            if level:
                matches = np.where(model.parents == above[:, None], matches, -np.inf)
            above = labels[level] = matches.argmax(axis=1)
            match[level] = matches[np.arange(len(scaled)), above]
        return Assignment(labels, match >= np.array(RHO)[:, None], match)

    def matches(self, vectors, level):
        model = self._fitted()
        self._see(level)
        match = self._match(model, model.scaled(self._checked(vectors, len(model.lower)))[0], level)
        return match, match >= RHO[level]

    def boxes(self, level):
        model = self._fitted()
        self._see(level)
        return model.cells[level] / self.sizes[level], (model.cells[level] + 1) / self.sizes[level]

    def state(self):
        model = self._fitted()
        cells = {"coarse": model.cells[0].copy(), "fine": model.cells[1].copy(), "parents": model.parents.copy()}
        return {**cells, "lower": model.lower.copy(), "upper": model.upper.copy(), "sizes": np.array(self.sizes)}

    def restore(self, state):
        names = ("coarse", "fine", "parents", "lower", "upper", "sizes")
        if missing := [name for name in names if name not in state]:
            raise StoreError(f"A kept model of grid has no {', '.join(missing)}.")
        if tuple(state["sizes"]) != self.sizes:
            raise StoreError("The kept model was made with other grids.", hint="Open it with the parameters it was made with.")
        self._model = Model(state["lower"], state["upper"], (state["coarse"], state["fine"]), state["parents"])

    def _learn(self, model, vectors, context):
        scaled, clipped = model.scaled(vectors)
        labels = np.empty((2, len(vectors)), np.int64)
        with context.progress.task("grid", len(vectors), "rows") as task:
            for level, size in enumerate(self.sizes):
                known = len(model.cells[level])
                own = np.minimum((scaled * size).astype(np.int64), size - 1)
                model.cells[level], labels[level] = _numbered(model.cells[level], own)
                if level:
                    first = [np.argmax(labels[1] == k) for k in range(known, len(model.cells[1]))]
                    model.parents = np.concatenate([model.parents, labels[0][np.array(first, np.int64)]])
            task.advance(len(vectors))
        self._model = model
        return self._clustering(model, scaled, labels, clipped)

    def _clustering(self, model, scaled, labels, clipped):
        match, margin = np.ones(labels.shape), np.full(labels.shape, np.nan)
        for level in (0, 1):
            matches = self._match(model, scaled, level)
            match[level] = matches[np.arange(len(scaled)), labels[level]]
            if len(model.cells[level]) > 1:
                matches[np.arange(len(scaled)), labels[level]] = -np.inf
                margin[level] = match[level] - matches.max(axis=1)
        said = (f"{clipped} values were beyond the bounds and clipped.",) if clipped else ()
        return Clustering(
            labels=labels,
            parents=(model.parents,),
            diagnostics=Diagnostics(converged=True, iterations=1, warnings=said, details={"clipped": clipped}),
            clusters=tuple(len(cells) for cells in model.cells),
            vigilance=RHO,
            match=match,
            margin=margin,
            width=tuple(np.full(len(cells), 1 / size) for cells, size in zip(model.cells, self.sizes)),
        )

    def _match(self, model, scaled, level):
        lower, upper = model.cells[level] / self.sizes[level], (model.cells[level] + 1) / self.sizes[level]
        rows = scaled[:, None]
        return 1 - (np.maximum(lower - rows, 0) + np.maximum(rows - upper, 0)).mean(axis=2)

    def _checked(self, vectors, dims=None):
        array = np.asarray(vectors)
        if array.ndim != 2 or not array.size:
            raise DataError(f"There are no vectors to cluster in an array of shape {array.shape}.")
        if dims is not None and array.shape[1] != dims:
            raise UserError(f"The vectors have {array.shape[1]} dimensions, but grid was fitted on {dims}.")
        if not np.isfinite(array).all():
            raise DataError("The vectors hold NaN or infinite values.")
        return array

    def _fitted(self):
        if self._model is None:
            raise UserError("grid was not fitted yet.", hint="Call fit() first.")
        return self._model

    def _see(self, level):
        if level not in (0, 1):
            raise UserError(f"grid has levels 0 and 1, not {level}.")


def _numbered(known, own):
    """Known cells and, behind them, new ones by their first row; and the number of each row's cell."""
    every, first, inverse = np.unique(np.concatenate([known, own]), axis=0, return_index=True, return_inverse=True)
    numbers = np.empty(len(every), np.int64)
    numbers[np.argsort(first)] = np.arange(len(every))
    return every[np.argsort(first)], numbers[inverse.ravel()][len(known) :]
