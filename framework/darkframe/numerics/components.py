"""What every decomposer asks of its rows first: that they can be analysed, and how many components to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import DataError, ParameterError
from darkframe.numerics.whitening import Whitening

if TYPE_CHECKING:
    from darkframe.interfaces import F64, FitContext, Rows


def recommended_components(variances: F64, share: float = 0.9, most: int = 100) -> int:
    """Components that hold ``share`` of the total variance, ``most`` at the most, 1 at the least.

    Args:
        variances: All eigenvalues of the covariance, largest first.
        share: Share of the total variance wanted.
        most: Upper limit.
    """
    total = variances.sum()
    needed = int(np.searchsorted(np.cumsum(variances) / total, share) + 1) if total > 0 else 1
    return max(1, min(needed, most, len(variances)))


def fit_whitening(rows: Rows, wanted: int | None, context: FitContext) -> Whitening:
    """Whitening of rows that were checked, with the number of components that was asked for.

    Args:
        rows: The rows; their exact mean and covariance are used.
        wanted: The user's own number of components, or None.
        context: Its ``n_components`` counts where ``wanted`` is None; where both are None, those for 90 % of the variance,
            100 at most.

    Returns:
        The whitening; ``k`` is less than asked for only where the rows have fewer directions of any variance.

    Raises:
        ParameterError: ``wanted`` is more than the rows' dimensions or their number less one.
        DataError: Fewer than two rows, NaN or infinite values, or no variance at all.
    """
    n, d = rows.shape
    if n < 2:
        raise DataError(f"A decomposition needs at least two rows, but there are {n}.", hint="Collect more tokens.")
    most = min(d, n - 1)
    if wanted is not None and wanted > most:
        reason = f"the rows have only {d} dimensions" if most == d else f"{n} rows have only {n - 1} independent directions"
        raise ParameterError(f"n_components = {wanted} is too many: {reason}.", hint=f"Ask for {most} or fewer.")
    with np.errstate(invalid="ignore", over="ignore"):  # said below, in words
        mean, covariance = np.asarray(rows.mean, np.float64), np.asarray(rows.covariance, np.float64)
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        bad = int((~(np.isfinite(mean) & np.isfinite(np.diag(covariance)))).sum())
        raise DataError(
            f"The rows hold NaN or infinite values (in {max(bad, 1)} of {d} dimensions), so they cannot be decomposed."
        )
    if not np.trace(covariance) > 0:
        raise DataError(f"All {n} rows are the same: there is no variance to decompose.")
    if wanted is None and context.n_components is None:
        full = Whitening.fit(mean, covariance, most)
        return Whitening.fit(mean, covariance, recommended_components(full.variances))
    return Whitening.fit(mean, covariance, min(wanted or context.n_components or most, most))


def fewer_components(wanted: int | None, whitening: Whitening, context: FitContext) -> tuple[str, ...]:
    """What to warn of where rows have fewer components than were asked for, or recommended; else nothing.

    Args:
        wanted: The user's own number of components, or None.
        whitening: What ``fit_whitening`` gave for it.
        context: Its ``n_components`` counts where ``wanted`` is None.
    """
    asked = wanted or context.n_components
    if asked is None or asked <= whitening.k:
        return ()
    return (f"Only {whitening.k} of the {asked} components asked for have any variance; the rest were left out.",)
