"""The CUDA engine: ``blockwise`` on a GPU."""

from __future__ import annotations

import torch

from darkframe import UserError
from darkframe_fuzzyart.blockwise import BlockwiseEngine


class CudaEngine(BlockwiseEngine):
    """Computes on a GPU; PyTorch's CUDA build brings Triton along, without which it still works, only slower.

    Raises:
        UserError: PyTorch finds no such GPU.
    """

    def __init__(self, device: str = "cuda") -> None:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise UserError(
                "The engine 'cuda' was asked for, but PyTorch finds no CUDA device here.",
                hint="Set clusterer.engine=cpu (or auto): the labels are the same.",
            )
        index = torch.device(device).index or 0
        if index >= count:
            raise UserError(f"The engine 'cuda' was asked for on {device}, but there are {count} CUDA devices, from cuda:0 on.")
        super().__init__(f"cuda:{index}")
