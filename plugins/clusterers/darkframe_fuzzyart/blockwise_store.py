"""Where categories are kept: in float64 on the host, where they are decided on, and as low-precision boxes on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe_fuzzyart.blockwise_bound import rounded_up
from darkframe_fuzzyart.blockwise_resolve import norm
from darkframe_fuzzyart.blockwise_score import CHUNK
from darkframe_fuzzyart.engine import Categories

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64, Bool

ALIGNED = 64
"""Rows of device arrays hold a multiple of this many numbers."""


class HostStore:
    """Weights, norms |w| (sequential sums), counts, parents and a mark on what the device does not know yet; arrays that grow."""

    def __init__(self, start: Categories) -> None:
        self.size = len(start.counts)
        norms = np.array([norm(w) for w in start.weights], np.float64)
        arrays = (start.weights, norms, start.counts, start.parents, np.ones(self.size, np.bool_))
        self._arrays: Any = tuple(np.array(array) for array in arrays)

    @property
    def dims(self) -> int:
        """Dimensions d."""
        return int(self._arrays[0].shape[1]) // 2

    @property
    def arrays(self) -> Any:
        """Weights, norms, counts and parents, with room beyond ``size``."""
        return self._arrays[:4]

    @property
    def changed(self) -> Bool:
        """(room,) made or learned since the device last heard of it."""
        mark: Bool = self._arrays[4]
        return mark

    @property
    def weights(self) -> F64:
        """(K, 2d)."""
        weights: F64 = self._arrays[0][: self.size]
        return weights

    @property
    def norms(self) -> F64:
        """(K,)."""
        norms: F64 = self._arrays[1][: self.size]
        return norms

    @property
    def parents(self) -> I64:
        """(K,)."""
        parents: I64 = self._arrays[3][: self.size]
        return parents

    def make_room(self, more: int) -> None:
        """Have room for so many more categories; grows by half, so that copying stays proportional to what is kept."""
        room = len(self._arrays[0])
        if self.size + more > room:
            self._arrays = tuple(_longer(array, self.size, self.size + more + room // 2) for array in self._arrays)

    def categories(self) -> Categories:
        """Views of what is kept."""
        weights, _, counts, parents = self.arrays
        return Categories(weights[: self.size], counts[: self.size], parents[: self.size])


def _longer(array: Any, size: int, room: int) -> Any:
    longer = np.zeros((room, *array.shape[1:]), array.dtype)
    longer[:size] = array[:size]
    return longer


class DeviceStore:
    """Boxes on the device: corners transposed, (depth, room), and the group of each."""

    def __init__(self, dims: int, device: torch.device, dtype: torch.dtype) -> None:
        self.dims, self.device, self.dtype = dims, device, dtype
        self.low = self.high = torch.zeros((depth_of(dims), 0), dtype=dtype, device=device)
        self.groups = torch.zeros(0, dtype=torch.int32, device=device)

    def update(self, host: HostStore) -> None:
        """Bring over what changed on the host, a part at a time; whatever fails, what was not brought over stays marked."""
        if host.size > self.groups.shape[0]:
            self._grow(aligned(host.size + self.groups.shape[0] // 2))
        ids = np.flatnonzero(host.changed[: host.size])
        for first in range(0, len(ids), 4096):
            part = ids[first : first + 4096]
            weights = host.weights[part]
            at = torch.from_numpy(part).to(self.device)
            self.low[: self.dims].index_copy_(1, at, self._moved(weights[:, : self.dims]).T)
            self.high[: self.dims].index_copy_(1, at, self._moved(1.0 - weights[:, self.dims :]).T)
            self.groups[at] = torch.from_numpy(host.parents[part].astype(np.int32)).to(self.device)
            host.changed[part] = False

    def rows(self, rows: F64) -> Any:
        """(n, d) float64 on the host as (depth, n) on the device, rounded to the nearest."""
        held = torch.zeros((self.low.shape[0], aligned(len(rows))), dtype=self.dtype, device=self.device)
        moved = held[:, : len(rows)]
        moved[: self.dims] = self._moved(rows).T
        return moved

    def limit(self, limits: F64) -> Any:
        """Limits on the device, rounded up."""
        return torch.from_numpy(rounded_up(limits, str(self.dtype).removeprefix("torch."))).to(self.device)

    def _moved(self, values: F64) -> Any:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.dtype).to(self.device)

    def _grow(self, room: int) -> None:
        for name in ("low", "high", "groups"):
            old = getattr(self, name)
            new = torch.zeros((*old.shape[:-1], room), dtype=old.dtype, device=self.device)
            new[..., : old.shape[-1]] = old
            setattr(self, name, new)


def depth_of(dims: int) -> int:
    """Dimensions, made a multiple of what is summed at a time."""
    return -(-dims // CHUNK) * CHUNK


def aligned(count: int) -> int:
    """The next multiple of ``ALIGNED``, so that Triton compiles one kernel for all sizes."""
    return -(-count // ALIGNED) * ALIGNED
