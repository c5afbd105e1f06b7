"""Cross-entropy of the model with the SAE in its place, beside the model's own and those of two ablations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch

from darkframe.results import SplicedLoss
from darkframe.studies.doctor.measured import TokenRow

if TYPE_CHECKING:
    from darkframe.interfaces import F32, I32, I64, Bool, Dictionary, Predicts
    from darkframe.progress import Task

SLOTS_AT_ONCE = 512
"""Logits of so many slots are all that is ever held: 100 MB for a vocabulary of 50,000."""

Patch = Callable[[torch.Tensor], torch.Tensor]


def spliced_loss(
    source: Predicts, dictionary: Dictionary, rows: Sequence[TokenRow], mean: F32, vocabulary: int | None, task: Task
) -> SplicedLoss | None:
    """Mean next-token losses over the tokens that are not special; None where nothing is predicted.

    The SAE replaces the activations of every slot but the special ones, which it may never have seen; both ablations replace
    every slot, as SAELens's evaluations do.

    Args:
        source: Gives losses.
        dictionary: The SAE.
        rows: Token rows.
        mean: (d,) mean of the activations, for mean ablation.
        vocabulary: Number of token ids, if known.
        task: Told of every row.
    """
    totals, n = np.zeros(4), 0
    counts: I64 = np.zeros(0, np.int64)
    for group in _groups(rows):
        tokens, special = np.stack([row.tokens for row in group]), np.stack([row.special for row in group])
        predicted = ~special[:, 1:]
        for i, patch in enumerate((None, _spliced(dictionary, special), torch.zeros_like, _constant(mean))):
            losses = source.losses(tokens, patch).detach().cpu().double().numpy()
            totals[i] += losses[predicted].sum()
        n += int(predicted.sum())
        counts = _add_counts(counts, tokens[:, 1:][predicted])
        task.advance(len(group))
    if not n:
        return None
    clean, sae, zero, constant = (float(total) / n for total in totals)
    return SplicedLoss(n, clean, sae, zero, constant, vocabulary, _entropy(counts))


def _groups(rows: Sequence[TokenRow]) -> Iterator[list[TokenRow]]:
    """Consecutive rows of one length, few enough to be run together."""
    for slots, alike in groupby((row for row in rows if len(row.tokens) > 1), key=lambda row: len(row.tokens)):
        together, size = list(alike), max(1, SLOTS_AT_ONCE // slots)
        for first in range(0, len(together), size):
            yield together[first : first + size]


def _spliced(dictionary: Dictionary, special: Bool) -> Patch:
    kept = torch.from_numpy(np.flatnonzero(~special.ravel()))

    def patch(x: torch.Tensor) -> torch.Tensor:
        rows = kept.to(x.device)
        out = x.clone()
        out[rows] = dictionary.decode(dictionary.encode(x[rows])).to(x.dtype)
        return out

    return patch


def _constant(mean: F32) -> Patch:
    def patch(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor(mean, device=x.device, dtype=x.dtype).expand_as(x)

    return patch


def _add_counts(counts: I64, tokens: I32) -> I64:
    out = np.zeros(max(len(counts), int(tokens.max(initial=-1)) + 1), np.int64)
    out[: len(counts)] = counts
    return out + np.bincount(tokens, minlength=len(out))


def _entropy(counts: I64) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
