"""What the numerical checks need of a sample of tokens beyond the ledger: sums over it, from one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from darkframe.interfaces import F32, F64, I32, Bool
    from darkframe.results import LedgerEntry
    from darkframe.studies.pieces import Piece

FIRST = 5
"""Slots that count as a row's start: BOS, if there is one, and the tokens right behind it."""


def later_from(context_size: int) -> int:
    """The slot from which on tokens count as far from their row's start."""
    return max(FIRST, min(16, context_size // 2))


@dataclass(eq=False)
class Sums:
    """Sums over ordinary tokens; 1̂ is the unit vector along the all-ones direction of d_model.

    Attributes:
        d: d.
        n: Tokens.
        x: (d,) sum of x.
        xx, hh, ee: Sums of ‖x‖², ‖x̂‖², ‖e‖².
        ones_x, ones_h, ones_e: Sums of (1̂·x)², (1̂·x̂)², (1̂·e)².
        lengths: Sum of ‖x‖.
    """

    d: int
    n: int = 0
    x: F64 = field(init=False)
    xx: float = 0.0
    hh: float = 0.0
    ee: float = 0.0
    ones_x: float = 0.0
    ones_h: float = 0.0
    ones_e: float = 0.0
    lengths: float = 0.0

    def __post_init__(self) -> None:
        self.x = np.zeros(self.d)

    def add(self, x: torch.Tensor, e: torch.Tensor) -> None:
        """Add tokens: x and e (n, d) float32."""
        for tile_x, tile_e in zip(torch.split(x, 1024), torch.split(e, 1024)):
            a, r = tile_x.double(), tile_e.double()
            h = a - r
            self.n += len(a)
            self.x += a.sum(0).cpu().numpy()
            squares = a.square().sum(1)
            self.xx += float(squares.sum())
            self.lengths += float(squares.sqrt().sum())
            self.hh, self.ee = self.hh + float(h.square().sum()), self.ee + float(r.square().sum())
            self.ones_x += float(a.sum(1).square().sum()) / self.d
            self.ones_h += float(h.sum(1).square().sum()) / self.d
            self.ones_e += float(r.sum(1).square().sum()) / self.d

    @property
    def mean(self) -> F64:
        """(d,) x̄."""
        return self.x / max(self.n, 1)


@dataclass(eq=False)
class Starts:
    """Row starts against the rest.

    Attributes:
        later: The slot from which on tokens count as later.
        rows: Rows seen.
        special: Rows whose first slot holds a special token.
        massive: Rows whose first slot holds a massive content token.
        length: Sum of ‖x‖ over the first slots.
        tokens: Ordinary tokens in the first ``FIRST`` slots, and in the later ones.
        ee, about: Their sums of ‖e‖² and ‖x − m‖², m the mean of the pilot's ordinary tokens.
    """

    later: int
    rows: int = 0
    special: int = 0
    massive: int = 0
    length: float = 0.0
    tokens: tuple[int, int] = (0, 0)
    ee: tuple[float, float] = (0.0, 0.0)
    about: tuple[float, float] = (0.0, 0.0)

    def add(self, piece: Piece, massive: Bool, centre: torch.Tensor) -> None:
        """Add a piece."""
        first = piece.context_positions == 0
        self.rows += int(first.sum())
        self.special += int((first & ~piece.kept).sum())
        self.massive += int((first & massive).sum())
        self.length += float(piece.norms[first].sum(dtype=np.float64))
        zones = (piece.context_positions < FIRST, piece.context_positions >= self.later)
        sums = [_energies(piece, zone & piece.kept & ~massive, centre) for zone in zones]
        self.tokens = (self.tokens[0] + sums[0][0], self.tokens[1] + sums[1][0])
        self.ee = (self.ee[0] + sums[0][1], self.ee[1] + sums[1][1])
        self.about = (self.about[0] + sums[0][2], self.about[1] + sums[1][2])

    def fvu(self, zone: int) -> float:
        """Σ‖e‖² / Σ‖x − m‖² of the starts (0) or of the later tokens (1)."""
        return self.ee[zone] / self.about[zone] if self.about[zone] else float("nan")


def _energies(piece: Piece, chosen: Bool, centre: torch.Tensor) -> tuple[int, float, float]:
    rows = torch.from_numpy(np.flatnonzero(chosen)).to(piece.x.device)
    e, about = piece.e[rows].double(), piece.x[rows].double() - centre
    return len(rows), float(e.square().sum()), float(about.square().sum())


@dataclass(frozen=True, eq=False)
class Measured:
    """A sample of tokens, measured.

    Attributes:
        tokens: Kept tokens.
        massive: Massive ones among them.
        ledger: The metric ledger, as the study's own on the same tokens.
        sums: Sums over its ordinary tokens; of a recorded collection, over some of them; None: not measured.
        starts: Row starts against the rest; None: not measured.
        block: (≤ 256, d) float32 ordinary activations, to try scales on; None: none kept.
        rows: Token rows, the special slots of each, and whether each slot is content that may be predicted.
    """

    tokens: int
    massive: int
    ledger: tuple[LedgerEntry, ...]
    sums: Sums | None = None
    starts: Starts | None = None
    block: torch.Tensor | None = None
    rows: tuple[TokenRow, ...] = ()

    def metric(self, name: str) -> float:
        """A metric of the ledger without massive tokens."""
        return next(entry.ordinary for entry in self.ledger if entry.name == name)

    @property
    def ordinary(self) -> int:
        """Kept tokens that are not massive."""
        return self.tokens - self.massive

    @property
    def mean(self) -> F32 | None:
        """(d,) float32 mean of the ordinary activations."""
        return None if self.sums is None or not self.sums.n else self.sums.mean.astype(np.float32)


@dataclass(frozen=True, eq=False)
class TokenRow:
    """One row of the model's input: tokens (slots,) int32, and which slots are special."""

    tokens: I32
    special: Bool
