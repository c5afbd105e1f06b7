"""A BatchTopK sparse autoencoder: training step, threshold, export as SAELens's JumpReLU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WINDOW = 200_000
"""Tokens after which a feature that never fired counts as dead during training."""

SUBSAMPLE = 8
"""The batch's cut is found on every eighth row: to find it on all takes longer than the matrix products."""


@dataclass(frozen=True)
class SaeShape:
    """Sizes and sparsity."""

    d_in: int
    d_sae: int
    k: float
    k_aux: int = 64
    aux_weight: float = 1 / 16


class BatchTopK(nn.Module):
    """Keeps about the k × rows largest activations of a batch; inputs have a mean squared norm of d_in."""

    idle: Tensor

    def __init__(self, shape: SaeShape, mean: Tensor) -> None:
        super().__init__()
        self.shape = shape
        directions = nn.functional.normalize(torch.randn(shape.d_sae, shape.d_in), dim=1)
        self.W_dec = nn.Parameter(directions)
        self.W_enc = nn.Parameter(directions.t().clone() * 0.5)
        self.b_enc = nn.Parameter(torch.zeros(shape.d_sae))
        self.b_dec = nn.Parameter(mean.clone())
        self.register_buffer("idle", torch.zeros(shape.d_sae))

    def pre(self, x: Tensor) -> Tensor:
        """Pre-activations, rectified."""
        return torch.relu((x - self.b_dec) @ self.W_enc + self.b_enc)

    def loss(self, x: Tensor, k: float) -> tuple[Tensor, float]:
        """Returns the loss and the unexplained share of the batch's variance."""
        active = self.pre(x)
        few = active[::SUBSAMPLE].detach()
        cut = torch.topk(few.flatten(), round(k * len(few)), sorted=False).values.min()
        acts = active * (active >= cut)
        error = x - (acts @ self.W_dec + self.b_dec)
        variance = (x - x.mean(0)).pow(2).sum()
        self.idle += len(x)
        self.idle[acts.detach().any(0)] = 0
        unexplained = error.pow(2).sum() / variance
        auxiliary = self._auxiliary(active, error.detach())
        return unexplained + self.shape.aux_weight * auxiliary, float(unexplained.detach())

    def _auxiliary(self, active: Tensor, error: Tensor) -> Tensor:
        dead = self.idle > WINDOW
        count = int(dead.sum())
        if count == 0:
            return error.new_zeros(())
        top = torch.topk(active[:, dead], min(self.shape.k_aux, count), dim=1, sorted=False)
        acts = torch.zeros_like(active[:, dead]).scatter(1, top.indices, top.values)
        return (error - acts @ self.W_dec[dead]).pow(2).sum() / error.pow(2).sum()

    @torch.no_grad()
    def fix_gradient(self) -> None:
        """Takes out of the decoder's gradient what would only lengthen its rows."""
        grad = self.W_dec.grad
        assert grad is not None
        grad -= (grad * self.W_dec).sum(1, keepdim=True) * self.W_dec

    @torch.no_grad()
    def normalise(self) -> None:
        """Gives the decoder's rows length one."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))


def scale_of(x: Tensor) -> float:
    """The factor that brings the mean squared distance from the mean to d_in."""
    rows = x.float()
    return math.sqrt(rows.shape[1] / float((rows - rows.mean(0)).pow(2).sum(1).mean()))


@torch.no_grad()
def threshold_for(sae: BatchTopK, x: Tensor, k: float) -> float:
    """The threshold at which a mean of k features fires on a sample."""
    active = sae.pre(x)
    return float(torch.topk(active.flatten(), round(k * len(x)), sorted=False).values.min())


@torch.no_grad()
def raw_weights(sae: BatchTopK, scale: float, threshold: float) -> dict[str, Tensor]:
    """The weights for unscaled activations; decoder rows stay of length one."""
    return {
        "W_enc": sae.W_enc.detach().clone(),
        "W_dec": sae.W_dec.detach().clone(),
        "b_enc": sae.b_enc.detach() / scale,
        "b_dec": sae.b_dec.detach() / scale,
        "threshold": torch.full((sae.shape.d_sae,), threshold / scale),
    }


def save_saelens(
    weights: dict[str, Tensor], metadata: dict[str, Any], folder: Path, *, dtype: str = "float32"
) -> None:
    """Writes SAELens's own format with SAELens's own code, in the given precision."""
    from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
    from sae_lens.saes.sae import SAEMetadata

    d_in, d_sae = weights["W_enc"].shape
    config = JumpReLUSAEConfig(d_in=d_in, d_sae=d_sae, dtype=dtype, metadata=SAEMetadata(**metadata))
    sae = JumpReLUSAE(config)
    sae.load_state_dict(weights)
    folder.mkdir(parents=True, exist_ok=True)
    sae.save_model(folder)
