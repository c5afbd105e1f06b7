"""Fuzzy ART in which joining a cluster must improve a cluster validity index: iCVIFuzzyART and CVIART of artlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe import DataError
from darkframe_artlib.fuzzy import MATCH, box_scores, box_widths
from darkframe_artlib.plugin import CVIARTParams, ICVIFuzzyARTParams
from darkframe_artlib.rows import complement
from darkframe_artlib.single import Model, P, Single

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import F64, I64

_FIRST = (
    "A row gains nothing by joining the first cluster, to which all rows count before they are presented: it stays small, and "
    "rows near it may make clusters of their own."
)


class _Indexed(Single[P]):
    """What both have in common: boxes, and one fit of all rows."""

    match_text: ClassVar[str] = MATCH

    def code(self, scaled: F64) -> F64:
        return complement(scaled)

    def present(self, learner: Any, coded: Any, n: int, context: ClusterContext) -> I64:
        with context.progress.task(self.name, n, "rows") as task:
            learner.module.tell = task.advance
            learner.module.fit(coded(slice(0, n)))
        return np.asarray(learner.module.labels_, np.int64)

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        return box_scores(rows, model.weights, self.params.alpha)  # type: ignore[attr-defined]

    def widths(self, model: Model) -> F64 | None:
        return box_widths(model.weights)

    def remarks(self, rows: NDArray[Any], model: Model) -> tuple[str, ...]:
        return (_FIRST,) if getattr(self.params, "offline", True) else ()

    def weight_length(self, d: int) -> int:
        return 2 * d


class _TellingICVI(artlib.iCVIFuzzyART):  # type: ignore[misc]
    """artlib's module, which says when it goes on to the next row."""

    tell: Callable[[], None]

    def post_step_fit(self, X: Any) -> None:
        self.tell()


class _TellingCVI(artlib.CVIART):  # type: ignore[misc]
    """artlib's module, which says when it goes on to the next row."""

    tell: Callable[[], None]

    def post_step_fit(self, X: Any) -> None:
        self.tell()


class ICVIFuzzyART(_Indexed[ICVIFuzzyARTParams]):
    """artlib's iCVIFuzzyART: a row joins a cluster only if the incremental Calinski-Harabasz index rises."""

    name: ClassVar[str] = "icvifuzzyart"
    params_type: ClassVar[type[Any]] = ICVIFuzzyARTParams

    def check(self, rows: NDArray[Any]) -> None:
        if len(rows) > 1 and (rows == rows[0]).all():
            raise DataError("icvifuzzyart cannot cluster rows that are all the same: the index has no value for them.")

    def module(self, d: int) -> Any:
        p = self.params
        return _TellingICVI(float(p.rho), float(p.alpha), float(p.beta), artlib.iCVIFuzzyART.CALINSKIHARABASZ, offline=p.offline)


class CVIART(_Indexed[CVIARTParams]):
    """artlib's CVIART over Fuzzy ART: a row joins a cluster only if the index of the whole labelling gets better.

    Rows not yet presented count as cluster 0. The index is computed anew for every candidate of every row: O(n² d) at least,
    O(n³ d) for silhouette. Of artlib's indices Davies-Bouldin is not offered: it makes most rows clusters of their own.
    """

    name: ClassVar[str] = "cviart"
    params_type: ClassVar[type[Any]] = CVIARTParams

    def module(self, d: int) -> Any:
        p = self.params
        index = {"calinski-harabasz": artlib.CVIART.CALINSKIHARABASZ, "silhouette": artlib.CVIART.SILHOUETTE}[p.validity]
        return _TellingCVI(artlib.FuzzyART(float(p.rho), float(p.alpha), float(p.beta)), index)
