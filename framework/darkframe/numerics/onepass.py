"""Everything that one pass over the tokens accumulates: covariance, moments, feature statistics and the ledger's sums.

Tokens fall into disjoint groups, so that every subset's statistics are sums of groups and nothing is computed twice.
Tiles are shifted by the pilot's mean and multiplied in float32 on the device; sums are kept in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.numerics.features import FeatureAccumulator, feature_state
from darkframe.numerics.groups import HALF_A, HALF_B, MASSIVE_A, N_GROUPS, POSITION_0
from darkframe.numerics.ledger import TERMS
from darkframe.numerics.moments import add_power_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64, Codes

_IN_FLOAT32 = (HALF_A, HALF_B)  # the few massive and position-0 tokens have powers that float32 cannot hold
_TILE = 1024  # rows: small temporaries, which the allocator uses again


def token_groups(halves: NDArray[Any], massive: NDArray[np.bool_], kept: NDArray[np.bool_]) -> I64:
    """Group of each token: its half of the documents, massive or not; tokens that are not kept are position 0."""
    groups = np.where(massive, MASSIVE_A, HALF_A) + halves.astype(np.int64)
    return np.where(kept, groups, POSITION_0).astype(np.int64)


def token_terms(
    x: torch.Tensor, e: torch.Tensor, reconstruction: torch.Tensor, l0: torch.Tensor, *, centre: torch.Tensor
) -> torch.Tensor:
    """What each token adds to the ledger's sums.

    Args:
        x: (n, d) float32 activations.
        e: (n, d) float32 residuals.
        reconstruction: (n, d) float32, x̂.
        l0: (n,) non-zero features of each token.
        centre: (d,) float32, the fixed point m of the per-token ratio.

    Returns:
        (n, 9) float64, columns as ``TERMS``: ‖e‖², ‖x‖², ‖x̂‖², x·x̂, ‖e‖/‖x‖, cos(x, x̂), ‖e‖²/‖x‖², ‖e‖²/‖x − m‖², L0.
    """

    def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a * b).sum(dim=1, dtype=torch.float64)

    tiny = torch.finfo(torch.float64).tiny
    ee, xx, hh, xh = dot(e, e), dot(x, x), dot(reconstruction, reconstruction), dot(x, reconstruction)
    shifted = x - centre
    about = dot(shifted, shifted)
    columns = (
        ee,
        xx,
        hh,
        xh,
        (ee / xx).sqrt(),
        xh / (xx * hh).sqrt().clamp_min(tiny),
        ee / xx,
        ee / about,
        l0.to(torch.float64),
    )
    return torch.stack(columns, dim=1)


def sum_by_group(terms: F64, groups: I64, n_groups: int) -> F64:
    """Sums (n_groups, K) of rows (n, K), always added in row order."""
    return np.stack([np.bincount(groups, weights=column, minlength=n_groups) for column in terms.T], axis=1)


def row_norms(x: torch.Tensor) -> torch.Tensor:
    """(n,) float64 lengths of rows (n, d)."""
    return torch.cat([torch.linalg.vector_norm(tile, dim=1, dtype=torch.float64) for tile in torch.split(x, _TILE)])


def power_sums(tile: torch.Tensor) -> F64:
    """Sums (4, d) float64 of the first four powers of a tile (n, d), always added in the same order."""
    if tile.device.type == "cpu":
        sums = np.zeros((4, tile.shape[1]))
        add_power_sums(tile.numpy(), np.zeros(tile.shape[1]), sums)
        return sums
    t = tile.double()
    square = t * t
    out: F64 = torch.stack([t.sum(0), square.sum(0), (square * t).sum(0), (square * square).sum(0)]).cpu().numpy()
    return out


class OnePass:
    """The accumulators of one pass.

    Args:
        shift_x: (d,) float32, the pilot's mean of x: shift of its moments, and the ledger's fixed point m.
        shift_e: (d,) float32, the pilot's mean of e.
        n_features: F.
        device: Where the tiles are.
    """

    def __init__(self, shift_x: NDArray[np.float32], shift_e: NDArray[np.float32], n_features: int, device: torch.device) -> None:
        d = len(shift_x)
        self._device = device
        self._shift_x, self._shift_e = shift_x, shift_e
        self._centre_x, self._centre_e = torch.tensor(shift_x, device=device), torch.tensor(shift_e, device=device)
        self._n = np.zeros(N_GROUPS, np.int64)
        self._sums_x, self._sums_e = np.zeros((N_GROUPS, 4, d)), np.zeros((N_GROUPS, 4, d))
        self._products = torch.zeros((N_GROUPS - 1, d, d), dtype=torch.float64, device=device)
        self._terms = np.zeros((N_GROUPS, len(TERMS)))
        self._features = FeatureAccumulator(n_features, N_GROUPS)

    def update(self, x: torch.Tensor, e: torch.Tensor, reconstruction: torch.Tensor, codes: Codes, groups: I64) -> None:
        """Add tokens: x, e, reconstruction (n, d) float32 on the device, their codes, and their groups (n,)."""
        offsets = codes.offsets.cpu().numpy()
        l0 = torch.from_numpy(np.diff(offsets)).to(self._device)
        tiles = zip(*(torch.split(part, _TILE) for part in (x, e, reconstruction, l0)), strict=True)
        terms = torch.cat([token_terms(*tile, centre=self._centre_x) for tile in tiles])
        self._terms += sum_by_group(terms.cpu().numpy(), groups, N_GROUPS)
        self._features.update(offsets, codes.indices.cpu().numpy(), codes.values.cpu().numpy(), groups)
        for group in range(N_GROUPS):
            numbers = np.flatnonzero(groups == group)
            for first in range(0, len(numbers), _TILE):
                self._add_tile(group, x, e, torch.from_numpy(numbers[first : first + _TILE]).to(self._device))

    def _add_tile(self, group: int, x: torch.Tensor, e: torch.Tensor, numbers: torch.Tensor) -> None:
        dtype = torch.float32 if group in _IN_FLOAT32 else torch.float64
        tile_x = x[numbers].to(dtype) - self._centre_x
        tile_e = e[numbers].to(dtype) - self._centre_e
        self._n[group] += len(numbers)
        self._sums_x[group] += power_sums(tile_x)
        self._sums_e[group] += power_sums(tile_e)
        if group != POSITION_0:
            self._products[group] += tile_e.T @ tile_e

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything accumulated, as arrays: what ``restore`` and ``Statistics`` read."""
        arrays: dict[str, NDArray[Any]] = {
            "shift_x": self._shift_x,
            "shift_e": self._shift_e,
            "n": self._n,
            "sums_x": self._sums_x,
            "sums_e": self._sums_e,
            "products_e": self._products.cpu().numpy(),
            "ledger": self._terms,
        }
        return arrays | {f"features.{name}": array for name, array in self._features.state().items()}

    @classmethod
    def restore(cls, state: dict[str, NDArray[Any]], device: torch.device) -> OnePass:
        """Go on from a ``state``."""
        new = cls(state["shift_x"], state["shift_e"], len(state["features.shift"]), device)
        new._n, new._terms = state["n"].copy(), state["ledger"].copy()
        new._sums_x, new._sums_e = state["sums_x"].copy(), state["sums_e"].copy()
        new._products = torch.tensor(state["products_e"], device=device)
        new._features.restore(feature_state(state))
        return new
