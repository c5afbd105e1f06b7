"""Quadratic neuron ART (Su & Liu 2001, 2005): exp(−s² ‖Wx − b‖²), W, b and s learned by gradient steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.plugin import QuadraticNeuronARTParams
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64


class QuadraticNeuronART(Growing[QuadraticNeuronARTParams]):
    """artlib's quadratic neuron ART, in Python; choice and match are the same function.

    A category's weight is its matrix W (d · d), which begins as the identity, its centre b (d) and s.
    """

    name: ClassVar[str] = "quadraticneuronart"
    params_type: ClassVar[type[Any]] = QuadraticNeuronARTParams
    match_text: ClassVar[str] = "exp(−s² ‖Wx − b‖²)"
    tight: ClassVar[str] = "Squared distances grow with the dimensions: lower s_init (as 1 / √d) or rho for larger clusters."

    def module(self, d: int) -> Any:
        p = self.params
        return artlib.QuadraticNeuronART(float(p.rho), float(p.s_init), float(p.lr_b), float(p.lr_w), float(p.lr_s))

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        d = model.dims
        out = np.empty((len(rows), len(model.weights)))
        for k, weight in enumerate(model.weights):
            mapped = rows @ weight[: d * d].reshape(d, d).T
            out[:, k] = np.exp(-weight[-1] * weight[-1] * np.square(mapped - weight[d * d : -1]).sum(axis=1))
        return out, out

    def weight_length(self, d: int) -> int:
        return d * d + d + 1
