"""ART 1 and binary fuzzy ART (Carpenter & Grossberg 1987): bits in common, over thermometer-coded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.compiled import compiled_or_none
from darkframe_artlib.fuzzy import box_widths
from darkframe_artlib.plugin import ART1Params, BinaryFuzzyARTParams
from darkframe_artlib.rows import thermometer
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64
    from darkframe_artlib.learning import Native


class BinaryFuzzyART(Growing[BinaryFuzzyARTParams]):
    """artlib's binary fuzzy ART, compiled or Python: Fuzzy ART (alpha → 0, beta 1) over rows rounded down to steps.

    Bits in common of two thermometer codes are the smaller of the two values, so |I ∧ w| counts steps as Fuzzy ART measures
    lengths. Choices are compared as fractions of whole numbers; on ties the larger weight wins, then the older.
    """

    name: ClassVar[str] = "binaryfuzzyart"
    params_type: ClassVar[type[Any]] = BinaryFuzzyARTParams
    match_text: ClassVar[str] = "|I ∧ w| / (d · bits), the share of bits in common"

    def module(self, d: int) -> Any:
        return artlib.BinaryFuzzyART(float(self.params.rho))

    def native(self, d: int) -> Native | None:
        def load() -> Any:
            from artlib.optimized.backends.cpp.cppBinaryFuzzyART import fit

            return fit

        fit = compiled_or_none(self.params, "BinaryFuzzyART", load)
        rho = self.params.rho
        return fit and (lambda rows, weights: fit(rows, rho=rho, weights=None if weights is None else weights.astype(np.bool_)))

    def code(self, scaled: F64) -> NDArray[Any]:
        return thermometer(scaled, self.params.bits)

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        common = rows.astype(np.float64) @ model.weights.T.astype(np.float64)
        return common / np.maximum(model.weights.sum(axis=1), 1), common / (rows.shape[1] // 2)

    def passes(self, match: F64, d: int) -> Any:
        bits = d * self.params.bits
        return np.rint(match * bits) >= np.ceil(self.params.rho * bits)

    def winners(self, choice: F64, model: Model) -> I64:
        sizes = model.weights.sum(axis=1)
        best: I64 = np.argmax(np.where(choice == choice.max(axis=1, keepdims=True), sizes, -1), axis=1).astype(np.int64)
        return best

    def widths(self, model: Model) -> F64 | None:
        return box_widths(model.weights)

    def weight_length(self, d: int) -> int:
        return 2 * d * self.params.bits


class ART1(Growing[ART1Params]):
    """artlib's ART 1, compiled or Python, over complement-coded thermometer bits.

    Both keep bottom-up weights, the compiled form in float64 and the Python in float32, so that near ties may fall differently.
    Half of the bits of a row are ones and artlib divides by all of them: no match exceeds 0.5.
    """

    name: ClassVar[str] = "art1"
    params_type: ClassVar[type[Any]] = ART1Params
    match_text: ClassVar[str] = "bits in common with the cluster / (2 · d · bits), 0.5 at most"
    tight: ClassVar[str] = "Lower rho for larger clusters; no match exceeds 0.5."

    def module(self, d: int) -> Any:
        return artlib.ART1(float(self.params.rho), float(self.params.L))

    def native(self, d: int) -> Native | None:
        def load() -> Any:
            from artlib.optimized.backends.cpp.cppART1 import fit

            return fit

        fit = compiled_or_none(self.params, "ART1", load)
        p = self.params
        return fit and (lambda rows, weights: fit(rows, rho=p.rho, L=p.L, weights=weights))

    def code(self, scaled: F64) -> NDArray[Any]:
        return thermometer(scaled, self.params.bits).astype(np.int16)

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        bits, values = rows.shape[1], rows.astype(np.float64)
        bottom_up, top_down = model.weights[:, :bits].astype(np.float64), (model.weights[:, bits:] != 0).astype(np.float64)
        return values @ bottom_up.T, values @ top_down.T / bits

    def widths(self, model: Model) -> F64 | None:
        return box_widths(model.weights[:, model.weights.shape[1] // 2 :])

    def weight_length(self, d: int) -> int:
        return 4 * d * self.params.bits
