"""DeepARTMAP of artlib over one set of rows: a hierarchy of Fuzzy ART levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.nested import Levels, Nested
from darkframe_artlib.plugin import DeepARTMAPParams
from darkframe_artlib.rows import Bounds, complement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import I64

_SPLINTERS = (
    "Match tracking MT+ raises a row's vigilance whenever a category of another parent matches, which splits the finer levels "
    "into more clusters than their vigilance asks for; MT~ searches the parent's own categories only, as smart does."
)


class _Telling(artlib.FuzzyART):  # type: ignore[misc]
    """artlib's module, which says when it goes on to the next row."""

    tell: Callable[[], None]

    def post_step_fit(self, X: Any) -> None:
        self.tell()


class DeepARTMAP(Nested[DeepARTMAPParams]):
    """artlib's DeepARTMAP, unsupervised, every level a Fuzzy ART over the same rows at a higher vigilance.

    With ``match_tracking=MT~`` it is SMART with a hard parent, and equals darkframe's ``smart``, only slower.
    """

    name: ClassVar[str] = "deepartmap"
    params_type: ClassVar[type[Any]] = DeepARTMAPParams

    @property
    def vigilance(self) -> tuple[float, ...]:
        return tuple(float(rho) for rho in self.params.rho)

    def learn(self, rows: NDArray[Any], bounds: Bounds, before: Levels | None, context: ClusterContext) -> tuple[Levels, I64]:
        modules = [_Telling(rho, float(self.params.alpha), float(self.params.beta)) for rho in self.vigilance]
        deep = artlib.DeepARTMAP(modules)
        coded = complement(bounds.scale(rows)[0])
        with context.progress.task(self.name, len(rows) * len(modules), "rows") as task:
            for module in modules:
                module.tell = task.advance
            deep.fit([coded] * len(modules), match_tracking=self.params.match_tracking)
        parents = tuple(np.array([layer.map[k] for k in range(len(layer.map))], np.int64) for layer in deep.layers)
        weights = tuple(np.array(module.W) for module in modules)
        return Levels(bounds, weights, parents), np.ascontiguousarray(deep.labels_deep_.T, np.int64)

    def remarks(self, labels: I64, model: Levels) -> list[str]:
        return [_SPLINTERS] if self.params.match_tracking == "MT+" else []
