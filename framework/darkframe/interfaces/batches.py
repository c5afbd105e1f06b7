"""What flows out of a source: token batches, sparse codes, the dictionary and the unembedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from darkframe.interfaces.arrays import I32, Bool


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of activations, in the order of the text.

    Attributes:
        tokens: (n,) int32 token ids.
        documents: (n,) int32 index of the token's document among the documents read (skipped ones not counted).
        positions: (n,) int32 place of the token in its own document, from 0; −1 for special tokens.
        context_positions: (n,) int32 place of the token in the model's input row, from 0; −1 where that is not known.
        special: (n,) bool, True for BOS, EOS and padding: left out of everything, but for the ledger's "with position 0".
        x: (n, d) float32 activations on the run's device.
        skipped: Documents left out for being too short, from the start of the text up to this batch.
    """

    tokens: I32
    documents: I32
    positions: I32
    context_positions: I32
    special: Bool
    x: torch.Tensor
    skipped: int = 0


@dataclass(frozen=True, eq=False)
class Codes:
    """Sparse feature activations of n tokens, row-compressed, on one device.

    Attributes:
        offsets: (n + 1,) int64; token i owns entries ``offsets[i]:offsets[i + 1]``.
        indices: (nnz,) int64 feature ids, ascending within a token.
        values: (nnz,) float32 activations, non-zero.
        n_features: F.
    """

    offsets: torch.Tensor
    indices: torch.Tensor
    values: torch.Tensor
    n_features: int

    def __len__(self) -> int:
        """Number of tokens n."""
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> Codes:
        """Codes of consecutive tokens."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("codes are cut into consecutive rows only")
        offsets = self.offsets[start : max(start, stop) + 1]
        entries = slice(int(offsets[0]), int(offsets[-1]))
        return Codes(offsets - offsets[0], self.indices[entries], self.values[entries], self.n_features)

    @classmethod
    def from_dense(cls, activations: torch.Tensor) -> Codes:
        """Codes of dense activations (n, F); what is not zero is kept, NaN included."""
        n, n_features = activations.shape
        flat = activations.reshape(-1)
        places = _places(flat != 0)
        rows = places // n_features  # in row order
        offsets = rows.new_zeros(n + 1)
        offsets[1:] = rows.bincount(minlength=n).cumsum(0)
        return Codes(offsets, places - rows * n_features, flat[places].float(), n_features)

    @classmethod
    def concatenate(cls, parts: Sequence[Codes]) -> Codes:
        """Codes of several runs of tokens (at least one), one after another."""
        import torch

        counts = torch.cat([part.offsets.diff() for part in parts])
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        indices = torch.cat([part.indices for part in parts])
        return Codes(offsets, indices, torch.cat([part.values for part in parts]), parts[0].n_features)

    def to_dense(self) -> torch.Tensor:
        """Dense activations (n, F) float32."""
        import torch

        rows = torch.repeat_interleave(torch.arange(len(self), device=self.offsets.device), self.offsets.diff())
        dense = self.values.new_zeros((len(self), self.n_features))
        dense[rows, self.indices] = self.values
        return dense


def _places(mask: torch.Tensor) -> torch.Tensor:
    """Where a flat mask is set, ascending; on a CPU numpy finds few among many in half of torch's time."""
    if mask.device.type != "cpu":
        return mask.nonzero().squeeze(1)
    import numpy as np
    import torch

    return torch.from_numpy(np.flatnonzero(mask.numpy()))


class Dictionary(Protocol):
    """An SAE's dictionary. ``decode(encode(x))`` is the reconstruction x̂ in the same space as x.

    Attributes:
        W_dec: (F, d) float32 decoder directions, one row a feature.
        W_enc: (d, F) float32, or None.
        b_enc: (F,) float32, or None.
        b_dec: (d,) float32, or None.
    """

    W_dec: torch.Tensor
    W_enc: torch.Tensor | None
    b_enc: torch.Tensor | None
    b_dec: torch.Tensor | None

    def encode(self, x: torch.Tensor) -> Codes:
        """Feature activations of x (n, d), without gradients."""

    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32 of the codes."""


class Unembedding(Protocol):
    """Final norm and unembedding, for the logit lens."""

    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        """Final norm, then W_U: (n, d) residual-stream directions to (n, vocabulary) logits."""
