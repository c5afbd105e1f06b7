"""A few threads that work on tiles, while BLAS itself works on one: results do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import ThreadpoolController

T = TypeVar("T")
S = TypeVar("S")


class Workers:
    """Runs a function over items on ``threads`` threads; answers come in the items' order."""

    def __init__(self, pool: ThreadPoolExecutor | None) -> None:
        self._pool = pool

    def run(self, function: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """Every item's answer, in order."""
        if self._pool is None:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))


@contextmanager
def workers() -> Iterator[Workers]:
    """As many workers as BLAS may use threads (``OMP_NUM_THREADS`` and the like count); BLAS is held to one meanwhile."""
    controller = ThreadpoolController().select(user_api="blas")
    threads = max((library.num_threads for library in controller.lib_controllers), default=1)
    with controller.limit(limits=1):
        if threads == 1:
            yield Workers(None)
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="darkframe-ica") as pool:
            yield Workers(pool)
