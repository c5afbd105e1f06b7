"""What the modules with one level have in common: fit, predict, matches, state; each module says its own functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from darkframe import Assignment, Clustering, Diagnostics, UserError
from darkframe.config import build, to_record
from darkframe.errors import StoreError
from darkframe_artlib.kept import check_state, params_array
from darkframe_artlib.learning import Learner, NativeLearner, PythonLearner, feed, heard
from darkframe_artlib.rows import Bounds, checked_rows
from darkframe_artlib.scores import MARGIN, first_best, margins, own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import F64, I64, Bool
    from darkframe_artlib.learning import Native

P = TypeVar("P")

BLOCK = 256
"""Rows scored at a time."""

_FEW = 10  # rows below which one cluster, or one each, says nothing


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted module.

    Attributes:
        bounds: What rows are scaled by.
        weights: (K, m) weights of the categories.
        counts: (K,) rows learned by each.
    """

    bounds: Bounds
    weights: NDArray[Any]
    counts: I64

    @property
    def dims(self) -> int:
        """Dimensions of the rows."""
        return len(self.bounds.lower)


class Single(ABC, Generic[P]):
    """A module of artlib with one level of clusters, numbered in the order they were made.

    Rows are scaled to [0, 1] by ``context.bounds`` or their own minimum and maximum. ``match`` and ``margin`` are taken after
    learning, with the final weights.
    """

    name: ClassVar[str]
    params_type: ClassVar[type[Any]]
    match_text: ClassVar[str]
    """The match function in a few words."""
    loose: ClassVar[str] = "Raise rho for smaller clusters."
    """What to do where all rows are one cluster."""
    tight: ClassVar[str] = "Lower rho for larger clusters."
    """What to do where nearly every row is its own cluster."""

    def __init__(self, params: P | None = None) -> None:
        chosen = params if params is not None else self.params_type()
        self.params: P = build(self.params_type, to_record(chosen), kind="clusterer", owner=f"clusterer {self.name!r}")
        self._model: Model | None = None

    @abstractmethod
    def module(self, d: int) -> Any:
        """A fresh module of artlib for rows of d dimensions."""

    def native(self, d: int) -> Native | None:
        """The compiled function of artlib for it, if there is one."""
        return None

    def code(self, scaled: F64) -> NDArray[Any]:
        """Rows scaled to [0, 1] as the module takes them."""
        return scaled

    @abstractmethod
    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        """Choice and match functions, each (n, K), of coded rows with each category."""

    def vigilance(self, d: int) -> float:
        """ρ as the match is compared with it."""
        return float(self.params.rho)  # type: ignore[attr-defined]

    def passes(self, match: F64, d: int) -> Bool:
        """Whether a match passes vigilance."""
        passed: Bool = match >= self.vigilance(d)
        return passed

    def winners(self, choice: F64, model: Model) -> I64:
        """(n,) category of highest choice."""
        return first_best(choice)

    def widths(self, model: Model) -> F64 | None:
        """(K,) mean width of the boxes, where categories are boxes."""
        return None

    def check(self, rows: NDArray[Any]) -> None:
        """Refuse rows that the module cannot take."""

    def remarks(self, rows: NDArray[Any], model: Model) -> tuple[str, ...]:
        """What the reader should know about a fit, beside what every module says."""
        return ()

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Cluster (n, d) vectors in the order given.

        Raises:
            DataError: The vectors hold NaN or infinite values, or are no matrix.
            UserError: The module cannot work in so many dimensions.
        """
        rows = checked_rows(vectors, self.name)
        self.check(rows)
        self._model = None
        return self._learn(rows, Bounds.of(rows, context.bounds), None, context)

    def _learn(self, rows: NDArray[Any], bounds: Bounds, before: Model | None, context: ClusterContext) -> Clustering:
        outside = [0]

        def coded(part: slice) -> NDArray[Any]:
            scaled, clipped = bounds.scale(rows[part])
            outside[0] += clipped
            return self.code(scaled)

        with heard() as said:
            learner = self.learner(rows.shape[1], before)
            labels = self.present(learner, coded, len(rows), context)
            weights = np.array(learner.weights())
        counts = np.bincount(labels, minlength=len(weights)).astype(np.int64)
        if before is not None:
            counts[: len(before.counts)] += before.counts
        self._model = model = Model(bounds, weights, counts)
        said += self._said(rows, labels, model, outside[0])
        return self._clustering(rows, labels, model, tuple(said), isinstance(learner, NativeLearner))

    def learner(self, d: int, before: Model | None) -> Learner:
        """What learns: compiled, if the parameters ask for it and artlib has it, else artlib's Python."""
        weights = None if before is None else before.weights
        native = self.native(d) if getattr(self.params, "backend", "python") != "python" else None
        return PythonLearner(self.module(d), weights) if native is None else NativeLearner(native, weights)

    def present(self, learner: Any, coded: Any, n: int, context: ClusterContext) -> I64:
        """Show the learner n rows; their categories."""
        return feed(learner.learn, coded, n, context, self.name)

    def _clustering(self, rows: NDArray[Any], labels: I64, model: Model, said: tuple[str, ...], native: bool) -> Clustering:
        match, margin = self._scored(rows, labels, model)
        widths = self.widths(model)
        details = {
            "artlib": version("artlib"),
            "backend": "cpp" if native else "python",
            "match": self.match_text,
            "margin": MARGIN,
            "rho": self.vigilance(model.dims),
        }
        return Clustering(
            labels=labels[None],
            parents=(),
            diagnostics=Diagnostics(converged=True, iterations=1, warnings=said, details=details),
            clusters=(len(model.weights),),
            vigilance=(float(self.params.rho),),  # type: ignore[attr-defined]
            match=match[None],
            margin=margin[None],
            width=() if widths is None else (widths,),
        )

    def _scored(self, rows: NDArray[Any], labels: I64, model: Model) -> tuple[F64, F64]:
        match, margin = np.empty(len(rows)), np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            coded = self.code(model.bounds.scale(rows[part])[0])
            with np.errstate(all="ignore"):
                choices, matches = self.scores(coded, model)
            match[part], margin[part] = own(matches, labels[part]), margins(choices, labels[part])
        return match, margin

    def _said(self, rows: NDArray[Any], labels: I64, model: Model, outside: int) -> list[str]:
        n, k = len(rows), len(np.unique(labels))
        said = []
        if outside:
            said.append(f"{outside:,} of {n:,} rows lay outside the bounds of the model and were clipped to them.")
        if (model.bounds.lower == model.bounds.upper).all():
            said.append("All rows are the same in every dimension: they are one cluster, and say nothing of structure.")
        elif k == 1 and n >= _FEW:
            said.append(f"All rows are one cluster. {self.loose}")
        elif k > 0.95 * n and n >= _FEW:
            said.append(f"Nearly every row is its own cluster. {self.tight}")
        return said + list(self.remarks(rows, model))

    def _fitted(self) -> Model:
        if self._model is None:
            raise UserError(f"{self.name} was not fitted yet.", hint="Call fit() first.")
        return self._model

    def predict(self, vectors: NDArray[Any]) -> Assignment:
        """The category of highest choice of each vector, the lowest number on ties, and whether it passes vigilance.

        Raises:
            UserError: It was not fitted, or on other dimensions.
            DataError: The vectors hold NaN or infinite values.
        """
        model = self._fitted()
        rows = checked_rows(vectors, self.name, model.dims)
        labels, match = np.empty(len(rows), np.int64), np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            coded = self.code(model.bounds.scale(rows[part])[0])
            with np.errstate(all="ignore"):
                choices, matches = self.scores(coded, model)
            labels[part] = self.winners(choices, model)
            match[part] = own(matches, labels[part])
        return Assignment(labels[None], self.passes(match, model.dims)[None], match[None])

    def matches(self, vectors: NDArray[Any], level: int) -> tuple[F64, Bool]:
        """(n, clusters) match of each vector with each cluster of level 0, and whether it passes vigilance.

        Raises:
            UserError: It was not fitted, or on other dimensions, or has no such level.
        """
        model = self._fitted()
        rows = checked_rows(vectors, self.name, model.dims)
        self._refuse_level(level)
        match = np.empty((len(rows), len(model.weights)))
        for start in range(0, len(rows), BLOCK):
            coded = self.code(model.bounds.scale(rows[start : start + BLOCK])[0])
            with np.errstate(all="ignore"):
                match[start : start + BLOCK] = self.scores(coded, model)[1]
        return match, self.passes(match, model.dims)

    def _refuse_level(self, level: int) -> None:
        if level != 0:
            raise UserError(f"{self.name} has one level, 0; there is no level {level}.")

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Weights, counts and bounds of the fitted model, and the parameters as the bytes of their JSON."""
        model = self._fitted()
        return {
            "weights": model.weights,
            "counts": model.counts,
            "lower": model.bounds.lower,
            "upper": model.bounds.upper,
            "params": params_array(self.name, self.params),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that ``state`` was taken from.

        Raises:
            StoreError: The arrays are not such a model's, or were made with other parameters.
        """
        check_state(self.name, self.params, state, ("weights", "counts", "lower", "upper"))
        bounds = Bounds(np.array(state["lower"], np.float64), np.array(state["upper"], np.float64))
        weights, counts = np.array(state["weights"]), np.array(state["counts"], np.int64)
        model = Model(bounds, weights, counts)
        if weights.ndim != 2 or counts.shape != (len(weights),) or weights.shape[1] != self.weight_length(model.dims):
            raise StoreError(f"The kept model's arrays do not fit one another, so it is no {self.name} model.")
        self._model = model

    @abstractmethod
    def weight_length(self, d: int) -> int:
        """Numbers in the weight of one category."""


class Growing(Single[P]):
    """A module with one level that goes on learning."""

    def partial_fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Go on with further vectors; the first call is a ``fit``.

        Raises:
            DataError: The vectors hold NaN or infinite values.
            UserError: The vectors have other dimensions than those of before.
        """
        if self._model is None:
            return self.fit(vectors, context)
        rows = checked_rows(vectors, self.name, self._model.dims)
        return self._learn(rows, self._model.bounds, self._model, context)
