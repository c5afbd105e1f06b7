"""Feeds rows to artlib's modules in blocks: quiet, with progress, so that Ctrl-C is heard; what artlib warns of is kept."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from darkframe.lm.quiet import quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import F64, I64

    Native = Callable[[NDArray[Any], NDArray[Any] | None], tuple[NDArray[Any], list[NDArray[Any]]]]

_FIRST, _LARGEST = 16, 4096
_SHORT, _LONG = 0.2, 1.0  # seconds a block should last: Ctrl-C waits for a block of compiled code to end


class Learner(Protocol):
    """Learns rows in order and tells each one's category."""

    def learn(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Categories (n,) of n further coded rows."""

    def weights(self) -> list[NDArray[Any]]:
        """Weights of the categories so far."""


class PythonLearner:
    """An artlib module of its own Python.

    Args:
        module: Freshly made, or with weights.
        weights: (K, m) weights to go on from.
    """

    def __init__(self, module: Any, weights: NDArray[Any] | None = None) -> None:
        self.module = module
        if weights is not None:
            module.W = list(weights)
            module.weight_sample_counter_ = [1] * len(weights)
            if hasattr(module, "_sample_scatter_"):  # of merge() alone, which is not used
                module._sample_scatter_ = [0.0] * len(weights)
            if hasattr(module, "_rebuild_w_count_cache"):
                module._rebuild_w_count_cache()

    def learn(self, rows: NDArray[Any]) -> NDArray[Any]:
        self.module.labels_ = np.zeros(0, int)  # partial_fit copies the labels of all rows so far at each call
        labels: NDArray[Any] = self.module.partial_fit(rows).labels_
        return labels

    def weights(self) -> list[NDArray[Any]]:
        return list(self.module.W)


class NativeLearner:
    """A compiled function of artlib: rows and weights in, labels and weights out.

    Args:
        native: That function.
        weights: (K, m) weights to go on from.
    """

    def __init__(self, native: Native, weights: NDArray[Any] | None = None) -> None:
        self._native, self._weights = native, weights

    def learn(self, rows: NDArray[Any]) -> NDArray[Any]:
        labels, weights = self._native(np.ascontiguousarray(rows), self._weights)
        self._weights = np.ascontiguousarray(weights)
        return np.asarray(labels)

    def weights(self) -> list[NDArray[Any]]:
        return [] if self._weights is None else list(self._weights)


def feed(
    learn: Callable[[NDArray[Any]], NDArray[Any]],
    coded: Callable[[slice], NDArray[Any]],
    n: int,
    context: ClusterContext,
    name: str,
) -> I64:
    """Learn n rows in order, in blocks of up to a second; the blocks do not change the outcome.

    Args:
        learn: Takes a block of coded rows and gives their categories.
        coded: Gives the coded rows of a slice.
        n: How many there are.
        context: Where progress is reported.
        name: What the progress is called.
    """
    labels = np.empty(n, np.int64)
    start, size = 0, _FIRST
    with context.progress.task(name, n, "rows") as task:
        while start < n:
            began = time.perf_counter()
            stop = min(start + size, n)
            labels[start:stop] = learn(coded(slice(start, stop)))
            task.advance(stop - start)
            spent, start = time.perf_counter() - began, stop
            size = min(2 * size, _LARGEST) if spent < _SHORT else max(size // 2, 1) if spent > _LONG else size
    return labels


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Nothing artlib prints or warns of reaches the terminal; what it warned of is in the list afterwards."""
    said: list[str] = []
    with quiet(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield said
        finally:
            texts = dict.fromkeys(" ".join(str(warning.message).split()).rstrip(".") for warning in caught)
            said += [f"artlib warned: {text}." for text in texts]


def overlaps(rows: F64, weights: NDArray[Any]) -> F64:
    """|I ∧ w| of each row with each weight, (n, K), without holding (n, K, m)."""
    out = np.empty((len(rows), len(weights)))
    width = rows.shape[1]
    columns = max(1, (1 << 18) // width)
    for start in range(0, len(weights), columns):
        part = weights[start : start + columns]
        for i, row in enumerate(rows):
            out[i, start : start + columns] = np.minimum(part, row).sum(axis=1)
    return out
