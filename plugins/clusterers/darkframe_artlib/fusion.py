"""Fusion ART (Tan, Carpenter & Grossberg 2007): Fuzzy ART over channels, one vigilance test in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe import UserError
from darkframe_artlib.fuzzy import box_scores
from darkframe_artlib.learning import PythonLearner
from darkframe_artlib.plugin import FusionARTParams
from darkframe_artlib.rows import complement
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64


class _Channels(PythonLearner):
    """Feeds a FusionART, whose weights are a list for each channel."""

    def __init__(self, module: Any, weights: NDArray[Any] | None, ends: list[int], tracking: str) -> None:
        self.module, self._tracking = module, tracking
        if weights is not None:
            for part, channel in zip(np.split(weights, ends, axis=1), module.modules, strict=True):
                channel.W = list(part)
                channel.weight_sample_counter_ = [1] * len(weights)

    def learn(self, rows: NDArray[Any]) -> NDArray[Any]:
        self.module.labels_ = np.zeros(0, int)
        labels: NDArray[Any] = self.module.partial_fit(rows, match_tracking=self._tracking).labels_
        return labels

    def weights(self) -> list[NDArray[Any]]:
        return [np.concatenate(weight) for weight in self.module.W]


class FusionART(Growing[FusionARTParams]):
    """artlib's Fusion ART, in Python: the dimensions in order in equal channels, each with its own box and vigilance test.

    With one channel it is Fuzzy ART. artlib raises, under MT+, the vigilance of the channels in which a rejected category
    passed, for the rest of the row's search; MT~ does not.
    """

    name: ClassVar[str] = "fusionart"
    params_type: ClassVar[type[Any]] = FusionARTParams
    match_text: ClassVar[str] = "the least |I ∧ w| / d over the channels, d the channel's dimensions"

    def check(self, rows: NDArray[Any]) -> None:
        if rows.shape[1] < self.params.channels:
            raise UserError(f"fusionart cannot split {rows.shape[1]} dimensions into {self.params.channels} channels.")

    def _dims(self, d: int) -> list[int]:
        return [len(part) for part in np.array_split(np.arange(d), self.params.channels)]

    def _ends(self, d: int) -> list[int]:
        return [int(end) for end in np.cumsum([2 * dims for dims in self._dims(d)])[:-1]]

    def module(self, d: int) -> Any:
        p, dims = self.params, self._dims(d)
        channels = [artlib.FuzzyART(float(p.rho), float(p.alpha), float(p.beta)) for _ in dims]
        return artlib.FusionART(channels, _shares(len(dims)), [2 * each for each in dims])

    def learner(self, d: int, before: Model | None) -> PythonLearner:
        weights = None if before is None else before.weights
        return _Channels(self.module(d), weights, self._ends(d), self.params.match_tracking)

    def code(self, scaled: F64) -> F64:
        parts = np.split(scaled, np.cumsum(self._dims(scaled.shape[1]))[:-1], axis=1)
        return np.hstack([complement(part) for part in parts])

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        ends = self._ends(model.dims)
        parts = zip(np.split(rows, ends, axis=1), np.split(model.weights, ends, axis=1), strict=True)
        choices, matches = zip(*(box_scores(part, weights, self.params.alpha) for part, weights in parts), strict=True)
        return np.tensordot(_shares(len(choices)), np.array(choices), axes=1), np.min(matches, axis=0)

    def widths(self, model: Model) -> F64 | None:
        out: F64 = 1.0 - model.weights.sum(axis=1) / model.dims
        return out

    def weight_length(self, d: int) -> int:
        return 2 * d


def _shares(channels: int) -> list[float]:
    """Equal shares whose sum, which artlib compares with 1, is 1 to the last bit."""
    equal = [1 / channels] * (channels - 1)
    return [*equal, 1.0 - sum(equal)]
