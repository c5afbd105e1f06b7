"""The pilot of a pass: the first tokens set the massive cut and the shifts; and which group each token is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from darkframe.numerics.massive import NormCut
from darkframe.numerics.onepass import OnePass, token_groups
from darkframe.studies.pieces import Piece, document_halves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import I64, Bool

PILOT_TOKENS = 8192


class Pilot(NamedTuple):
    """What the first tokens set: the cut, how many of them are ordinary, and the accumulators shifted by their means."""

    cut: NormCut
    ordinary: int
    sums: OnePass


class Grouped(NamedTuple):
    """Which tokens of a piece are massive, which half each is in, and its group."""

    massive: Bool
    halves: NDArray[np.uint8]
    groups: I64


def end_pilot(pieces: Sequence[Piece], d_model: int, n_features: int, device: torch.device) -> Pilot:
    """Set the cut on the norms of the pieces' kept tokens, and the shifts on the means of those that are not massive."""
    cut = NormCut.fit(np.concatenate([p.norms[p.kept] for p in pieces]))
    total_x = total_e = np.zeros(d_model)
    count = 0
    for p in pieces:
        rows = torch.from_numpy(np.flatnonzero(p.kept & (p.norms <= cut.cut))).to(p.x.device)
        count += len(rows)
        total_x = total_x + p.x[rows].double().sum(0).cpu().numpy()
        total_e = total_e + p.e[rows].double().sum(0).cpu().numpy()
    shift_x, shift_e = ((total / max(count, 1)).astype(np.float32) for total in (total_x, total_e))
    return Pilot(cut, count, OnePass(shift_x, shift_e, n_features, device))


def grouped(piece: Piece, cut: float) -> Grouped:
    """Massive tokens, halves and groups of a piece."""
    massive = piece.kept & (piece.norms > np.float32(cut))
    halves = document_halves(np.maximum(piece.documents, 0))
    return Grouped(massive, halves, token_groups(halves, massive, piece.kept))
