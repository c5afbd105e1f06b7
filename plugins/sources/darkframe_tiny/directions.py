"""A dictionary of decoder directions alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from darkframe.errors import DataError
from darkframe.interfaces import Codes


class Directions:
    """A dictionary that decodes but cannot encode.

    Args:
        W_dec: (F, d) float32.
        b_dec: (d,) float32.
        why_not: Why it cannot encode, a sentence.
    """

    W_enc: torch.Tensor | None = None
    b_enc: torch.Tensor | None = None

    def __init__(self, W_dec: torch.Tensor, b_dec: torch.Tensor, why_not: str) -> None:
        self.W_dec: torch.Tensor = W_dec
        self.b_dec: torch.Tensor | None = b_dec
        self._why_not = why_not

    def encode(self, x: torch.Tensor) -> Codes:
        """Refuse: there is no encoder.

        Raises:
            DataError: Always.
        """
        raise DataError(self._why_not)

    @torch.no_grad()
    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32: the decoder rows of non-zero features, summed, and b_dec."""
        summed = F.embedding_bag(
            codes.indices, self.W_dec, codes.offsets, mode="sum", per_sample_weights=codes.values, include_last_offset=True
        )
        return summed if self.b_dec is None else summed + self.b_dec
