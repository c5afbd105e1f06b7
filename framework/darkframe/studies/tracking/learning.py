"""The model as it goes from step to step: fitted or restored, kept after each step, and made again where it was not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError
from darkframe.interfaces import ClusterContext, Clusterer, Clustering, Grows, Keeps
from darkframe.progress import QuietProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.studies.tracking.base import Tracking
    from darkframe.studies.tracking.rows import Tracked

STEP = "track-model"
MODEL = "model_"

State = Mapping[str, "NDArray[Any]"]


class Learner:
    """The clusterer, taken from one step to the next.

    Args:
        tracking: What is tracked.
        tracked: Its rows.
        keys: Key of each step, which says all that it depends on.
    """

    def __init__(self, tracking: Tracking, tracked: Tracked, keys: Sequence[str]) -> None:
        self._tracking, self._tracked, self._keys = tracking, tracked, keys
        self._model: Clusterer | None = None
        self._after = -1

    @property
    def context(self) -> ClusterContext:
        """What every fit is told: the same bounds, the same seed."""
        config = self._tracking.config.run
        bounds = (self._tracked.lower, self._tracked.upper)
        return ClusterContext(seed=config.seed, progress=self._tracking.progress, device=config.device, bounds=bounds)

    def before(self, step: int) -> Clusterer:
        """The model as it stands before a step; fresh before the first, unless tracking began from a model.

        It is the one at hand, or one that was kept, taken on through the steps in between.
        """
        if self._model is None or self._after >= step:
            self._model, self._after = self._begun(step)
        while self._after < step - 1:
            self.learn(self._after + 1)
        return self._model

    def learn(self, step: int) -> Clustering:
        """Learn a step's rows; the model is then the one after the step."""
        model, vectors = self.before(step), self._tracked.vectors(self._tracking, step)
        if step == 0 and self._tracking.start is None:
            clustering = model.fit(vectors, self.context)
        else:
            assert isinstance(model, Grows)
            clustering = model.partial_fit(vectors, self.context)
        self._after = step
        return clustering

    def keep(self, step: int) -> None:
        """Keep the model after a step in place of the one before, where it can be kept.

        After a step that was read back there is no model at hand; only the last one is then made again, if it was not kept.
        """
        last = step == len(self._keys) - 1
        if not self._tracking.params.keep_model or not (self._after == step or (last and not self.kept(step))):
            return
        self._model = self.before(step + 1)
        if not isinstance(self._model, Keeps):
            return
        kept = self._tracking.run.step(STEP, {"after": self._keys[step]})
        kept.save({"after": step}, {f"{MODEL}{name}": array for name, array in self._model.state().items()})

    def kept(self, step: int) -> bool:
        """Whether the model after that step is kept."""
        return self._tracking.run.step(STEP, {"after": self._keys[step]}).done

    def _begun(self, step: int) -> tuple[Clusterer, int]:
        """The latest model there is of before a step, and the step it stands after."""
        model = self._tracking.make()
        for earlier in range(step - 1, -1, -1):
            if isinstance(model, Keeps) and self.kept(earlier):
                arrays = self._tracking.run.step(STEP, {"after": self._keys[earlier]}).load()[1]
                model.restore({name.removeprefix(MODEL): np.array(array) for name, array in arrays.items()})
                return model, earlier
        if (start := self._tracking.start) is not None:
            if not isinstance(model, Keeps):
                name = self._tracking.make.info.name
                raise StoreError(f"The clusterer {name!r} does not open kept models any more.", hint="Leave --model out.")
            model.restore(start.state)
        return model, -1


class Copies:
    """Copies of a model as it stands, to try rows on without the model learning them.

    Args:
        tracking: What is tracked.
        model: The model.
        context: What its fits are told.
    """

    def __init__(self, tracking: Tracking, model: Keeps, context: ClusterContext) -> None:
        self._make = tracking.make
        self._state = {name: np.asarray(array) for name, array in model.state().items()}
        self._context = dataclasses.replace(context, progress=QuietProgress())

    def try_on(self, vectors: NDArray[Any]) -> Clustering:
        """What a fresh copy makes of vectors (n, dims)."""
        copy = self._make()
        assert isinstance(copy, Keeps)
        assert isinstance(copy, Grows)
        copy.restore(self._state)
        return copy.partial_fit(vectors, self._context)
