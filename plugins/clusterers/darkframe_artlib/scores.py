"""Match, margin and winners from the choice and match functions of a module, after learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64

MARGIN = "choice of the row's cluster less the best other choice (of the same parent), after learning"


def own(values: F64, labels: NDArray[Any]) -> F64:
    """(n,) the value of each row's cluster out of (n, K); NaN for noise."""
    picked: F64 = np.where(labels >= 0, values[np.arange(len(labels)), np.maximum(labels, 0)], np.nan)
    return picked


def margins(choice: F64, labels: NDArray[Any], groups: I64 | None = None) -> F64:
    """(n,) choice of each row's cluster less that of the best other one; NaN where there is none, and for noise.

    Args:
        choice: (n, K).
        labels: (n,) each row's cluster, −1 for noise.
        groups: (K,) parent of each cluster: only those of the same one compete; None: all do.
    """
    mine = own(choice, labels)
    others = choice.copy()
    others[np.arange(len(labels)), np.maximum(labels, 0)] = -np.inf
    if groups is not None:
        others[groups[np.maximum(labels, 0)][:, None] != groups] = -np.inf
    others[np.isnan(others)] = -np.inf
    best = others.max(axis=1, initial=-np.inf)
    out: F64 = np.where(best == -np.inf, np.nan, mine - np.where(best == -np.inf, 0.0, best))
    return out


def first_best(choice: F64) -> I64:
    """(n,) the cluster of highest choice, the lowest number on ties; NaN choices lose."""
    best: I64 = np.argmax(np.where(np.isnan(choice), -np.inf, choice), axis=1).astype(np.int64)
    return best
