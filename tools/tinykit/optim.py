"""Muon for the hidden matrices, AdamW for everything else, one learning-rate schedule."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(stack: Tensor, *, steps: int = 5) -> Tensor:
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrices, in bfloat16.

    Args:
        stack: Matrices of one shape, stacked.
        steps: Iterations.
    """
    x = stack.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    out: Tensor = (x.mT if tall else x).float()
    return out


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised; query, key and value maps count as three matrices.

    The update has root mean square 0.2, so that learning rates and weight decays of AdamW carry over.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], *, lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Updates every matrix; matrices of one shape together."""
        for group in self.param_groups:
            stacks: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    for piece in self._pieces(parameter, self._direction(parameter, group["momentum"])):
                        stacks[tuple(piece[0].shape)].append(piece)
            for shape, pieces in stacks.items():
                updates = orthogonalise(torch.stack([direction for _, direction in pieces]))
                scale = 0.2 * math.sqrt(max(shape))
                for (target, _), update in zip(pieces, updates, strict=True):
                    target.mul_(1 - group["lr"] * group["weight_decay"])
                    target.add_(update, alpha=-group["lr"] * scale)

    def _direction(self, parameter: Tensor, momentum: float) -> Tensor:
        grad = parameter.grad
        assert grad is not None
        buffer = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
        buffer.lerp_(grad, 1 - momentum)
        return grad.lerp(buffer, momentum)

    @staticmethod
    def _pieces(parameter: Tensor, direction: Tensor) -> list[tuple[Tensor, Tensor]]:
        height, width = parameter.shape
        if width == 3 * height:
            return list(
                zip(torch.split(parameter, height, 1), torch.split(direction, height, 1), strict=True)
            )
        return [(parameter, direction)]


def make_optimizers(model: nn.Module, *, muon_lr: float, adam_lr: float, weight_decay: float) -> list[Any]:
    """Returns Muon over the blocks' matrices and AdamW over embeddings, norms and biases."""
    matrices, embeddings, vectors = list[nn.Parameter](), list[nn.Parameter](), list[nn.Parameter]()
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            vectors.append(parameter)
        else:
            (matrices if ".h." in name else embeddings).append(parameter)
    groups = [
        {"params": embeddings, "weight_decay": weight_decay * 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [
        Muon(matrices, lr=muon_lr, momentum=0.95, weight_decay=weight_decay),
        torch.optim.AdamW(groups, lr=adam_lr, betas=(0.9, 0.95), eps=1e-10),
    ]


def schedule(step: int, *, steps: int, warmup: int, cooldown: float) -> float:
    """Factor of the learning rate: linear warm-up, flat, linear decay to 0 over the last share `cooldown`."""
    if step < warmup:
        return (step + 1) / warmup
    left = (steps - step) / max(1.0, cooldown * steps)
    return min(1.0, left)
