"""Fuzzy ART at one or more levels of vigilance, each level within the clusters of the one above; flat is one level.

Rows pass in blocks, in order. A block learns at the first level, then at the second among the categories of the clusters it
got there, and so on: below a cluster a level is an independent Fuzzy ART of that cluster's rows (SMART, Bartfai 1994, with the
hard filter by parent), and clusters of every level are numbered in the order in which they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import Assignment, ClusterContext, Clustering, Diagnostics, UserError
from darkframe.errors import StoreError
from darkframe_fuzzyart.engine import Categories, Rule, open_engine
from darkframe_fuzzyart.scaling import Clipped, Scaling, checked_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64, Bool
    from darkframe_fuzzyart.engine import Engine, Level
    from darkframe_fuzzyart.scaling import Bounds

_FORMAT = 1
_PARTS = ("weights", "counts", "parents")


class Hierarchy:
    """A model of Fuzzy ART at some levels.

    Attributes:
        rules: Vigilance, choice parameter and learning rate of each level.
        name: What the model is called in progress and errors.
    """

    def __init__(self, name: str, rules: tuple[Rule, ...], engine: str, threads: int | None) -> None:
        self.name = name
        self.rules = rules
        self._wanted = engine, threads
        self._engine: Engine | None = None
        self._scaling: Scaling | None = None
        self._given = False
        self._levels: list[Level] = []

    def fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        """Learn all vectors anew; the model is only replaced when that is done."""
        array = checked_vectors(vectors)
        fresh = Hierarchy(self.name, self.rules, *self._wanted)
        fresh._start(Scaling.fitted(array, context.bounds), context.device)
        fresh._given = context.bounds is not None
        clustering = fresh._learn(array, context)
        self.__dict__.update(fresh.__dict__)
        return clustering

    def partial_fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        """Go on with further vectors; the first call is a ``fit``. Bounds are those of the first call."""
        if self._scaling is None:
            return self.fit(vectors, context)
        return self._learn(checked_vectors(vectors, self._scaling.dims, doing="go on"), context)

    def predict(self, vectors: Any) -> Assignment:
        """Each vector's category of highest choice at each level, among the children of the one above."""
        scaling, array = self._ready(vectors)
        shape = (len(self.rules), len(array))
        labels, match = np.empty(shape, np.int64), np.empty(shape)
        for part, rows in scaling.blocks(array):
            above: I64 | None = None
            for level, categories in enumerate(self._levels):
                above, match[level, part] = categories.choose(rows, above)
                labels[level, part] = above
        rhos = np.array([[rule.rho] for rule in self.rules])
        return Assignment(labels=labels, passed=match >= rhos, match=match)

    def matches(self, vectors: Any, level: int) -> tuple[F64, Bool]:
        """(n, clusters) match of each vector with each cluster of a level, and whether it passes."""
        scaling, array = self._ready(vectors)
        categories = self._levels[self._checked_level(level)]
        match = np.empty((len(array), categories.size))
        for part, rows in scaling.blocks(array):
            match[part] = categories.match(rows)
        return match, match >= self.rules[level].rho

    def boxes(self, level: int) -> tuple[F64, F64]:
        """Lower and upper corners (clusters, d) of a level's boxes in scaled units, where 0 and 1 are the bounds."""
        weights = self.categories(level).weights
        dims = weights.shape[1] // 2
        return weights[:, :dims].copy(), 1 - weights[:, dims:]

    def categories(self, level: int) -> Categories:
        """A level's categories: weights, sample counts, parents; not to be written to."""
        self._fitted()
        return self._levels[self._checked_level(level)].categories()

    @property
    def bounds(self) -> Bounds:
        """(minimum, maximum) that vectors are scaled by."""
        scaling = self._fitted()
        return scaling.lower, scaling.upper

    def state(self) -> Mapping[str, NDArray[Any]]:
        """The model as plain arrays."""
        scaling = self._fitted()
        state: dict[str, NDArray[Any]] = {
            "format": np.array([_FORMAT]),
            "rules": self._rules(),
            "lower": scaling.lower.copy(),
            "upper": scaling.upper.copy(),
            "given": np.array([self._given]),
        }
        for number, level in enumerate(self._levels):
            kept = level.categories()  # which may be the level's own arrays, that it goes on writing to
            for part in _PARTS:
                state[f"{part}_{number}"] = np.array(getattr(kept, part))
        return state

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that ``state`` was taken from.

        Raises:
            StoreError: The arrays are not such a model's, or were made with other parameters.
        """
        kept = _read(state, len(self.rules), self.name)
        if not np.array_equal(state["rules"], self._rules()):
            was, now = (", ".join(f"{rho:g}" for rho in rules[:, 0]) for rules in (state["rules"], self._rules()))
            raise StoreError(
                f"The kept model of {self.name} was made with other parameters (rho {was}, now {now}; alpha and beta count too).",
                hint="Open it with the parameters it was made with.",
            )
        self._start(Scaling(np.array(state["lower"], np.float64), np.array(state["upper"], np.float64)), "cpu", kept)
        self._given = bool(state["given"][0])

    def _start(self, scaling: Scaling, device: str, kept: list[Categories] | None = None) -> None:
        engine = open_engine(*self._wanted, device)
        start = kept or [Categories.none(scaling.dims)] * len(self.rules)
        self._levels = [engine.level(rule, categories) for rule, categories in zip(self.rules, start)]
        self._engine, self._scaling = engine, scaling

    def _learn(self, array: NDArray[Any], context: ClusterContext) -> Clustering:
        labels, clipped = np.empty((len(self.rules), len(array)), np.int64), Clipped()
        scaling = self._fitted()
        with context.progress.task(self.name, len(array), "rows") as task:
            for part, rows in scaling.blocks(array, clipped):
                above: I64 | None = None
                for level, categories in enumerate(self._levels):
                    above = labels[level, part] = categories.learn(rows, above)
                task.advance(len(rows))
        match, margin = self._judge(array, labels, context)
        return self._clustering(array, labels, match, margin, clipped)

    def _judge(self, array: NDArray[Any], labels: I64, context: ClusterContext) -> tuple[F64, F64]:
        match, margin = np.empty(labels.shape), np.empty(labels.shape)
        with context.progress.task(f"{self.name}: match and margin", len(array), "rows") as task:
            for part, rows in self._fitted().blocks(array):
                for level, categories in enumerate(self._levels):
                    above = labels[level - 1, part] if level else None
                    match[level, part], margin[level, part] = categories.judge(rows, above, labels[level, part])
                task.advance(len(rows))
        return match, margin

    def _clustering(self, array: NDArray[Any], labels: I64, match: F64, margin: F64, clipped: Clipped) -> Clustering:
        kept = [level.categories() for level in self._levels]
        dims = array.shape[1]
        return Clustering(
            labels=labels,
            parents=tuple(categories.parents.copy() for categories in kept[1:]),
            diagnostics=self._diagnostics(array, clipped),
            clusters=tuple(len(categories.counts) for categories in kept),
            vigilance=tuple(rule.rho for rule in self.rules),
            match=match,
            margin=margin,
            width=tuple(np.maximum(1 - categories.weights.sum(axis=1) / dims, 0) for categories in kept),
        )

    def _diagnostics(self, array: NDArray[Any], clipped: Clipped) -> Diagnostics:
        scaling, engine = self._fitted(), self._engine
        assert engine is not None
        return Diagnostics(
            converged=True,
            iterations=1,
            warnings=_warnings(array, scaling, clipped),
            details={
                "engine": engine.name,
                "threads": engine.threads,
                "categories": [level.size for level in self._levels],
                "bounds": "given" if self._given else "of the vectors of the first fit",
                "constant_dimensions": scaling.constant,
                "clipped_values": clipped.values,
                "clipped_rows": clipped.rows,
            },
        )

    def _rules(self) -> F64:
        return np.array([[rule.rho, rule.alpha, rule.beta] for rule in self.rules])

    def _fitted(self) -> Scaling:
        if self._scaling is None:
            raise UserError(f"{self.name} has no clusters yet: it was not fitted.", hint="Call fit, or restore a kept model.")
        return self._scaling

    def _ready(self, vectors: Any) -> tuple[Scaling, NDArray[Any]]:
        scaling = self._fitted()
        return scaling, checked_vectors(vectors, scaling.dims, doing="compare")

    def _checked_level(self, level: int) -> int:
        if not 0 <= level < len(self.rules):
            raise UserError(f"{self.name} has levels 0 to {len(self.rules) - 1}, not {level}.")
        return level


def _warnings(array: NDArray[Any], scaling: Scaling, clipped: Clipped) -> tuple[str, ...]:
    said = []
    if scaling.constant == scaling.dims:
        said.append("All rows are the same in every dimension: they are one cluster, and say nothing of structure.")
    elif scaling.constant:
        said.append(f"{scaling.constant} of {scaling.dims} dimensions are constant and count as 0 in every row.")
    if clipped.values:
        said.append(
            f"{clipped.values} values in {clipped.rows} of {len(array)} rows lie beyond the bounds of the model and were clipped."
        )
    return tuple(said)


def _read(state: Mapping[str, NDArray[Any]], levels: int, name: str) -> list[Categories]:
    """The categories in a state, checked to fit together."""
    try:
        if int(state["format"][0]) != _FORMAT:
            raise StoreError(f"The kept model of {name} is of another version of darkframe.", hint="Fit it again.")
        dims = len(state["lower"])
        kept = [Categories(*(state[f"{part}_{number}"] for part in _PARTS)) for number in range(levels)]
        if f"weights_{levels}" in state or state["rules"].shape != (levels, 3) or state["upper"].shape != (dims,):
            raise ValueError
        if state["given"].shape != (1,):
            raise ValueError
        for categories in kept:
            if categories.weights.shape != (len(categories.counts), 2 * dims) or len(categories.parents) != len(
                categories.counts
            ):
                raise ValueError
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise StoreError(f"The arrays are not a kept model of {name} with {levels} levels.") from error
    return kept
