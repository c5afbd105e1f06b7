"""The process: threads, memory allocator, progress."""

from __future__ import annotations

import os
import sys
import time

_ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
_BINDING = {"OMP_PROC_BIND": "true"}


def keep_memory(*, bind: bool = False) -> None:
    """Starts this process again with an allocator that keeps what it has got.

    By default glibc gives large arrays back to the kernel at every step, and their page faults cost a third
    of the training time.

    Args:
        bind: Also keep each thread on its core: beside other work the scheduler puts both on one, where they
            wait for each other.
    """
    wanted = {**_ALLOCATOR, **_BINDING} if bind else _ALLOCATOR
    if sys.platform == "linux" and any(os.environ.get(key) != value for key, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])


class Progress:
    """Prints a line now and then, with rate and time left."""

    def __init__(self, total: int, *, unit: str, every: float = 10.0) -> None:
        self._total, self._unit, self._every = total, unit, every
        self._begin = self._last = time.monotonic()
        self._first: int | None = None

    def show(self, done: int, text: str, *, scale: float = 1.0) -> None:
        """Prints, unless it printed a moment ago.

        Args:
            done: Steps done.
            text: What else to say.
            scale: Units a step.
        """
        now = time.monotonic()
        if self._first is None:
            self._first, self._begin = done, now
        if (now - self._last < self._every and done != self._total) or done == self._first:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._begin, 1e-9)
        left = (self._total - done) / max(rate, 1e-9)
        print(
            f"{done:6}/{self._total}  {text}  {rate * scale:8.0f} {self._unit}/s  {left / 60:5.1f} min left",
            flush=True,
        )
