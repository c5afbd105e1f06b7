"""Final norm and unembedding of a transformers model, for the logit lens."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from darkframe.errors import DataError

CHUNK = 256
"""Directions pushed through at once."""


class ModelUnembedding:
    """What a residual-stream direction says of the next token: ``W_U · norm(direction)``, tied or untied weights alike.

    Args:
        model: A transformers causal language model.

    Raises:
        DataError: The model has no unembedding or no final norm under a known name.
    """

    def __init__(self, model: nn.Module) -> None:
        whole: Any = model
        head = whole.get_output_embeddings()
        if head is None:
            raise DataError(f"{type(model).__name__} has no unembedding.")
        self._head: nn.Module = head
        self._norm = find_final_norm(getattr(model, "base_model", model))

    @torch.no_grad()
    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        """Final norm, then W_U: (n, d) directions to (n, vocabulary) logits, float32 on the model's device."""
        weight = next(self._head.parameters())
        chunks = torch.split(directions.to(weight.device, weight.dtype), CHUNK)
        return torch.cat([self._head(self._norm(chunk)).to(torch.float32) for chunk in chunks])


def find_final_norm(base: nn.Module) -> nn.Module:
    """The norm between the last block and the unembedding: ``ln_f``, ``final_layer_norm`` or ``norm``.

    Raises:
        DataError: The model has none under these names.
    """
    for name in ("ln_f", "final_layer_norm", "norm"):
        norm = getattr(base, name, None)
        if isinstance(norm, nn.Module):
            return norm
    raise DataError(f"{type(base).__name__} has no final norm under a known name (ln_f, final_layer_norm, norm).")
