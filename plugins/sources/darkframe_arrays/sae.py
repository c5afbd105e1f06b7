"""Dictionaries made of plain weights, and how features activate in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

from darkframe.errors import DataError
from darkframe.interfaces import Codes

if TYPE_CHECKING:
    from darkframe_arrays.weights import Weights

ROWS = 256
"""Rows encoded at once: dense pre-activations of so many rows are all that is ever held."""


@dataclass(frozen=True)
class Rule:
    """How activations become codes, from pre-activations p = (x − b_dec, or x) W_enc + b_enc.

    Attributes:
        activation: ``relu``: max(p, 0); ``topk``: the k largest of max(p, 0), the others 0; ``jumprelu``: max(p, 0) where p
            exceeds its feature's threshold, else 0.
        k: Of ``topk``.
        subtract: Whether b_dec is subtracted before encoding.
    """

    activation: Literal["relu", "topk", "jumprelu"]
    k: int | None
    subtract: bool


class WeightsDictionary:
    """A dictionary computed from its weights.

    Args:
        weights: Its weights.
        rule: How it encodes; None: it does not.
        why_not: Why it does not, a sentence.
        device: Where to compute.
    """

    def __init__(self, weights: Weights, rule: Rule | None, why_not: str, device: str) -> None:
        def tensor(array: object) -> torch.Tensor | None:
            return None if array is None else torch.as_tensor(array, dtype=torch.float32, device=device)

        self.W_dec: torch.Tensor = torch.as_tensor(weights.W_dec, device=device)
        self.W_enc, self.b_enc, self.b_dec = tensor(weights.W_enc), tensor(weights.b_enc), tensor(weights.b_dec)
        self._threshold = tensor(weights.threshold)
        self._rule, self._why_not = rule, why_not

    @torch.no_grad()
    def encode(self, x: torch.Tensor) -> Codes:
        """Feature activations of x (n, d), a block of rows at a time.

        Raises:
            DataError: It has no encoder.
        """
        if self._rule is None or self.W_enc is None:
            raise DataError(self._why_not)
        blocks = [Codes.from_dense(self._activate(block)) for block in torch.split(x, ROWS)] if len(x) else []
        return Codes.concatenate(blocks) if blocks else Codes.from_dense(x.new_zeros((0, len(self.W_dec))))

    def _activate(self, x: torch.Tensor) -> torch.Tensor:
        assert self._rule is not None
        assert self.W_enc is not None
        if self._rule.subtract and self.b_dec is not None:
            x = x - self.b_dec
        before = x @ self.W_enc if self.b_enc is None else torch.addmm(self.b_enc, x, self.W_enc)
        positive = before.relu()
        if self._rule.activation == "topk":
            assert self._rule.k is not None
            kept = positive.topk(self._rule.k, dim=1)
            return torch.zeros_like(positive).scatter_(1, kept.indices, kept.values)
        if self._rule.activation == "jumprelu":
            assert self._threshold is not None
            return positive * (before > self._threshold)
        return positive

    @torch.no_grad()
    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32: the decoder rows of non-zero features, summed, and b_dec."""
        summed = F.embedding_bag(
            codes.indices, self.W_dec, codes.offsets, mode="sum", per_sample_weights=codes.values, include_last_offset=True
        )
        return summed if self.b_dec is None else summed + self.b_dec
