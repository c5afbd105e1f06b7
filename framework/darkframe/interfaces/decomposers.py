"""The contract of a decomposer: rows in, components out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from darkframe.progress import Progress, QuietProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces.arrays import F32, F64


class Rows(Protocol):
    """N rows of d float32 values that need not fit in memory; what a decomposer is fitted on.

    ``mean`` and ``covariance`` are exact (one streamed pass, float64; the covariance divides by N − 1).
    ``np.asarray(rows)`` gives everything, for estimators that need it.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d)."""

    @property
    def key(self) -> str:
        """Content hash: equal keys mean equal rows."""

    @property
    def mean(self) -> F64:
        """(d,) float64."""

    @property
    def covariance(self) -> F64:
        """(d, d) float64."""

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        """Consecutive (≤ size, d) blocks in order; each is valid until the next is asked for, and must not be written to."""

    def sample(self, n: int, seed: int) -> F32:
        """min(n, N) rows without replacement, seeded, in row order: (n, d) float32 of the caller's own."""

    def __len__(self) -> int:
        """N."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows in memory, (N, d)."""


@dataclass(frozen=True)
class FitContext:
    """What the framework hands to every fit.

    Attributes:
        seed: Seed of everything random in the fit.
        n_components: Recommended number of components (step 3 of the study), used where the plugin's own parameter is None.
        scratch: An existing folder for temporary files, removed afterwards; None: use memory.
        progress: Where to report.
        device: Resolved device of the run.
    """

    seed: int = 42
    n_components: int | None = None
    scratch: Path | None = None
    progress: Progress = field(default_factory=QuietProgress)
    device: str = "cpu"


@dataclass(frozen=True)
class Diagnostics:
    """What a fit must say about itself. A result that hides non-convergence is a lie.

    Attributes:
        converged: Whether the plugin's stated criterion was met (True for closed forms).
        iterations: Iterations used (0 for closed forms).
        warnings: Sentences for the reader.
        gradient: Final gradient norm of the objective, or None where there is none.
        identifiability: (k,) per component, or None; for ICA |E[g'(y)] − E[y g(y)]|: below 10/√N a direction is arbitrary.
        details: Anything else, JSON-serialisable.
    """

    converged: bool
    iterations: int
    warnings: tuple[str, ...] = ()
    gradient: float | None = None
    identifiability: tuple[float, ...] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Decomposition:
    """k components of N centred rows: ``sources = (e − mean) @ filters.T`` and ``e ≈ mean + sources @ patterns``.

    Attributes:
        mean: (d,) float64.
        patterns: (k, d) float64, mixing: what a unit of each source adds to the activation. Compared with decoder directions.
        filters: (k, d) float64, unmixing: what reads each source off a centred row.
        explained: (k,) float64, closed-form share of the rows' total variance each component explains.
        explained_total: Share of the total variance of ``mean + sources @ patterns`` together (≤ 1).
        diagnostics: See ``Diagnostics``.
    """

    mean: F64
    patterns: F64
    filters: F64
    explained: F64
    explained_total: float
    diagnostics: Diagnostics

    @property
    def directions(self) -> F64:
        """(k, d) patterns scaled to unit length."""
        import numpy as np

        lengths = np.linalg.norm(self.patterns, axis=1, keepdims=True)
        unit: F64 = self.patterns / np.maximum(lengths, np.finfo(np.float64).tiny)
        return unit

    def transform(self, block: NDArray[Any]) -> F32:
        """Sources (n, k) float32 of a block of rows (n, d)."""
        import numpy as np

        centred = np.asarray(block, np.float32) - self.mean.astype(np.float32)  # first: a huge mean would eat the digits
        out: F32 = centred @ self.filters.T.astype(np.float32)
        return out


@runtime_checkable
class Decomposer(Protocol):
    """Splits rows into components. Constructed as ``Class(params)``."""

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows; never changes them."""
