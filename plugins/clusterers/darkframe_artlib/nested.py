"""What the modules with several levels of boxes have in common: scores, predict, matches, state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Generic

import numpy as np

from darkframe import Assignment, Clustering, Diagnostics, UserError
from darkframe.config import build, to_record
from darkframe.errors import StoreError
from darkframe_artlib.fuzzy import MATCH, box_scores, box_widths
from darkframe_artlib.kept import check_state, params_array
from darkframe_artlib.learning import heard
from darkframe_artlib.rows import Bounds, checked_rows, complement
from darkframe_artlib.scores import MARGIN, first_best, margins, own
from darkframe_artlib.single import BLOCK, P

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import F64, I64, Bool


@dataclass(frozen=True, eq=False)
class Levels:
    """A fitted hierarchy of boxes.

    Attributes:
        bounds: What rows are scaled by.
        weights: For each level (K, 2d); None where its clusters are groups of those of the next level and have no box.
        parents: For each level after the first, (K,) cluster of the level above.
    """

    bounds: Bounds
    weights: tuple[F64 | None, ...]
    parents: tuple[I64, ...]

    @property
    def dims(self) -> int:
        """Dimensions of the rows."""
        return len(self.bounds.lower)

    def clusters(self, level: int) -> int:
        """How many clusters a level has."""
        weights = self.weights[level]
        return int(self.parents[level].max(initial=-1)) + 1 if weights is None else len(weights)


class Nested(ABC, Generic[P]):
    """A module of artlib whose clusters are boxes at several levels, coarsest first."""

    name: ClassVar[str]
    params_type: ClassVar[type[Any]]
    match_text: ClassVar[str] = f"{MATCH}; of a cluster made of boxes: of its best box"
    grouping: ClassVar[int] = 0
    """How many levels, from the top, have no boxes of their own: their clusters are groups of those of the next level."""

    def __init__(self, params: P | None = None) -> None:
        chosen = params if params is not None else self.params_type()
        self.params: P = build(self.params_type, to_record(chosen), kind="clusterer", owner=f"clusterer {self.name!r}")
        self._model: Levels | None = None

    @property
    @abstractmethod
    def vigilance(self) -> tuple[float, ...]:
        """ρ of each level."""

    @abstractmethod
    def learn(self, rows: NDArray[Any], bounds: Bounds, before: Levels | None, context: ClusterContext) -> tuple[Levels, I64]:
        """The hierarchy after these rows, and their labels (levels, n)."""

    def remarks(self, labels: I64, model: Levels) -> list[str]:
        """What the reader should know about a fit."""
        return []

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Cluster (n, d) vectors in the order given.

        Raises:
            DataError: The vectors hold NaN or infinite values, or are no matrix.
        """
        rows = checked_rows(vectors, self.name)
        self._model = None
        return self._learned(rows, Bounds.of(rows, context.bounds), None, context)

    def _learned(self, rows: NDArray[Any], bounds: Bounds, before: Levels | None, context: ClusterContext) -> Clustering:
        with heard() as said:
            model, labels = self.learn(rows, bounds, before, context)
        self._model = model
        outside = sum(bounds.scale(rows[start : start + BLOCK])[1] for start in range(0, len(rows), BLOCK))
        if outside:
            said.append(f"{outside:,} of {len(rows):,} rows lay outside the bounds of the model and were clipped to them.")
        if (bounds.lower == bounds.upper).all():
            said.append("All rows are the same in every dimension.")
        match, margin = self._scored(rows, labels, model)
        details = {"artlib": version("artlib"), "backend": "python", "match": self.match_text, "margin": MARGIN}
        return Clustering(
            labels=labels,
            parents=model.parents,
            diagnostics=Diagnostics(
                converged=True, iterations=1, warnings=(*said, *self.remarks(labels, model)), details=details
            ),
            clusters=tuple(model.clusters(level) for level in range(len(model.weights))),
            vigilance=self.vigilance,
            match=match,
            margin=margin,
            width=tuple(self._widths(model, level) for level in range(len(model.weights))),
        )

    def _widths(self, model: Levels, level: int) -> F64:
        weights = model.weights[level]
        return np.full(model.clusters(level), np.nan) if weights is None else box_widths(weights)

    def _coded(self, rows: NDArray[Any], model: Levels) -> Iterator[tuple[slice, F64]]:
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            yield part, complement(model.bounds.scale(rows[part])[0])

    def _scores(self, rows: F64, model: Levels) -> list[tuple[F64, F64]]:
        """Choice and match of coded rows with each cluster of each level; where it has no box, the largest of its boxes."""
        out: list[tuple[F64, F64]] = []
        for level in range(len(model.weights) - 1, -1, -1):
            weights = model.weights[level]
            if weights is not None:
                out.insert(0, box_scores(rows, weights, self.params.alpha))  # type: ignore[attr-defined]
            else:
                choice, match = (_largest(values, model.parents[level], model.clusters(level)) for values in out[0])
                out.insert(0, (choice, match))
        return out

    def _scored(self, rows: NDArray[Any], labels: I64, model: Levels) -> tuple[F64, F64]:
        match, margin = np.full(labels.shape, np.nan), np.full(labels.shape, np.nan)
        for part, coded in self._coded(rows, model) if model.clusters(0) else ():
            for level, (choices, matches) in enumerate(self._scores(coded, model)):
                groups = model.parents[level - 1] if level else None
                match[level, part] = own(matches, labels[level, part])
                margin[level, part] = margins(choices, labels[level, part], groups)
        return match, margin

    def _fitted(self) -> Levels:
        if self._model is None:
            raise UserError(f"{self.name} was not fitted yet.", hint="Call fit() first.")
        return self._model

    def predict(self, vectors: NDArray[Any]) -> Assignment:
        """The finest cluster of highest choice of each vector, those it lies in, and whether it passes each level's vigilance.

        Raises:
            UserError: It was not fitted, or on other dimensions.
            DataError: The vectors hold NaN or infinite values.
        """
        model = self._fitted()
        rows = checked_rows(vectors, self.name, model.dims)
        last = len(model.weights) - 1
        labels, match = np.full((last + 1, len(rows)), -1, np.int64), np.full((last + 1, len(rows)), np.nan)
        for part, coded in self._coded(rows, model) if model.clusters(0) else ():
            scores = self._scores(coded, model)
            labels[last, part] = first_best(scores[last][0])
            for level in range(last, -1, -1):
                if level < last:
                    labels[level, part] = model.parents[level][labels[level + 1, part]]
                match[level, part] = own(scores[level][1], labels[level, part])
        return Assignment(labels, match >= np.array(self.vigilance)[:, None], match)

    def matches(self, vectors: NDArray[Any], level: int) -> tuple[F64, Bool]:
        """(n, clusters) match of each vector with each cluster of a level, and whether it passes that level's vigilance.

        Raises:
            UserError: It was not fitted, or on other dimensions, or has no such level.
        """
        model = self._fitted()
        rows = checked_rows(vectors, self.name, model.dims)
        if not 0 <= level < len(model.weights):
            raise UserError(f"{self.name} has levels 0 to {len(model.weights) - 1}; there is no level {level}.")
        match = np.empty((len(rows), model.clusters(level)))
        for part, coded in self._coded(rows, model):
            match[part] = self._scores(coded, model)[level][1]
        return match, match >= self.vigilance[level]

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Weights of the levels that have boxes, parents and bounds, and the parameters as the bytes of their JSON."""
        model = self._fitted()
        arrays: dict[str, NDArray[Any]] = {
            f"weights_{i}": weights for i, weights in enumerate(model.weights) if weights is not None
        }
        arrays |= {f"parents_{i}": parents for i, parents in enumerate(model.parents, start=1)}
        bounds = {"lower": model.bounds.lower, "upper": model.bounds.upper}
        return {**arrays, **bounds, "params": params_array(self.name, self.params)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that ``state`` was taken from.

        Raises:
            StoreError: The arrays are not such a model's, or were made with other parameters.
        """
        levels = len(self.vigilance)
        parents = [f"parents_{i}" for i in range(1, levels)]
        boxes = [f"weights_{i}" for i in range(self.grouping, levels)]
        check_state(self.name, self.params, state, ("lower", "upper", *boxes, *parents))
        bounds = Bounds(np.array(state["lower"], np.float64), np.array(state["upper"], np.float64))
        kept = [np.array(state[f"weights_{i}"], np.float64) if i >= self.grouping else None for i in range(levels)]
        model = Levels(bounds, tuple(kept), tuple(np.array(state[key], np.int64) for key in parents))
        sizes = [weights.shape[1:] for weights in kept if weights is not None]
        nested = all(len(model.parents[i - 1]) == model.clusters(i) for i in range(1, levels))
        if not nested or any(size != (2 * model.dims,) for size in sizes):
            raise StoreError(f"The kept model's arrays do not fit one another, so it is no {self.name} model.")
        self._model = model


def _largest(values: F64, groups: I64, count: int) -> F64:
    """(n, count) the largest of each group's columns."""
    out = np.full((len(values), count), -np.inf)
    for k, group in enumerate(groups):
        np.maximum(out[:, group], values[:, k], out=out[:, group])
    return out
