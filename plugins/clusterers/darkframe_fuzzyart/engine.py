"""What an engine does for Fuzzy ART: keep one level's categories, let rows learn in order, and compare rows with them.

Every engine decides as this definition does, to the bit. x in [0, 1]^d is a row, I = [x, 1 − x], and |·| is the plain sum of the
2d entries from left to right in float64 (``sequential sum``):

- choice T_j = |I ∧ w_j| / (alpha + |w_j|), match M_j = |I ∧ w_j| / d;
- winner: highest T among the candidates with M ≥ rho, lowest index on ties; none: a new category w = I;
- learning: w ← beta (I ∧ w) + (1 − beta) w, entry by entry, each operation rounded on its own (no fused multiply-add), and
  kept where that would round up: weights never grow, not even by a last bit, so that neither does a sequential sum over them.

An engine may sum in any other order or precision wherever a bound on the error shows that the decision is the same; where it
does not, it takes the sequential sums. So neither blocks, threads, vector widths nor the engine can change a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from darkframe import UserError

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64


@dataclass(frozen=True)
class Rule:
    """Vigilance, choice parameter and learning rate of one level."""

    rho: float
    alpha: float
    beta: float


@dataclass(frozen=True, eq=False)
class Categories:
    """K categories as plain arrays.

    Attributes:
        weights: (K, 2d) float64, complement-coded: w[:d] is the box's lower corner, 1 − w[d:] its upper one.
        counts: (K,) int64 rows each has learned.
        parents: (K,) int64 category of the level above that each belongs to; zeros at the first level.
    """

    weights: F64
    counts: I64
    parents: I64

    @staticmethod
    def none(dims: int) -> Categories:
        """No categories yet, of rows with ``dims`` dimensions."""
        return Categories(np.empty((0, 2 * dims)), np.empty(0, np.int64), np.empty(0, np.int64))


class Level(Protocol):
    """The categories of one level, kept as the engine likes; rows are (n, d) float64 in [0, 1], C-contiguous.

    ``parents`` is None at the first level. Below it is (n,) int64, the category of the level above that each row belongs to: the
    row's candidates are then the categories made by rows of the same parent, and a new category is its parent's.
    """

    @property
    def size(self) -> int:
        """K, the number of categories."""

    def learn(self, rows: F64, parents: I64 | None) -> I64:
        """Let the rows learn one after another.

        Returns:
            (n,) int64 category of each row; new ones are numbered on from K in the order in which they are made.
        """

    def choose(self, rows: F64, parents: I64 | None) -> tuple[I64, F64]:
        """Each row's candidate of highest choice T, lowest index on ties, whether or not it passes vigilance; no learning.

        Returns:
            (n,) int64 category (−1 where a row has no candidates) and (n,) float64 its match M (NaN where −1).
        """

    def judge(self, rows: F64, parents: I64 | None, labels: I64) -> tuple[F64, F64]:
        """How well rows fit the categories they have; no learning.

        Args:
            rows: (n, d) rows.
            parents: See above.
            labels: (n,) int64 category of each row, one of its candidates.

        Returns:
            (n,) float64 match M with it, and (n,) float64 margin: its choice T less the highest T of the row's other candidates
            (NaN where there is no other).
        """

    def match(self, rows: F64) -> F64:
        """(n, K) float64 match of each row with every category, whatever their parents; M ≥ rho exactly where it passes."""

    def categories(self) -> Categories:
        """The categories as they are now; the arrays may be the level's own and must not be written to."""


class Engine(Protocol):
    """Where to compute."""

    @property
    def name(self) -> str:
        """Such as ``cpu`` or ``cuda:0``, for the diagnostics."""

    @property
    def threads(self) -> int:
        """CPU threads it works on."""

    def level(self, rule: Rule, start: Categories) -> Level:
        """A level that starts with these categories (copied) and goes on by this rule."""


def open_engine(name: str, threads: int | None, device: str) -> Engine:
    """The engine that the parameter ``engine`` names.

    Args:
        name: ``cpu``, ``cuda`` or ``auto``: CUDA where the run's device is one.
        threads: Threads of the CPU engine; None: as many as this process may use cores.
        device: The run's device, such as ``cpu`` or ``cuda:0``.

    Raises:
        UserError: ``cuda`` was asked for and there is no CUDA device.
    """
    if name == "cuda" or (name == "auto" and device.startswith("cuda")):
        try:
            from darkframe_fuzzyart.cuda import CudaEngine
        except ImportError as error:
            raise UserError(f"The engine 'cuda' cannot be used: {error}.", hint="Set engine=cpu.") from error
        engine: Engine = CudaEngine(device if device.startswith("cuda") else "cuda")
        return engine
    from darkframe_fuzzyart.cpu import CpuEngine

    return CpuEngine(threads)
