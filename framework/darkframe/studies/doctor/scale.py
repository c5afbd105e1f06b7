"""Would the SAE fit better if its input were scaled, or centred?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from darkframe.interfaces import Dictionary

GRID = tuple(2.0 ** (k / 2) for k in range(-12, 13))
"""1/64 to 64, in steps of √2."""


class ScaleScan(NamedTuple):
    """The best factor s on the SAE's input, and the FVU with it and without: ‖x − decode(encode(s·x))/s‖²."""

    best: float
    fvu: float
    fvu_unscaled: float
    to_root_d: float  # the factor that brings E‖x‖ to √d, which SAELens's "expected_average_only_in" does

    @property
    def is_root_d(self) -> bool:
        """Whether the best factor is SAELens's, within a step and a half of the grid."""
        return abs(self.best / self.to_root_d - 1) < 0.2


class CentringTrial(NamedTuple):
    """FVU of activations as they are, and of the same with their mean over d_model taken away (against their own variance)."""

    as_given: float
    centred: float


@torch.no_grad()
def try_centring(dictionary: Dictionary, x: torch.Tensor) -> CentringTrial:
    """Reconstruct activations (n, d) as they are and centred."""
    return CentringTrial(*(_fvu(dictionary, given) for given in (x, x - x.mean(dim=1, keepdim=True))))


def _fvu(dictionary: Dictionary, x: torch.Tensor, factor: float = 1.0) -> float:
    variance = float((x - x.mean(0)).double().square().sum())
    e = x - dictionary.decode(dictionary.encode(x * factor)) / factor
    return float(e.double().square().sum()) / variance if variance else float("nan")


@torch.no_grad()
def scan_scales(dictionary: Dictionary, x: torch.Tensor) -> ScaleScan:
    """Try every factor of the grid, and √d / E‖x‖, on activations (n, d); then between the best and its neighbours."""
    root_d = float(x.shape[1] ** 0.5 / x.double().norm(dim=1).mean())

    tried = {factor: _fvu(dictionary, x, factor) for factor in (*GRID, root_d)}
    coarse = min(tried, key=lambda factor: tried[factor])
    tried |= {factor: _fvu(dictionary, x, factor) for factor in (coarse * 2**-0.25, coarse * 2**0.25)}
    best = min(tried, key=lambda factor: tried[factor])
    return ScaleScan(best, tried[best], tried[1.0], root_d)
