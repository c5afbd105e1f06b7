"""What is measured: the language model, the SAE's reconstruction, and what splicing it in costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tinykit.activations import PARTS
from tinykit.packing import Tokens

Mask = npt.NDArray[np.bool_]
BATCH = 32


@torch.no_grad()
def token_nats(model: Any, rows: Tokens) -> npt.NDArray[np.float32]:
    """Nats of every token given those before it in its row; the first column is zero."""
    out = np.zeros(rows.shape, dtype=np.float32)
    for start in range(0, len(rows), BATCH):
        ids = torch.from_numpy(rows[start : start + BATCH].astype(np.int64))
        logits = model(ids, use_cache=False).logits[:, :-1]
        nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        out[start : start + BATCH, 1:] = nats.view(len(ids), -1).numpy()
    return out


def unigram_nats(train: Tokens, held: Tokens, *, vocabulary: int) -> float:
    """Mean nats of held-out tokens under the training text's token frequencies, one added to every count."""
    counts = np.bincount(train, minlength=vocabulary) + 1.0
    nats: float = -np.log(counts / counts.sum())[held].mean()
    return float(nats)


@contextmanager
def spliced(model: Any, layer: int, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replaces the input of block `layer` by a function of it, except at the first position (BOS) of rows."""

    def hook(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        states = inputs[0]
        new = torch.cat([states[:, :1], change(states)[:, 1:]], dim=1)
        return (new, *inputs[1:])

    blocks, _ = PARTS[model.config.model_type]
    handle = getattr(model.base_model, blocks)[layer].register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@dataclass
class Reconstruction:
    """Sums over the held-out stream, in float64.

    Attributes:
        count: Positions.
        first: Sum of x.
        second: Sum of squared norms of x.
        error: Sum of squared norms of x - x_hat.
        active: Sum of the number of features that fire.
        fired: How often each feature fires.
        norms: Norms of x.
        squares: Sum of x squared, by dimension.
    """

    count: int
    first: Tensor
    second: float
    error: float
    active: float
    fired: Tensor
    norms: Tensor
    squares: Tensor

    def summary(self) -> dict[str, Any]:
        """The figures that the card states."""
        mean = self.first / self.count
        total = self.second - self.count * float(mean.pow(2).sum())
        variances = self.squares / self.count - mean.pow(2)
        rates = (self.fired / self.count).double()
        median = float(self.norms.median())
        return {
            "positions": self.count,
            "explained_variance": 1 - self.error / total,
            "l0": self.active / self.count,
            "dead_features": int((self.fired == 0).sum()),
            "dead_share": float((self.fired == 0).double().mean()),
            "dense_features_above_10_percent": int((rates > 0.1).sum()),
            "median_firing_rate": float(rates.median()),
            "median_norm": median,
            "largest_norm": float(self.norms.max()),
            "share_of_norms_above_5_medians": float((self.norms > 5 * median).double().mean()),
            "mean_share_of_squared_norm": self.count * float(mean.pow(2).sum()) / self.second,
            "largest_dimension_share_of_variance": float(variances.max() / variances.sum()),
        }


@torch.no_grad()
def reconstruct(sae: Any, states: Iterator[tuple[slice, Tensor]], mask: Mask) -> Reconstruction:
    """Runs the SAE over the masked positions of a stream."""
    d_in, d_sae = sae.cfg.d_in, sae.cfg.d_sae
    first, squares = torch.zeros(d_in, dtype=torch.float64), torch.zeros(d_in, dtype=torch.float64)
    fired, norms = torch.zeros(d_sae, dtype=torch.int64), list[Tensor]()
    second = error = active = 0.0
    for part, block in states:
        x = block[torch.from_numpy(mask[part])]
        acts = sae.encode(x)
        x64 = x.double()
        first += x64.sum(0)
        squares += x64.pow(2).sum(0)
        second += float(x64.pow(2).sum())
        error += float((x64 - sae.decode(acts).double()).pow(2).sum())
        active += float((acts > 0).sum())
        fired += (acts > 0).sum(0)
        norms.append(x.norm(dim=1))
    lengths = torch.cat(norms)
    return Reconstruction(len(lengths), first, second, error, active, fired, lengths, squares)


def splice_losses(
    model: Any, sae: Any, layer: int, mean: Tensor, rows: Tokens, mask: Mask
) -> dict[str, float]:
    """Mean nats with the stream left alone, and replaced by the SAE's output, by zero and by its mean."""
    changes: dict[str, Callable[[Tensor], Tensor]] = {
        "clean": lambda x: x,
        "sae": lambda x: sae.decode(sae.encode(x)),
        "zero": torch.zeros_like,
        "mean": lambda x: mean.expand_as(x),
    }
    losses = {}
    for name, change in changes.items():
        with spliced(model, layer, change):
            losses[name] = float(token_nats(model, rows)[mask].mean(dtype=np.float64))
    return {
        **{f"nats_{name}": value for name, value in losses.items()},
        "recovered_against_zero": (losses["zero"] - losses["sae"]) / (losses["zero"] - losses["clean"]),
        "recovered_against_mean": (losses["mean"] - losses["sae"]) / (losses["mean"] - losses["clean"]),
    }


def bits_a_byte(nats: float, size: int) -> float:
    """Total nats over UTF-8 bytes, in bits."""
    return nats / math.log(2) / size
