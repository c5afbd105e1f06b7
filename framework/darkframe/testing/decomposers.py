"""Checks that any decomposer must pass, on small planted rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Decomposer, Decomposition, FitContext
from darkframe.numerics.rows import ArrayRows
from darkframe.testing.checks import require, run_checks

if TYPE_CHECKING:
    from darkframe.interfaces import F32

COMPONENTS, DIMENSIONS, ROWS = 4, 12, 3000

Make = Callable[[], Decomposer]


def planted_rows(seed: int = 0) -> F32:
    """(3000, 12) float32: four Laplace sources of unlike variances, correlated mixing, a large mean, Gaussian noise."""
    rng = np.random.default_rng(seed)
    sources = rng.laplace(size=(ROWS, COMPONENTS)) * np.linspace(3, 1.5, COMPONENTS)
    mixing = rng.normal(size=(COMPONENTS, DIMENSIONS))
    mixing += 0.5 * rng.normal(size=DIMENSIONS)
    rows = 20 + sources @ mixing + 0.3 * rng.normal(size=(ROWS, DIMENSIONS))
    return rows.astype(np.float32)


def check_decomposer(make: Make) -> tuple[str, ...]:
    """Check a decomposer against its contract.

    Args:
        make: Makes a fresh one, for instance ``lambda: MyDecomposer(MyParams())``.

    Returns:
        The names of the checks.

    Raises:
        ChecksFailed: It breaks promises; all of them are listed.
    """
    return run_checks(type(make()).__name__, DECOMPOSER_CHECKS, make)


def _fit(make: Make, rows: Any, seed: int = 42) -> Decomposition:
    return make().fit(rows, FitContext(seed=seed, n_components=COMPONENTS))


def record_has_its_shapes(make: Make) -> None:
    """Patterns and filters (k, d), float64, finite; unit directions."""
    result = _fit(make, ArrayRows(planted_rows()))
    k = len(result.patterns)
    require(0 < k <= COMPONENTS, f"{k} components were found where {COMPONENTS} were recommended.")
    for name, shape in {
        "mean": (DIMENSIONS,),
        "patterns": (k, DIMENSIONS),
        "filters": (k, DIMENSIONS),
        "explained": (k,),
    }.items():
        array = getattr(result, name)
        require(
            array.shape == shape and array.dtype == np.float64, f"{name} is {array.dtype}{array.shape}, expected float64{shape}."
        )
        require(np.isfinite(array).all(), f"{name} holds NaN or infinite values.")
    lengths = np.linalg.norm(result.directions, axis=1)
    require(np.allclose(lengths, 1), "The directions are not of unit length.")


def mean_is_the_rows_mean(make: Make) -> None:
    """``mean`` is the rows' mean: sources are read off centred rows."""
    rows = planted_rows()
    require(
        np.allclose(_fit(make, ArrayRows(rows)).mean, rows.mean(axis=0, dtype=np.float64), rtol=1e-4),
        "mean is not the rows' mean.",
    )


def shares_are_shares(make: Make) -> None:
    """``explained`` is not negative; ``explained_total`` is at most 1 and agrees with the reconstruction."""
    rows = planted_rows()
    result = _fit(make, ArrayRows(rows))
    require((result.explained >= 0).all(), "explained holds a negative share.")
    centred = rows - result.mean
    rest = centred - (centred @ result.filters.T) @ result.patterns
    true = 1 - (rest**2).sum() / (centred**2).sum()
    require(
        abs(result.explained_total - true) < 1e-3,
        f"explained_total is {result.explained_total:.4f}, but the components explain {true:.4f}.",
    )


def diagnostics_are_given(make: Make) -> None:
    """The fit says whether it converged, after how many iterations, and its details can be written as JSON."""
    diagnostics = _fit(make, ArrayRows(planted_rows())).diagnostics
    require(
        isinstance(diagnostics.converged, bool) and isinstance(diagnostics.iterations, int),
        "converged is a bool, iterations an int.",
    )
    json.dumps(asdict(diagnostics))


def rows_are_not_changed(make: Make) -> None:
    """Fitting changes no row."""
    rows = planted_rows()
    _fit(make, ArrayRows(rows))
    require(np.array_equal(rows, planted_rows()), "The rows were changed.")


def read_only_rows_are_enough(make: Make) -> None:
    """Rows that may not be written to give the same result."""
    rows = planted_rows()
    rows.flags.writeable = False
    _same(_fit(make, ArrayRows(rows)), _fit(make, ArrayRows(planted_rows())), 1e-9, "Read-only rows")


def fits_repeat(make: Make) -> None:
    """The same rows and seed give the same numbers."""
    _same(_fit(make, ArrayRows(planted_rows())), _fit(make, ArrayRows(planted_rows())), 0, "A second fit with the same seed")


def streamed_rows_agree(make: Make) -> None:
    """Rows that come in small blocks, through one buffer, give the same result as rows in memory."""
    rows = planted_rows()
    _same(_fit(make, _StreamedRows(rows)), _fit(make, ArrayRows(rows)), 1e-3, "Streamed rows")


class _StreamedRows(ArrayRows):
    """Rows whose blocks are small and share a buffer that the next block overwrites."""

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        buffer = np.empty((min(size, 700), self.shape[1]), np.float32)
        for start in range(0, len(self), len(buffer)):
            block = self._array[start : start + len(buffer)]
            buffer[: len(block)] = block
            yield buffer[: len(block)]
        buffer[:] = np.nan


def _same(a: Decomposition, b: Decomposition, tolerance: float, what: str) -> None:
    require(a.patterns.shape == b.patterns.shape, f"{what} gave {len(a.patterns)} components instead of {len(b.patterns)}.")
    scale = np.abs(b.patterns).max()
    error = float(np.abs(a.patterns - b.patterns).max() / scale)
    require(error <= tolerance, f"{what} gave other patterns (by {error:.1e} of the largest entry).")


DECOMPOSER_CHECKS: Mapping[str, Callable[[Make], None]] = {
    check.__name__: check
    for check in (
        record_has_its_shapes,
        mean_is_the_rows_mean,
        shares_are_shares,
        diagnostics_are_given,
        rows_are_not_changed,
        read_only_rows_are_enough,
        fits_repeat,
        streamed_rows_agree,
    )
}
"""Every check of a decomposer, by name."""
