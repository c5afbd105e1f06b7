"""Fuzzy ART on any device of PyTorch: a block of rows is filtered against all categories at once, then resolved in order.

1. The device computes, in low precision, by how much each row of the block misses each category as of before the block, and each
   row that comes before it in the block, taken as the category it would make. What fails vigilance for certain
   (``blockwise_bound``) drops out, by vigilance alone: weights only shrink, so that it fails for ever, whatever the category
   learns within the block. The choice T prunes nothing here: it can rise while a category shrinks.
2. The host goes through the rows in order, in float64, each among the few candidates left to it (``blockwise_resolve``), and
   learns; the device gets the categories that changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.lm.memory import memory_words, ran_out
from darkframe_fuzzyart import blockwise_score
from darkframe_fuzzyart.blockwise_bound import Bound
from darkframe_fuzzyart.blockwise_resolve import highest, matched, resolve
from darkframe_fuzzyart.blockwise_score import CHUNK
from darkframe_fuzzyart.blockwise_store import DeviceStore, HostStore, aligned

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64
    from darkframe_fuzzyart.engine import Categories, Rule

PAIR_BYTES = 64
"""Device memory a pair of row and category may take at most, temporary arrays included."""

PAIRS_ON_GPU = 2**25
PAIRS_ON_CPU = 2**22

REMEDY = "Set clusterer.engine=cpu, which gives the same labels, or free memory on the GPU."

NO_CANDIDATES = np.empty(0, np.int64)


class BlockwiseEngine:
    """Filters on one device and decides on the host.

    Attributes:
        name: See ``Engine``.
        threads: CPU threads of the decisions: they are sequential.
        device: Where the filter runs.
        block: Rows in a block at most.
        pairs: Pairs of row and category held at once at most; None: what a quarter of the device's free memory holds, at most
            2²⁵, on a GPU, and 2²² elsewhere.
        few: Up to so many categories there is no filter: they are all candidates.
        dtype: Of the filter.
    """

    threads = 1

    def __init__(
        self, device: str, *, block: int = 512, pairs: int | None = None, few: int = 64, dtype: torch.dtype = torch.float32
    ) -> None:
        self.device = torch.device(device)
        self.block, self.pairs, self.few, self.dtype = block, pairs, few, dtype
        self.kernel = blockwise_score.fused(device) if dtype == torch.float32 else None
        self.name = device if self.kernel is not None or self.device.type != "cuda" else f"{device} (without Triton)"

    def level(self, rule: Rule, start: Categories) -> BlockwiseLevel:
        """See ``Engine``."""
        return BlockwiseLevel(self, rule, start)

    def budget(self) -> int:
        """Pairs that may be held at once."""
        if self.pairs is not None:
            return self.pairs
        if self.device.type != "cuda":
            return PAIRS_ON_CPU
        free, _ = torch.cuda.mem_get_info(self.device)
        unused = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(min(PAIRS_ON_GPU, max(2**16, (free + unused) // 4 // PAIR_BYTES)))

    def make_do(self, pairs: int) -> None:
        """Go on with a quarter of so many pairs, which were too many."""
        self.pairs = max(1, pairs // 4)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


class BlockwiseLevel:
    """One level; see ``Level``. Labels and every number are the CPU engine's."""

    def __init__(self, engine: BlockwiseEngine, rule: Rule, start: Categories) -> None:
        self.engine, self.rule = engine, rule
        self._host = HostStore(start)
        self._device = DeviceStore(self._host.dims, engine.device, engine.dtype)

    @property
    def size(self) -> int:
        """Categories so far."""
        return self._host.size

    def categories(self) -> Categories:
        """See ``Level``."""
        return self._host.categories()

    def learn(self, rows: F64, parents: I64 | None) -> I64:
        """See ``Level``."""
        labels, groups, done = np.empty(len(rows), np.int64), _groups(rows, parents), 0
        while done < len(rows):
            if self.size > self.engine.few:
                starts, columns = self._filtered(self._passing, rows[done:], groups[done:])
                part = slice(done, done + len(starts) - 1)
            else:
                starts = columns = NO_CANDIDATES
                part = slice(done, min(len(rows), done + max(1, self.engine.few)))
            self._resolve(rows[part], groups[part], starts, columns, labels[part])
            done = part.stop
        return labels

    def choose(self, rows: F64, parents: I64 | None) -> tuple[I64, F64]:
        """See ``Level``."""
        groups, labels = _groups(rows, parents), np.full(len(rows), -1)
        self._best(rows, groups, labels, np.empty(len(rows)), own=labels.copy())
        return labels, self._matched(rows, labels)[0]

    def judge(self, rows: F64, parents: I64 | None, labels: I64) -> tuple[F64, F64]:
        """See ``Level``."""
        match, choice = self._matched(rows, labels)
        other, other_choice = np.full(len(rows), -1), np.full(len(rows), np.nan)
        self._best(rows, _groups(rows, parents), other, other_choice, own=labels)
        return match, choice - other_choice

    def match(self, rows: F64) -> F64:
        """See ``Level``."""
        overlap = np.empty((len(rows), self.size))
        count = max(1, min(4096, self.engine.budget() // max(1, len(rows))))
        coded = np.concatenate([rows, 1.0 - rows], axis=1)
        with memory_words(f"rows were matched, {len(rows)} at a time, with {count} categories", REMEDY):
            moved = self._transposed(coded)
            for first in range(0, self.size, count):
                part = slice(first, min(first + count, self.size))
                weights = self._transposed(self._host.weights[part])
                overlap[:, part] = blockwise_score.overlaps(moved, weights, kernel=self.engine.kernel).cpu().numpy()
        return overlap / self._host.dims

    def _transposed(self, values: F64) -> Any:
        return torch.from_numpy(values).to(self.engine.device).T.contiguous()

    def _resolve(self, rows: F64, groups: I64, starts: I64, columns: I64, labels: I64) -> None:
        host, rule = self._host, self.rule
        known = host.size
        host.make_room(len(rows))
        numbers = (rule.rho, rule.alpha, rule.beta)
        host.size = resolve(rows, groups, starts, columns, known, host.arrays, known, numbers, labels, host.changed)

    def _matched(self, rows: F64, labels: I64) -> tuple[F64, F64]:
        match, choice = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        matched(rows, labels, self._host.weights, self._host.norms, self.rule.alpha, match, choice)
        return match, choice

    def _best(self, rows: F64, groups: I64, best: I64, choice: F64, own: I64) -> None:
        """The candidate of highest T other than ``own`` (−1: none), and its T, into ``best`` and ``choice``."""
        host, done = self._host, 0
        while done < len(rows) and self.size:
            starts, columns = self._filtered(self._likely, rows[done:], groups[done:], own[done:])
            part = slice(done, done + len(starts) - 1)
            highest(rows[part], starts, columns, host.weights, host.norms, self.rule.alpha, best[part], choice[part])
            done = part.stop

    def _filtered(self, by: Any, *given: Any) -> tuple[I64, I64]:
        """Candidates ``by`` some filter of as many of the first rows as fit in memory: at least one."""
        while True:
            count = self._fitting(len(given[0]))
            with memory_words(f"rows were compared, {count} at a time, with {self.size} categories", REMEDY):
                try:
                    candidates: tuple[I64, I64] = by(*(rows[:count] for rows in given))
                    return candidates
                except Exception as error:
                    if count == 1 or not ran_out(error):
                        raise
            self.engine.make_do(count * (self.size + count))

    def _fitting(self, left: int) -> int:
        """Rows of a block whose pairs with all categories and with each other fit the budget."""
        rows, budget = min(left, self.engine.block), self.engine.budget()
        while rows > 1 and rows * (self.size + rows) > budget:
            rows = rows // 2
        return rows

    def _passing(self, rows: F64, groups: I64) -> tuple[I64, I64]:
        """Candidates by vigilance: categories, then (from K on) rows of the block before the row."""
        device, host, rho = self._device, self._host, self.rule.rho
        device.update(host)
        bound = Bound.of(host.dims, CHUNK, self._roundoff())
        moved, row_groups = device.rows(rows), self._moved_groups(groups)
        size, n, new = host.size, len(rows), aligned(host.size)  # the kernel wants columns that begin at multiples
        known, made = slice(0, size), slice(new, new + n)
        numbers = np.full(new + aligned(n), -1.0)
        numbers[known], numbers[made] = bound.limit(host.norms, rho), bound.limit(np.full(n, float(host.dims)), rho)
        limits = device.limit(numbers)
        gaps = torch.full((n, len(numbers)), torch.inf, dtype=device.dtype, device=device.device)
        self._score(moved, row_groups, gaps[:, known], limits[known])
        blockwise_score.deficits(
            moved, row_groups, moved, moved, limits[made], row_groups, gaps[:, made], earlier=True, kernel=self.engine.kernel
        )
        starts, columns = _listed(gaps <= limits)
        columns[columns >= new] -= new - size
        return starts, columns

    def _likely(self, rows: F64, groups: I64, own: I64) -> tuple[I64, I64]:
        """Candidates by choice: those whose T may be the highest, the row's ``own`` category aside."""
        device, host = self._device, self._host
        device.update(host)
        bound = Bound.of(host.dims, CHUNK, self._roundoff())
        moved, row_groups, size = device.rows(rows), self._moved_groups(groups), host.size
        gaps = torch.empty((len(rows), aligned(size)), dtype=device.dtype, device=device.device)[:, :size]
        self._score(moved, row_groups, gaps, torch.full((size,), torch.inf, dtype=device.dtype, device=device.device))
        mine = np.flatnonzero(own >= 0)
        gaps[torch.from_numpy(mine).to(device.device), torch.from_numpy(own[mine]).to(device.device)] = torch.inf
        norms = torch.from_numpy(host.norms).to(device.device)
        return _listed(_may_be_best(gaps.double(), norms, self.rule.alpha, bound))

    def _score(self, moved: Any, row_groups: Any, gaps: Any, limit: Any) -> None:
        """Deficits of rows against all categories."""
        device, size = self._device, self.size
        low, high, groups = device.low[:, :size], device.high[:, :size], device.groups[:size]
        blockwise_score.deficits(moved, row_groups, low, high, limit, groups, gaps, earlier=False, kernel=self.engine.kernel)

    def _roundoff(self) -> float:
        return torch.finfo(self.engine.dtype).eps / 2

    def _moved_groups(self, groups: I64) -> Any:
        return torch.from_numpy(groups.astype(np.int32)).to(self.engine.device)


def _may_be_best(gaps: Any, norms: Any, alpha: float, bound: Bound) -> Any:
    """(n, K) whether T = (|w| − D) / (alpha + |w|) may be a row's highest; deficits of infinity are of no candidates."""
    fewest = (gaps / (1 + bound.relative) - bound.rounding).clamp_(min=0) - bound.slack
    most = gaps * (1 + bound.relative) + (bound.rounding + bound.slack)
    highest, lowest = (norms - fewest) / (alpha + norms), (norms - most) / (alpha + norms)
    return torch.isfinite(gaps) & (highest + 2.0**-49 >= lowest.amax(dim=1, keepdim=True))


def _listed(mask: Any) -> tuple[I64, I64]:
    """(n + 1,) where each row's columns begin, and the columns, ascending."""
    pairs = torch.nonzero(mask)
    starts = np.zeros(mask.shape[0] + 1, np.int64)
    np.cumsum(mask.sum(dim=1).cpu().numpy(), out=starts[1:])
    return starts, pairs[:, 1].cpu().numpy()


def _groups(rows: F64, parents: I64 | None) -> I64:
    return np.zeros(len(rows), np.int64) if parents is None else parents
