"""GPT-2, written for fast training on a CPU; parameters have the names and shapes of Hugging Face's GPT-2."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    """Sizes of the model."""

    vocabulary: int = 4096
    context: int = 128
    width: int = 160
    layers: int = 6
    heads: int = 5


class Affine(nn.Module):
    """x W + b with W stored input first, as Hugging Face's `Conv1D` stores it."""

    def __init__(self, inputs: int, outputs: int, *, std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * std)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Applies the map."""
        return F.linear(x, self.weight.t(), self.bias)


class Attention(nn.Module):
    """Causal self-attention."""

    mask: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.c_attn = Affine(shape.width, 3 * shape.width, std=0.02)
        self.c_proj = Affine(shape.width, shape.width, std=0.02 / math.sqrt(2 * shape.layers))
        future = torch.ones(shape.context, shape.context, dtype=torch.bool).triu(1)
        self.register_buffer("mask", torch.where(future, -1e4, 0.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Mixes positions."""
        rows, length, width = x.shape
        query, key, value = (
            part.view(rows, length, self.heads, -1).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        products = (query @ key.transpose(2, 3)) * (1 / math.sqrt(width // self.heads))
        scores = products + self.mask[:length, :length]
        mixed = torch.softmax(scores, dim=3, dtype=scores.dtype) @ value
        out: Tensor = self.c_proj(mixed.transpose(1, 2).reshape(rows, length, width))
        return out


class Mlp(nn.Module):
    """Four times as wide, GELU in the tanh form."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.c_fc = Affine(shape.width, 4 * shape.width, std=0.02)
        self.c_proj = Affine(4 * shape.width, shape.width, std=0.02 / math.sqrt(2 * shape.layers))

    def forward(self, x: Tensor) -> Tensor:
        """Applies the two maps."""
        out: Tensor = self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))
        return out


class Block(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.width)
        self.attn = Attention(shape)
        self.ln_2 = nn.LayerNorm(shape.width)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Adds both to the stream."""
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Transformer(nn.Module):
    """Embeddings, blocks, final norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.vocabulary, shape.width)
        self.wpe = nn.Embedding(shape.context, shape.width)
        self.h = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.ln_f = nn.LayerNorm(shape.width)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.01)

    def forward(self, ids: Tensor) -> Tensor:
        """Returns the normed final stream."""
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.h:
            x = block(x)
        out: Tensor = self.ln_f(x)
        return out


class LanguageModel(nn.Module):
    """The transformer with tied unembedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.transformer = Transformer(shape)

    def forward(self, ids: Tensor) -> Tensor:
        """Returns the mean nats a token of every next token, BOS inside a row included."""
        stream = self.transformer(ids)[:, :-1]
        logits = F.linear(stream, self.transformer.wte.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
