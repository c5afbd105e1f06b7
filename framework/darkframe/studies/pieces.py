"""One batch on its way through collection: encoded once, checked, reduced to the rows that are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.errors import DataError, PluginError
from darkframe.numerics.onepass import row_norms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, I32, Batch, Bool, Codes, Dictionary

_PAIR_COINS = np.uint64(0x9E3779B97F4A7C15)  # the seed of the split into halves: fixed, so that every run splits alike


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of one batch that are used: kept tokens, and special tokens at the context's first place (``kept`` False).

    Attributes:
        number: The batch's number.
        tokens, documents, positions, context_positions: (n,) int32.
        kept: (n,) bool.
        norms: (n,) float32, ‖x‖.
        x, e, reconstruction: (n, d) float32 on the device.
        codes: Of the n rows.
        documents_skipped: Documents left out so far, as the source counts them.
    """

    number: int
    tokens: I32
    documents: I32
    positions: I32
    context_positions: I32
    kept: Bool
    norms: F32
    x: torch.Tensor
    e: torch.Tensor
    reconstruction: torch.Tensor
    codes: Codes
    documents_skipped: int

    @property
    def n_kept(self) -> int:
        """Kept tokens."""
        return int(self.kept.sum())


def document_halves(documents: NDArray[Any]) -> NDArray[np.uint8]:
    """Which half each document is in: of every two documents, a seeded hash of the pair's number says which goes to half a (0).

    The halves thus never differ by more than a document, and do not alternate.
    """
    numbers = np.asarray(documents, np.uint64)
    z = (numbers >> np.uint64(1)) + _PAIR_COINS  # splitmix64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    coin = (z ^ (z >> np.uint64(31))) & np.uint64(1)
    return ((numbers & np.uint64(1)) ^ coin).astype(np.uint8)


def make_piece(number: int, batch: Batch, dictionary: Dictionary, room: int | None, owner: str = "") -> Piece | None:
    """Encode a batch, once, and check it.

    Args:
        number: Its number.
        batch: The batch.
        dictionary: The SAE.
        room: Kept tokens still wanted (None: any number); the rest of the batch is left out.
        owner: Whose activations they are, such as ``The source 'tiny' of darkframe 0.1``; empty: it is not said.

    Returns:
        The piece, or None if the batch has no row to use.

    Raises:
        DataError: Activations or residuals hold NaN or infinity.
        PluginError: The batch is not what a source must give.
    """
    _check_shapes(number, batch)
    kept = ~np.asarray(batch.special, np.bool_)
    wanted = kept | (np.asarray(batch.context_positions) == 0)
    if room is not None:
        wanted &= np.cumsum(kept) <= room
        if not room:
            return None
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return None
    x = batch.x if len(rows) == len(wanted) else batch.x[torch.from_numpy(rows).to(batch.x.device)]
    x = x.detach().to(torch.float32)
    norms = row_norms(x)
    _check_finite(f"The activations{_of(owner)}", norms, number, batch, rows)
    with torch.no_grad():
        codes = dictionary.encode(x)
        reconstruction = dictionary.decode(codes).to(torch.float32)
        if reconstruction.shape != x.shape:
            raise PluginError(f"The dictionary decodes to shape {tuple(reconstruction.shape)}; {tuple(x.shape)} was expected.")
        e = x - reconstruction
    _check_finite(f"The SAE's residuals{_of(owner)}", row_norms(e), number, batch, rows)
    return Piece(
        number,
        np.asarray(batch.tokens, np.int32)[rows],
        np.asarray(batch.documents, np.int32)[rows],
        np.asarray(batch.positions, np.int32)[rows],
        np.asarray(batch.context_positions, np.int32)[rows],
        kept[rows],
        norms.to(torch.float32).cpu().numpy(),
        x,
        e,
        reconstruction,
        codes,
        int(batch.skipped),
    )


def _of(owner: str) -> str:
    return f" of {owner[:1].lower()}{owner[1:]}" if owner else ""


def _check_shapes(number: int, batch: Batch) -> None:
    n = len(batch.tokens)
    for name in ("documents", "positions", "context_positions", "special", "x"):
        if len(getattr(batch, name)) != n:
            raise PluginError(f"Batch {number} of the source is inconsistent: {n} tokens but {len(getattr(batch, name))} {name}.")


def _check_finite(what: str, norms: torch.Tensor, number: int, batch: Batch, rows: NDArray[Any]) -> None:
    bad = torch.nonzero(~torch.isfinite(norms)).flatten().cpu().numpy()
    if not len(bad):
        return
    row = int(rows[bad[0]])
    place = f"document {int(batch.documents[row])}, position {int(batch.positions[row])}"
    if batch.special[row]:
        place = f"the special token before {place}" if batch.documents[row] >= 0 else "a special token at the context's start"
    more = f" ({len(bad)} tokens of that batch)" if len(bad) > 1 else ""
    raise DataError(
        f"{what} hold NaN or infinity in batch {number}, first at {place}, token id {int(batch.tokens[row])}{more}.",
        hint="Run the model in float32 and check the text there; what was collected before is kept.",
    )
