"""Dual vigilance Fuzzy ART (Brito da Silva, Elnabarawy & Wunsch 2019): clusters of any shape, made of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe import Clustering
from darkframe_artlib.learning import feed
from darkframe_artlib.nested import Levels, Nested
from darkframe_artlib.plugin import DualVigilanceARTParams
from darkframe_artlib.rows import Bounds, checked_rows, complement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import I64


class DualVigilanceART(Nested[DualVigilanceARTParams]):
    """artlib's dual vigilance ART over Fuzzy ART: level 1 are its boxes, by rho; level 0 the clusters it maps them to.

    A row that no box takes at rho makes a box of its own, in the cluster of the best box that takes it at rho_lower, else in a
    new one.
    """

    name: ClassVar[str] = "dualvigilanceart"
    params_type: ClassVar[type[Any]] = DualVigilanceARTParams
    grouping: ClassVar[int] = 1

    @property
    def vigilance(self) -> tuple[float, ...]:
        return float(self.params.rho_lower), float(self.params.rho)

    def _module(self, before: Levels | None) -> Any:
        p = self.params
        module = artlib.DualVigilanceART(artlib.FuzzyART(float(p.rho), float(p.alpha), float(p.beta)), float(p.rho_lower))
        if before is not None and before.weights[1] is not None:
            module.W = list(before.weights[1])
            module.base_module.weight_sample_counter_ = [1] * len(module.W)
            module.map = {box: int(cluster) for box, cluster in enumerate(before.parents[0])}
        return module

    def learn(self, rows: NDArray[Any], bounds: Bounds, before: Levels | None, context: ClusterContext) -> tuple[Levels, I64]:
        module = self._module(before)

        def step(block: NDArray[Any]) -> NDArray[Any]:
            module.labels_, module._prototype_labels_ = np.zeros(0, int), []
            module.partial_fit(block)
            return np.array(module.prototype_labels_)

        boxes = feed(step, lambda part: complement(bounds.scale(rows[part])[0]), len(rows), context, self.name)
        parents = np.array([module.map[box] for box in range(len(module.W))], np.int64)
        return Levels(bounds, (None, np.array(module.W)), (parents,)), np.stack([parents[boxes], boxes])

    def partial_fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Go on with further vectors; the first call is a ``fit``.

        Raises:
            DataError: The vectors hold NaN or infinite values.
            UserError: The vectors have other dimensions than those of before.
        """
        if self._model is None:
            return self.fit(vectors, context)
        rows = checked_rows(vectors, self.name, self._model.dims)
        return self._learned(rows, self._model.bounds, self._model, context)
