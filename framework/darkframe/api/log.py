"""A run's ``log.txt``: what libraries log, warn and print goes there instead of over the progress."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from darkframe.deprecation import DarkframeDeprecationWarning
from darkframe.progress import Progress, Task
from darkframe.store.atomic import writing

logger = logging.getLogger("darkframe")


class _Noise(io.TextIOBase):
    """Stands before stdout or stderr; what is written to it goes to the log while that is open, later there.

    Libraries keep the stream they find when they are imported, so this must outlive the run.
    """

    def __init__(self, log: TextIO, original: Any) -> None:
        self._log, self._original = log, original
        self.rich_proxied_file = original  # rich looks for this, and draws its progress there

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if self._log.closed:
            with contextlib.suppress(Exception):
                self._original.write(text)
        else:
            self._log.write(text)
        return len(text)

    def flush(self) -> None:
        if not self._log.closed:
            self._log.flush()


class Shown:
    """The caller's progress, given the real stdout and stderr for as long as it is called."""

    def __init__(self, inner: Progress) -> None:
        self._inner, self._out, self._err = inner, sys.stdout, sys.stderr

    @contextlib.contextmanager
    def _real(self) -> Iterator[None]:
        with contextlib.redirect_stdout(self._out), contextlib.redirect_stderr(self._err):
            yield

    @contextlib.contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[Task]:
        with contextlib.ExitStack() as stack:
            with self._real():
                task = stack.enter_context(self._inner.task(label, total, unit))
            yield _ShownTask(self, task)

    def step(self, name: str, text: str) -> None:
        logger.info("%s: %s", name, text)
        with self._real():
            self._inner.step(name, text)


class _ShownTask:
    def __init__(self, shown: Shown, inner: Task) -> None:
        self._shown, self._inner = shown, inner

    def advance(self, amount: float = 1) -> None:
        with self._shown._real():
            self._inner.advance(amount)

    def note(self, text: str) -> None:
        with self._shown._real():
            self._inner.note(text)


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """Send logging, warnings, stdout and stderr to the file at ``path`` inside."""
    with writing(path):
        file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    handler = logging.StreamHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root, level = logging.getLogger(), logger.level
    with file, contextlib.ExitStack() as stack:
        root.addHandler(handler)
        stack.callback(root.removeHandler, handler)
        logger.setLevel(logging.INFO)
        stack.callback(logger.setLevel, level)
        stack.enter_context(_captured_warnings(sys.stderr))
        stack.enter_context(contextlib.redirect_stdout(_Noise(file, sys.stdout)))
        stack.enter_context(contextlib.redirect_stderr(_Noise(file, sys.stderr)))
        yield


def log_warnings(sentences: Iterable[str]) -> None:
    """Leave in the log what the user was warned of before there was one."""
    for sentence in sentences:
        logger.warning("%s", sentence)


@contextlib.contextmanager
def _captured_warnings(stderr: TextIO) -> Iterator[None]:
    """Send warnings to the log inside; those of what is to go are shown to the user, too."""
    already = getattr(logging, "_warnings_showwarning", None) is not None
    show = warnings.showwarning
    logging.captureWarnings(True)
    log = warnings.showwarning

    def both(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        log(message, category, *where, **more)
        if issubclass(category, DarkframeDeprecationWarning) and not already:
            with contextlib.redirect_stderr(stderr):
                show(message, category, *where, **more)

    warnings.showwarning = both
    try:
        yield
    finally:
        warnings.showwarning = log
        if not already:
            logging.captureWarnings(False)
