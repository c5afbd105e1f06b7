"""Decomposers behind a guard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.apart import seeded
from darkframe.api.guard import DETAILS, Guard, breach, kept_fault, made
from darkframe.errors import described
from darkframe.interfaces import Decomposer, Decomposition
from darkframe.numerics.decompositions import decomposition_fault
from darkframe.registry import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, FitContext, Rows

_FEWER = "Collect fewer tokens (--tokens), ask for fewer components, or choose a decomposer that streams its rows, such as pca."


class LentRows:
    """Rows as a plugin gets them: nothing that it writes to reaches the rows themselves.

    Blocks and samples are read anew for whoever asks; the mean and the covariance are copies.
    """

    def __init__(self, inner: Rows) -> None:
        self._inner = inner

    @property
    def shape(self) -> tuple[int, int]:
        return self._inner.shape

    @property
    def key(self) -> str:
        return self._inner.key

    @cached_property
    def mean(self) -> F64:
        return np.array(self._inner.mean)

    @cached_property
    def covariance(self) -> F64:
        return np.array(self._inner.covariance)

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        return self._inner.blocks(size)

    def sample(self, n: int, seed: int) -> F32:
        return self._inner.sample(n, seed)

    def __len__(self) -> int:
        return len(self._inner)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._inner.__array__(dtype, copy))


class GuardedDecomposer:
    """A decomposer, guarded; what it gives is checked before the study builds on it."""

    def __init__(self, guard: Guard, inner: Decomposer) -> None:
        self._guard, self._inner = guard, inner

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        with self._guard.doing("fit()", _FEWER), seeded(context.seed):
            fitted = self._inner.fit(LentRows(rows), context)
        if not isinstance(fitted, Decomposition):
            raise breach(self._guard.found, f"fit() gave {described(fitted)}, not a Decomposition")
        self._guard.check("fit()", decomposition_fault, fitted, rows.shape[1])
        self._guard.check("fit()", kept_fault, DETAILS, fitted.diagnostics.details)
        return fitted


def decomposer_factory(found: Found, target: type[Any], params: Any) -> Callable[[], Decomposer]:
    """Makes a fresh decomposer, guarded, at each call."""

    def make() -> Decomposer:
        guard = Guard(found)
        return GuardedDecomposer(guard, made(guard, target, Decomposer, "params", params))

    return make
