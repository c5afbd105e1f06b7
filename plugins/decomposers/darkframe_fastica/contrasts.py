"""The contrast functions of ICA: G, its derivative g (the non-linearity) and g′, compiled for float32 tiles.

| name    | G(y)          | g(y)          | g′(y)              |
|---------|---------------|---------------|--------------------|
| logcosh | log cosh y    | tanh y        | 1 − tanh² y        |
| exp     | −exp(−y²/2)   | y exp(−y²/2)  | (1 − y²) exp(−y²/2)|
| cube    | y⁴/4          | y³            | 3y²                |

(Hyvärinen 1999, "Fast and robust fixed-point algorithms for independent component analysis", section IV.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.compiled import compiled

if TYPE_CHECKING:
    from darkframe.interfaces import F32, F64

    Apply = Callable[[F32, F32, F32, F32], None]

_f = np.float32
_ONE, _TWO, _HALF = _f(1), _f(2), _f(0.5)


# Rows are checked to be finite before they get here, so the compiler may assume it: that is what lets it vectorise.
_compiled = compiled(error_model="numpy", fastmath={"contract", "nsz", "nnan", "ninf"})


@_compiled
def _exp(u: Any) -> Any:
    """exp(u) for u ≤ 0 in float32, relative error 2e-7 (Cephes' expf: Cody–Waite reduction, degree-6 polynomial)."""
    u = max(u, _f(-87))
    n = np.floor(u * _f(1.4426950408889634) + _HALF)
    r = u - n * _f(0.693359375)
    r = r - n * _f(-2.12194440e-4)
    p = _f(1.9875691500e-4)
    p = p * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    p = p * r * r + r + _ONE
    power = np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23))
    return p * power.view(np.float32)


@_compiled
def _logcosh(y: Any, g: Any, slope: Any, loss: Any) -> None:
    """With e = exp(−2|y|): tanh|y| = (1 − e)/(1 + e), log cosh y = |y| + log1p(e) − log 2; absolute errors below 1e-6.

    log1p(e) = 2 artanh(s) with s = e/(2 + e) ≤ 1/3, by its series. The constant log 2 is taken off where tiles are summed.
    """
    for t in range(y.shape[0]):
        for j in range(y.shape[1]):
            v = y[t, j]
            a = abs(v)
            e = _exp(-_TWO * a)
            q = _ONE / ((_ONE + e) * (_TWO + e))
            tanh = (_ONE - e) * (_TWO + e) * q
            s = e * (_ONE + e) * q
            s2 = s * s
            p = _f(2 / 11)
            p = p * s2 + _f(2 / 9)
            p = p * s2 + _f(2 / 7)
            p = p * s2 + _f(2 / 5)
            p = p * s2 + _f(2 / 3)
            g[t, j] = math.copysign(tanh, v)
            slope[j] += _ONE - tanh * tanh
            loss[j] += a + (p * s2 * s + _TWO * s)


@_compiled
def _gauss(y: Any, g: Any, slope: Any, loss: Any) -> None:
    for t in range(y.shape[0]):
        for j in range(y.shape[1]):
            v = y[t, j]
            square = v * v
            e = _exp(-_HALF * square)
            g[t, j] = v * e
            slope[j] += (_ONE - square) * e
            loss[j] -= e


@_compiled
def _cube(y: Any, g: Any, slope: Any, loss: Any) -> None:
    for t in range(y.shape[0]):
        for j in range(y.shape[1]):
            v = y[t, j]
            square = v * v
            g[t, j] = v * square
            slope[j] += _f(3) * square
            loss[j] += _f(0.25) * square * square


@dataclass(frozen=True)
class Contrast:
    """One contrast function.

    Attributes:
        name: ``logcosh``, ``exp`` or ``cube``.
        apply: ``apply(y, g, slope, loss)`` on a (T, k) float32 tile: writes g(y) into g and adds the column sums of g′(y)
            and of G(y) + offset to slope (k,) and loss (k,).
        offset: What ``apply`` leaves in each loss term.
        gaussian: E[G(ν)] of a standard Gaussian ν.
        loss_noise: √N times the standard deviation of the mean of G(ν) over N whitened Gaussian rows.
        gradient_noise: The same for the gradient's entries, (g(ν)ν′ − g(ν′)ν)/2.
        excess_noise: The same for g′(ν) − ν g(ν).
    """

    name: str
    apply: Apply
    offset: float
    gaussian: float
    loss_noise: float
    gradient_noise: float
    excess_noise: float

    def gradient_tolerance(self, n: int) -> float:
        """0.3/√n for ``logcosh``, 2.6 standard deviations of its noise, and as many for the others.

        With k components the largest of the k²/2 entries of an optimum on other rows of the same kind is larger than that, so
        nothing is gained by going further down.
        """
        return 0.3 / 0.11708 * self.gradient_noise / math.sqrt(n)

    def identifiability_cut(self, n: int) -> float:
        """10/√n for ``logcosh``, 28 standard deviations of a Gaussian component's value, and as many for the others.

        So high because noise is not all: among many near-Gaussian directions some are non-Gaussian by choice.
        """
        return 10 / 0.35347 * self.excess_noise / math.sqrt(n)

    def slopes(self, y: F32, g: F32) -> F32:
        """g′(y) of a tile, elementwise, g = g(y) being known."""
        if self.name == "logcosh":
            return 1 - g * g
        if self.name == "cube":
            return 3 * (y * y)
        square = y * y
        out: F32 = (1 - square) * np.exp(-0.5 * square)
        return out

    def objective(self, y: F32) -> F64:
        """E[G] of every column of y (n, m)."""
        g = np.empty_like(y)
        slope, loss = np.zeros(y.shape[1], np.float32), np.zeros(y.shape[1], np.float64)
        for start in range(0, len(y), 1024):
            part = np.zeros(y.shape[1], np.float32)
            tile = y[start : start + 1024]
            self.apply(tile, g[start : start + 1024], slope, part)
            loss += part
        return loss / len(y) - self.offset


# Constants by Gauss–Hermite quadrature; the noises with E[y] = 0 and E[y yᵀ] = I held, as whitening does.
CONTRASTS = {
    "logcosh": Contrast("logcosh", _logcosh, math.log(2), 0.3745672075, 0.079548, 0.117080, 0.353467),
    "exp": Contrast("exp", _gauss, 0.0, -math.sqrt(0.5), 0.121862, 0.183640, 0.572145),
    "cube": Contrast("cube", _cube, 0.0, 0.75, math.sqrt(1.5), math.sqrt(3), math.sqrt(24)),
}
