"""One pass over a source: pilot, accumulation, checkpoints, the finish.

A checkpoint is a batch boundary; nothing computed depends on where it falls, so an interrupted pass ends in the same bytes.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.errors import DataError, PluginError, StoreError
from darkframe.numerics.groups import HALF_A, HALF_B
from darkframe.numerics.massive import NormCut
from darkframe.numerics.onepass import OnePass
from darkframe.store.entry import EntryWriter
from darkframe.studies.massive_tokens import check_cut, list_massive
from darkframe.studies.pieces import Piece, make_piece
from darkframe.studies.pilot import PILOT_TOKENS as PILOT_TOKENS  # part of the key that collect makes
from darkframe.studies.pilot import end_pilot, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.config import StudyParams
    from darkframe.interfaces import I64, Batch, Bool, Dictionary, Source
    from darkframe.progress import Progress, Task

SEGMENT_TOKENS = 65_536
SEGMENT_SECONDS = 30.0
WRITE_ROWS = 1024
COLUMNS = ("tokens", "documents", "positions", "norms")


def no_tokens() -> DataError:
    """The sentence for a text without tokens."""
    return DataError(
        "The text holds no tokens to collect.", hint="Every document may be shorter than 20 characters, or the text is empty."
    )


class Pass:
    """One pass over the source, from the last checkpoint to the end.

    Args:
        source: The source.
        target: Kept tokens to stop at; None: the end of the text.
        study: ``keep_activations`` and ``massive`` matter here.
        folder: The entry's folder, whose name is its key; the caller holds its lock.
        inputs: What the key was made of, for the record.
        progress: Where to report.
    """

    def __init__(
        self, source: Source, target: int | None, study: StudyParams, folder: Path, inputs: Any, progress: Progress
    ) -> None:
        self._source, self._card, self._target, self._study = source, source.card(), target, study
        self._folder, self._inputs, self._progress = folder, inputs, progress
        self._entry = EntryWriter(folder, self._card.d_model, keep_activations=study.keep_activations)
        self._waiting: list[Piece] = []  # the pilot: held until the cut and the shifts are known
        self._sums: OnePass | None = None
        self._settled = True  # arrays, sums and record agree: False only inside _add
        self._committed = self._entry.rows
        self._since = self._start = time.monotonic()
        self._record = {"next_batch": 0, "seconds": 0.0, "documents_read": 0, "documents_skipped": 0, **self._entry.record}
        self._device = torch.device("cpu")

    def run(self) -> None:
        """Collect everything and complete the entry; whatever ends this early, finished work is committed first if it can be."""
        label = "collect" if not self._entry.rows else f"collect (going on at {self._entry.rows:,} tokens)"
        try:
            with self._progress.task(label, self._target, "tokens") as task:
                if self._entry.rows:
                    task.advance(self._entry.rows)
                self._stream(task)
            self._finish()
        except BaseException:
            if self._settled and self._sums is not None:
                with suppress(StoreError):  # the disk may be what failed; the last checkpoint stands
                    self._commit()
            raise
        finally:
            self._entry.close()

    def _stream(self, task: Task) -> None:
        dictionary = self._source.dictionary()
        self._since = self._start = time.monotonic()  # loading the SAE is not collecting
        first = int(self._record["next_batch"])
        taken = self._entry.rows
        batches = enumerate(self._source.batches(first), first)
        while taken != self._target and (got := next(batches, None)) is not None:
            taken += self._batch(*got, dictionary, None if self._target is None else self._target - taken, task)
            del got  # or two batches would be held while the next is made

    def _batch(self, number: int, batch: Batch, dictionary: Dictionary, room: int | None, task: Task) -> int:
        self._check(number, batch.x)
        piece = make_piece(number, batch, dictionary, room, getattr(self._source, "title", ""))
        if piece is None:
            return 0
        self._take(piece)
        task.advance(piece.n_kept)
        return piece.n_kept

    def _check(self, number: int, x: torch.Tensor) -> None:
        if x.ndim != 2 or x.shape[1] != self._card.d_model:
            wanted = f"(n, {self._card.d_model})"
            raise PluginError(f"Batch {number} of the source has activations of shape {tuple(x.shape)}; {wanted} was expected.")
        self._device = x.device

    def _take(self, piece: Piece) -> None:
        if self._sums is None and self._entry.state is not None:
            self._sums = OnePass.restore(self._entry.state, self._device)
            self._entry.state = None
        if self._sums is not None:
            self._add(piece)
            self._commit_if_due()
            return
        self._waiting.append(piece)
        if sum(p.n_kept for p in self._waiting) >= PILOT_TOKENS:
            self._end_pilot()
            self._commit_if_due()

    def _end_pilot(self) -> None:
        """Set the cut and the shifts on the tokens so far, then add them."""
        pilot = end_pilot(self._waiting, self._card.d_model, self._card.n_features, self._device)
        cut = pilot.cut
        self._record |= {"cut": cut.cut, "median": cut.median, "pilot": cut.n, "pilot_ordinary": pilot.ordinary}
        self._sums = pilot.sums
        waiting, self._waiting = self._waiting, []
        for piece in waiting:
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        assert self._sums is not None
        self._settled = False
        massive, halves, groups = grouped(piece, self._record["cut"])
        self._sums.update(piece.x, piece.e, piece.reconstruction, piece.codes, groups)
        for kept in np.array_split(np.flatnonzero(piece.kept), max(1, len(piece.kept) // WRITE_ROWS)):
            self._append(piece, kept, massive, halves)
        last = int(piece.documents[piece.kept].max(initial=-1)) + 1
        self._record["documents_read"] = max(int(self._record["documents_read"]), last)
        self._record |= {"next_batch": piece.number + 1, "documents_skipped": piece.documents_skipped}
        self._settled = True

    def _append(self, piece: Piece, kept: I64, massive: Bool, halves: NDArray[np.uint8]) -> None:
        arrays: dict[str, NDArray[Any]] = {name: getattr(piece, name)[kept] for name in COLUMNS}
        arrays |= {"massive": massive[kept], "half": halves[kept]}
        rows = torch.from_numpy(kept).to(piece.x.device)
        arrays["residuals"] = piece.e[rows].cpu().numpy()
        if self._study.keep_activations:
            arrays["activations"] = piece.x[rows].cpu().numpy()
        self._entry.append(arrays)

    def _commit_if_due(self) -> None:
        if self._entry.rows - self._committed >= SEGMENT_TOKENS or time.monotonic() - self._since >= SEGMENT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        assert self._sums is not None
        self._entry.commit(self._sums.state(), {**self._record, "seconds": self._seconds()})
        self._committed, self._since = self._entry.rows, time.monotonic()

    def _seconds(self) -> float:
        return float(self._record["seconds"]) + time.monotonic() - self._start

    def _finish(self) -> None:
        if self._sums is None and self._entry.state is not None:
            self._sums = OnePass.restore(self._entry.state, self._device)
        if self._sums is None and self._waiting:
            self._end_pilot()
        if self._sums is None or not self._entry.rows:
            raise no_tokens()
        self._commit()
        self._entry.finish(self._sums.state(), self._meta())

    def _meta(self) -> dict[str, Any]:
        assert self._sums is not None
        pilot = NormCut(self._record["cut"], self._record["median"], self._record["pilot"])
        count, tokens = list_massive(self._folder, self._source)
        notes = check_cut(self._folder, pilot, self._entry.rows, count) + uneven_halves(self._sums.state()["n"])
        return {
            "key": self._folder.name,
            "inputs": self._inputs,
            "card": self._card,
            "d_model": self._card.d_model,
            "keep_activations": self._study.keep_activations,
            "massive_mode": self._study.massive,
            "massive": {
                "cut": pilot.cut,
                "median": pilot.median,
                "definition": pilot.definition,
                "count": count,
                "tokens": tokens,
            },
            "pilot_ordinary": self._record["pilot_ordinary"],
            "documents_read": self._record["documents_read"],
            "documents_skipped": self._record["documents_skipped"],
            "seconds": self._seconds(),
            "notes": notes,
        }


def uneven_halves(counts: I64) -> list[str]:
    """A note if one half of the documents holds less than a tenth of the ordinary tokens."""
    a, b = int(counts[HALF_A]), int(counts[HALF_B])
    if min(a, b) >= 0.1 * (a + b):
        return []
    return [f"The two halves of the documents are uneven ({a:,} and {b:,} tokens): their stability says little."]
