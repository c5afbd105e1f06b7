"""A sparsify SAE as darkframe's dictionary, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError

from darkframe.errors import DataError
from darkframe.interfaces import Codes
from darkframe.lm.quiet import quiet_transformers

ROWS = 256
"""Rows encoded at once: sparsify's ``encode`` holds all pre-activations of so many rows."""


class SparsifyDictionary:
    """A sparsify SAE; ``decode(encode(x))`` is its ``decode(top_acts, top_indices)`` of its ``encode(x)``.

    Its ``forward`` is not used: on CUDA that computes in bfloat16. Decoding sums the decoder rows of the active features, as
    sparsify does, for as many as there are. NaN activations give NaN reconstructions.

    Args:
        coder: A ``SparseCoder`` with a decoder, in float32.
    """

    def __init__(self, coder: Any) -> None:
        self.coder = coder.eval().requires_grad_(False)
        self.W_dec: torch.Tensor = coder.W_dec.detach()
        self.W_enc: torch.Tensor | None = coder.encoder.weight.detach().T
        self.b_enc: torch.Tensor | None = coder.encoder.bias.detach()
        self.b_dec: torch.Tensor | None = coder.b_dec.detach()

    @torch.no_grad()
    def encode(self, x: torch.Tensor) -> Codes:
        """Feature activations of x (n, d) float32, without gradients: those of the top k that are not zero."""
        blocks = [self._encode_block(block) for block in torch.split(x, ROWS)] if len(x) else []
        return Codes.concatenate(blocks) if blocks else Codes.from_dense(x.new_zeros((0, len(self.W_dec))))

    def _encode_block(self, x: torch.Tensor) -> Codes:
        top = self.coder.encode(x)
        indices, order = top.top_indices.sort(dim=1)
        values = top.top_acts.gather(1, order)
        active = values != 0
        offsets = torch.cat([indices.new_zeros(1), active.sum(dim=1).cumsum(0)])
        return Codes(offsets, indices[active], values[active].float(), len(self.W_dec))

    @torch.no_grad()
    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32 of the codes."""
        summed: torch.Tensor = F.embedding_bag(
            codes.indices, self.W_dec, codes.offsets, mode="sum", per_sample_weights=codes.values, include_last_offset=True
        )
        return summed if self.b_dec is None else summed + self.b_dec


def load_dictionary(folder: Path, device: str = "cpu") -> SparsifyDictionary:
    """Open a folder saved by sparsify (``cfg.json``, ``sae.safetensors``) with sparsify itself, with nothing printed.

    Raises:
        DataError: sparsify cannot open it.
    """
    with quiet_transformers(), torch.random.fork_rng(devices=[]):  # it draws weights before it reads them
        from sparsify import SparseCoder

        try:
            coder = SparseCoder.load_from_disk(folder, device=device).float()
            _refine(coder, folder)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            raise DataError(f"The SAE in {folder} cannot be opened by sparsify: {error}") from error
    return SparsifyDictionary(coder)


def _refine(coder: Any, folder: Path) -> None:
    """Read float32 weights as they are where others are of fewer bits: sparsify gives all of them the first one's dtype."""
    from safetensors import safe_open
    from safetensors.torch import load_model

    path = folder / "sae.safetensors"
    with safe_open(path, framework="pt") as file:
        if len({file.get_slice(name).get_dtype() for name in file.keys()}) > 1:  # noqa: SIM118 (no mapping)
            load_model(coder, path)
