"""The corpus as the trainers see it: a stream of batches that depends on the seed and the step alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinykit import files
from tinykit.packing import Tokens, pack


def write_documents(folder: Path, documents: Sequence[Tokens]) -> None:
    """Writes tokenized documents as one array and their lengths."""
    files.write_array(folder / "train_tokens.npy", np.concatenate(documents))
    files.write_array(folder / "train_lengths.npy", np.asarray([len(d) for d in documents], dtype=np.int64))


def read_documents(folder: Path) -> list[Tokens]:
    """Reads what `write_documents` wrote."""
    tokens = np.asarray(files.read_array(folder / "train_tokens.npy"))
    return np.split(tokens, np.cumsum(files.read_array(folder / "train_lengths.npy"))[:-1])


class Batches:
    """Batches of packed rows; each epoch packs the documents in a new seeded order and shuffles the rows."""

    def __init__(self, documents: Sequence[Tokens], *, batch: int, seed: int) -> None:
        self._documents, self._batch, self._seed = documents, batch, seed
        self.per_epoch = len(pack(documents)) // batch - 1
        self._epoch, self._rows = -1, np.empty((0, 0), dtype=np.uint16)

    def _enter(self, epoch: int) -> None:
        rng = np.random.default_rng([self._seed, epoch])
        rows = pack([self._documents[i] for i in rng.permutation(len(self._documents))])
        self._epoch, self._rows = epoch, rows[rng.permutation(len(rows))]

    def at(self, step: int) -> Tokens:
        """Returns the batch of one step."""
        epoch, within = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._enter(epoch)
        return self._rows[within * self._batch : (within + 1) * self._batch]
