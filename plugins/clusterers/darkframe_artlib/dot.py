"""ART 2-A (Carpenter, Grossberg & Rosen 1991): inner products of rows at unit length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe import UserError
from darkframe_artlib.plugin import ART2AParams
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64


class ART2A(Growing[ART2AParams]):
    """artlib's ART 2-A, in Python, over scaled rows at unit length, as ART 2-A is published; artlib leaves the length as it is.

    Without that length the inner product is no match: it grows with the row, up to d, while rho ends at 1.
    """

    name: ClassVar[str] = "art2a"
    params_type: ClassVar[type[Any]] = ART2AParams
    match_text: ClassVar[str] = (
        "inner product of the row (at unit length) with the cluster's weight; −1 below alpha times the row's sum"
    )

    def check(self, rows: NDArray[Any]) -> None:
        d = rows.shape[1]
        if self.params.alpha > 1 / np.sqrt(d):
            raise UserError(
                f"art2a takes an alpha of at most 1/√d, {1 / np.sqrt(d):.4g} in {d} dimensions, not {self.params.alpha:g}."
            )

    def module(self, d: int) -> Any:
        return artlib.ART2A(float(self.params.rho), float(self.params.alpha), float(self.params.beta))

    def code(self, scaled: F64) -> F64:
        lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
        diagonal = 1 / np.sqrt(scaled.shape[1])  # of a row at the minimum of every dimension, which has no direction of its own
        out: F64 = np.minimum(np.where(lengths > 0, scaled / np.where(lengths > 0, lengths, 1.0), diagonal), 1.0)
        return out

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        products = rows @ model.weights.T
        return products, np.where(products < self.params.alpha * rows.sum(axis=1, keepdims=True), -1.0, products)

    def weight_length(self, d: int) -> int:
        return d
