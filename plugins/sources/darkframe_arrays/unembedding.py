"""Final norm and unembedding from a file of weights, for the logit lens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from darkframe.errors import DataError
from darkframe_arrays.files import keys, open_array
from darkframe_arrays.weights import pick

if TYPE_CHECKING:
    from darkframe.interfaces import F32, SourceContext

UNEMBEDDINGS = ("W_U", "unembed.W_U", "lm_head.weight", "embed_out.weight", "model.lm_head.weight")
TIED = ("wte.weight", "transformer.wte.weight", "model.embed_tokens.weight", "embed_tokens.weight")
BIASES = ("b_U", "unembed.b_U", "lm_head.bias")
NORMS = (
    *("ln_final.w", "ln_f.weight", "transformer.ln_f.weight", "gpt_neox.final_layer_norm.weight", "final_layer_norm.weight"),
    *("model.norm.weight", "norm.weight"),
)
"""Usual names: TransformerLens's, and those of GPT-2, GPT-NeoX and Llama in transformers."""

EPSILON = 1e-5
CHUNK = 256
"""Directions pushed through at once."""


class WeightsUnembedding:
    """``W_U · norm(direction) + b_U``.

    Layer norm is (v − mean) / √(var + 1e-5) · w + b; rms norm is v / √(mean of v² + 1e-5) · w.

    Args:
        path: .npy (W_U alone), .npz or .safetensors file; a whole model's will do.
        d: Width of the residual stream.
        norm: ``none``, ``layer``, ``rms``; None: as the weights tell.
        context: From the framework.

    Raises:
        DataError: No unembedding under a usual name, shapes that disagree, or a norm that cannot be told.
    """

    def __init__(self, path: Path, d: int, norm: str | None, context: SourceContext) -> None:
        self._path, self._d, self._device = path, d, context.device
        self._W_U = self._tensor(self._vocabulary_by_width(_unembedding(path, context)))
        self._bias = self._optional(pick(path, BIASES, context))
        self._w = self._optional(pick(path, NORMS, context))
        self._b = self._optional(
            pick(path, [name.removesuffix("weight").removesuffix("w") + _bias(name) for name in NORMS], context)
        )
        self._norm = self._told(norm)
        for vector, length in ((self._bias, len(self._W_U)), (self._w, d), (self._b, d)):
            if vector is not None and tuple(vector.shape) != (length,):
                raise DataError(f"{path} holds a vector of shape {tuple(vector.shape)} where ({length},) was expected.")

    @property
    def vocabulary(self) -> int:
        """Tokens it gives logits for."""
        return len(self._W_U)

    @property
    def norm(self) -> str:
        """``none``, ``layer`` or ``rms``."""
        return self._norm

    @torch.no_grad()
    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        """Final norm, then W_U: (n, d) directions to (n, vocabulary) logits."""
        chunks = torch.split(directions.to(self._W_U.device, torch.float32), CHUNK)
        logits = torch.cat([self._normed(chunk) @ self._W_U.T for chunk in chunks])
        return logits if self._bias is None else logits + self._bias

    def _normed(self, v: torch.Tensor) -> torch.Tensor:
        if self._norm == "none":
            return v
        if self._norm == "layer":
            return torch.nn.functional.layer_norm(v, (self._d,), self._w, self._b, EPSILON)
        scaled = v * torch.rsqrt(v.pow(2).mean(dim=-1, keepdim=True) + EPSILON)
        return scaled if self._w is None else scaled * self._w

    def _told(self, norm: str | None) -> str:
        if norm == "none" or (norm is None and self._w is None):
            return "none"
        if norm is not None:
            return norm
        if self._b is None:
            raise DataError(
                f"{self._path} holds the final norm's weight but no bias: which norm it is cannot be told.",
                hint="Set source.final_norm to layer, rms (Llama and its like) or none.",
            )
        return "layer"

    def _vocabulary_by_width(self, matrix: F32) -> F32:
        rows, columns = matrix.shape if matrix.ndim == 2 else (0, 0)
        if rows == columns or self._d not in (rows, columns):
            raise DataError(f"The unembedding in {self._path} has shape {matrix.shape}; {self._d} × vocabulary was expected.")
        return matrix if columns == self._d else matrix.T

    def _tensor(self, array: F32) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self._device)

    def _optional(self, array: F32 | None) -> torch.Tensor | None:
        return None if array is None else self._tensor(array)


def _bias(weight: str) -> str:
    return "bias" if weight.endswith("weight") else "b"


def _unembedding(path: Path, context: SourceContext) -> F32:
    if keys(path) == ("",):
        return open_array(path, "", context).whole().astype("float32")
    matrix = pick(path, UNEMBEDDINGS + TIED, context)
    if matrix is None:
        raise DataError(
            f"{path} holds no unembedding; it holds {', '.join(keys(path)[:20])}.", hint="Expected W_U or lm_head.weight."
        )
    return matrix
