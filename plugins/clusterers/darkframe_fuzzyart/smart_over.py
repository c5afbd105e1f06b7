"""SMART over any base clusterer with vigilance: at each level the rows of each parent are a fit of the base of their own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import Assignment, ClusterContext, Clustering, ParameterError, UserError
from darkframe.errors import StoreError
from darkframe.progress import QuietProgress
from darkframe_fuzzyart.base_fits import Level, together
from darkframe_fuzzyart.plugin import SmartParams
from darkframe_fuzzyart.scaling import Scaling, checked_vectors
from darkframe_fuzzyart.smart import NAME, Smart, check_levels, check_own_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64, Bool, ClustererMaker

OPTIONAL = ("partial_fit", "predict", "matches", "state", "restore")
"""What a ``SmartOver`` has where its base has it."""

_FORMAT = 1


class SmartOver(Smart):
    """SMART over another base.

    Below a cluster a level is an independent fit of the base to that cluster's rows, in their order, with the level's rho, scaled
    by the bounds of all rows; clusters of a level are numbered by their first row. Rows that the base calls noise (−1) stay noise
    below. ``partial_fit``, ``predict``, ``matches``, ``state`` and ``restore`` are there where the base has them.

    Attributes:
        opener: Opens the base; the framework sets it, and every fit's ``context.open`` does.

    Args:
        params: Base, its parameters, vigilance of each level.

    Raises:
        ParameterError: The vigilances are not strictly monotone, the base is ``smart``, or a parameter is not for this base.
    """

    def __init__(self, params: SmartParams) -> None:
        if params.base == NAME:
            raise ParameterError("clusterer.base cannot be smart itself.", hint="Name a flat clusterer, such as gpu-fuzzyart.")
        check_own_parameters(params)
        check_levels(params.rho, "", params.base)
        self.params = params
        self.opener: Callable[[str], ClustererMaker] | None = None
        self._base_params = _parsed(params.base_params)
        self._bounds: tuple[F64, F64] | None = None
        self._levels: list[Level] = []

    def __getattr__(self, name: str) -> Any:
        if name in OPTIONAL and (self.opener is None or hasattr(self._base(self.params.rho[0]), name)):
            return getattr(self, f"_{name}")
        raise AttributeError(f"smart over {self.params.base} has no {name}")

    def fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        """Learn all vectors anew; the model is only replaced when that is done.

        Raises:
            DataError: NaN or infinite values, or no rows.
            UserError: There is no such base, it has no vigilance, or it gives several levels.
        """
        array = checked_vectors(vectors)
        fresh = SmartOver(self.params)
        fresh.opener = context.open or self.opener
        scaling = Scaling.fitted(array, context.bounds)
        fresh._bounds = scaling.lower, scaling.upper
        fresh._levels = [Level(rho) for rho in self.params.rho]
        clustering = fresh._learn(array, context)
        self.__dict__.update(fresh.__dict__)
        return clustering

    def _partial_fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        """Go on with further vectors: each goes on in the fits of the clusters it falls in."""
        if self._bounds is None:
            return self.fit(vectors, context)
        self.opener = context.open or self.opener
        return self._learn(checked_vectors(vectors, len(self._bounds[0]), doing="go on"), context)

    def _predict(self, vectors: Any) -> Assignment:
        """Each vector's cluster at each level as the base predicts it among the clusters of the one above."""
        array = self._ready(vectors, "predict")
        shape = (len(self._levels), len(array))
        labels, match, passed = np.full(shape, -1), np.full(shape, np.nan), np.zeros(shape, np.bool_)
        above = np.zeros(len(array), np.int64)
        for number, level in enumerate(self._levels):
            level.predict(array, above, labels[number], passed[number], match[number])
            above = labels[number]
        return Assignment(labels=labels, passed=passed, match=match)

    def _matches(self, vectors: Any, level: int) -> tuple[F64, Bool]:
        """(n, clusters) match of each vector with each cluster of a level, and whether it passes."""
        array = self._ready(vectors, "matches")
        if not 0 <= level < len(self._levels):
            raise UserError(f"smart has levels 0 to {len(self._levels) - 1}, not {level}.")
        return self._levels[level].matches(array)

    def _state(self) -> Mapping[str, NDArray[Any]]:
        """The model as plain arrays: those of each base model, named by level and parent."""
        self._ready(None, "state")
        assert self._bounds is not None
        lower, upper = self._bounds
        state = {"format": np.array([_FORMAT]), "made_with": self._made_with(), "lower": lower, "upper": upper}
        for number, level in enumerate(self._levels):
            state |= {f"{number}_{name}": array for name, array in level.state().items()}
        return state

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that ``state`` was taken from.

        Raises:
            StoreError: The arrays are not such a model's, or were made with other parameters.
        """
        try:
            if int(state["format"][0]) != _FORMAT or not np.array_equal(state["made_with"], self._made_with()):
                raise StoreError(
                    "The kept model of smart was made over another base, or with other parameters.",
                    hint="Open it with the parameters it was made with.",
                )
            levels = [Level(rho) for rho in self.params.rho]
            for number, level in enumerate(levels):
                prefix = f"{number}_"
                own = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
                level.restore(own, self._base)
            self._bounds = np.array(state["lower"], np.float64), np.array(state["upper"], np.float64)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StoreError(f"The arrays are not a kept model of smart over {self.params.base}.") from error
        self._levels = levels

    def _learn(self, array: NDArray[Any], context: ClusterContext) -> Clustering:
        below = dataclasses.replace(context, bounds=self._bounds, progress=QuietProgress())
        above, learned = np.zeros(len(array), np.int64), []
        for number, level in enumerate(self._levels):
            with context.progress.task(f"smart: level {number}", len(array), "rows") as task:
                outcome = level.learn(array, above, self._base, below, task.advance)
            learned.append(outcome)
            above = outcome.labels
        return together(learned, self._levels, f"smart over {self.params.base}")

    def _base(self, rho: float) -> Any:
        """A fresh base with this rho."""
        base = self.params.base
        if self.opener is None:
            raise UserError(f"smart cannot open its base {base!r} here.", hint="Fit it through darkframe, or with context.open.")
        maker = self.opener(base)
        if not maker.info.vigilance:
            raise ParameterError(
                f"clusterer.base={base} has no vigilance rho, which smart sets at each level.",
                hint="`darkframe list-plugins` tells which clusterers there are.",
            )
        check_levels(self.params.rho, maker.info.vigilance, base)
        return maker(rho=rho, **self._base_params)

    def _ready(self, vectors: Any, method: str) -> NDArray[Any]:
        if self._bounds is None:
            raise UserError("smart has no clusters yet: it was not fitted.", hint="Call fit, or restore a kept model.")
        if not all(hasattr(model, method) for level in self._levels for model in level.models()):
            raise UserError(f"smart over {self.params.base} has no {method}: {self.params.base} has none.")
        dims = len(self._bounds[0])
        return np.empty((0, dims)) if vectors is None else checked_vectors(vectors, dims, doing="compare")

    def _made_with(self) -> I64:
        """The parameters as an array."""
        text = repr((self.params.base, self.params.rho, sorted(self._base_params.items())))
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)


def _parsed(text: str) -> dict[str, str]:
    """``name=value`` pairs; a value may hold commas.

    Raises:
        ParameterError: It does not read so, or sets rho.
    """
    return dict(_pairs(text)) if text.strip() else {}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r",(?=\s*\w+\s*=)", text):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name.isidentifier() or not value:
            raise ParameterError(f"clusterer.base_params must read like 'alpha=1e-7,r_hat=30', not {text!r}.")
        if name == "rho":
            raise ParameterError("clusterer.base_params cannot set rho.", hint="Set clusterer.rho, one value a level.")
        yield name, value
