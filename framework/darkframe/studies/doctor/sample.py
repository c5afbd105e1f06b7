"""A sample of tokens through the SAE: the study's own pieces, pilot and accumulators, so that its ledger is the study's."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from darkframe.numerics.groups import HALF_A, HALF_B, MASSIVE_A, MASSIVE_B
from darkframe.numerics.statistics import Statistics
from darkframe.studies.doctor.measured import Measured, Starts, Sums, TokenRow, later_from
from darkframe.studies.pieces import Piece, make_piece
from darkframe.studies.pilot import PILOT_TOKENS, Pilot, end_pilot, grouped

if TYPE_CHECKING:
    from darkframe.interfaces import Batch, Dictionary, SourceCard
    from darkframe.progress import Task

BLOCK = 256


class Sample:
    """Tokens added batch by batch until there are enough; memory does not grow with them, but for their ids.

    Args:
        card: The source's card.
        dictionary: The SAE.
        tokens: Kept tokens wanted; None: all there are.
        rows: Whether to keep the token rows.
        owner: Whose activations they are; see ``make_piece``.
    """

    def __init__(self, card: SourceCard, dictionary: Dictionary, tokens: int | None, *, rows: bool, owner: str = "") -> None:
        self._card, self._dictionary, self._wanted, self._keep_rows = card, dictionary, tokens, rows
        self._owner = owner
        self._waiting: list[Piece] = []
        self._pilot: Pilot | None = None
        self._centre = torch.zeros(0)
        self._sums, self._starts = Sums(card.d_model), Starts(later_from(card.context_size))
        self._block: list[torch.Tensor] = []
        self._rows: list[TokenRow] = []
        self.tokens = 0

    def read(self, batches: Iterable[Batch], task: Task) -> Measured | None:
        """Take batches until there are enough tokens; None where there is none at all.

        Raises:
            DataError: Activations or residuals hold NaN or infinity.
            PluginError: A batch is not what a source must give.
        """
        for number, batch in enumerate(batches):
            room = None if self._wanted is None else self._wanted - self.tokens
            piece = make_piece(number, batch, self._dictionary, room, self._owner)
            if piece is None:
                continue
            self._take(piece)
            if self._keep_rows:
                self._rows += token_rows(batch, room)
            task.advance(piece.n_kept)
            if self.tokens == self._wanted:
                break
        return self._finish() if self.tokens else None

    def _take(self, piece: Piece) -> None:
        self.tokens += piece.n_kept
        if self._pilot is not None:
            self._add(piece, self._pilot)
            return
        self._waiting.append(piece)
        if self.tokens >= PILOT_TOKENS:
            self._end_pilot()

    def _end_pilot(self) -> Pilot:
        self._pilot = end_pilot(self._waiting, self._card.d_model, self._card.n_features, self._waiting[0].x.device)
        self._centre = torch.from_numpy(self._pilot.sums.state()["shift_x"]).to(self._waiting[0].x.device, torch.float64)
        waiting, self._waiting = self._waiting, []
        for piece in waiting:
            self._add(piece, self._pilot)
        return self._pilot

    def _add(self, piece: Piece, pilot: Pilot) -> None:
        massive, _, groups = grouped(piece, pilot.cut.cut)
        pilot.sums.update(piece.x, piece.e, piece.reconstruction, piece.codes, groups)
        rows = torch.from_numpy(np.flatnonzero(piece.kept & ~massive)).to(piece.x.device)
        self._sums.add(piece.x[rows], piece.e[rows])
        self._starts.add(piece, massive, self._centre)
        if (missing := BLOCK - sum(map(len, self._block))) > 0:
            self._block.append(piece.x[rows[:missing]])

    def _finish(self) -> Measured:
        pilot = self._pilot or self._end_pilot()
        state = pilot.sums.state()
        massive = int(state["n"][[MASSIVE_A, MASSIVE_B]].sum())
        assert int(state["n"][[HALF_A, HALF_B]].sum()) + massive == self.tokens
        return Measured(
            tokens=self.tokens,
            massive=massive,
            ledger=Statistics(state, exclude_massive=True, pilot=pilot.ordinary).ledger,
            sums=self._sums,
            starts=self._starts,
            block=torch.cat(self._block),
            rows=tuple(self._rows),
        )


def token_rows(batch: Batch, room: int | None) -> list[TokenRow]:
    """The rows of a batch that hold its first ``room`` kept tokens (None: all), whole ones."""
    starts = np.flatnonzero(np.asarray(batch.context_positions) == 0)
    bounds = [*starts.tolist(), len(batch.tokens)]
    tokens, special = np.asarray(batch.tokens, np.int32), np.asarray(batch.special, np.bool_)
    rows, taken = [], 0
    for first, last in pairwise(bounds):
        if room is not None and taken >= room:
            break
        taken += int((~special[first:last]).sum())
        rows.append(TokenRow(tokens[first:last].copy(), special[first:last].copy()))
    return rows
