"""Keeps libraries that print, warn and draw progress bars from writing over darkframe's own output."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger("darkframe.lm")


class _LogStream(io.TextIOBase):
    """A text stream whose lines become log records."""

    def __init__(self, original: Any) -> None:
        # rich draws its live display through sys.stderr but steps around a proxy that says what it stands before:
        # the progress bar goes on while the libraries' noise does not.
        self.rich_proxied_file = getattr(original, "rich_proxied_file", original)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                logger.info("%s", line.rstrip())
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what is printed, warned and drawn inside to the log ``darkframe.lm`` (level INFO)."""

    def log_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        logger.info("%s: %s", category.__name__, str(message).strip())

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = log_warning
        with (
            contextlib.redirect_stdout(_LogStream(sys.stdout)),
            contextlib.redirect_stderr(_LogStream(sys.stderr)),
        ):
            yield


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """``quiet``, and no progress bars or warnings of transformers, whose handlers may hold the real stderr."""
    with quiet():
        from transformers.utils import logging as noise

        level, bars = noise.get_verbosity(), noise.is_progress_bar_enabled()
        noise.set_verbosity_error()
        noise.disable_progress_bar()
        try:
            yield
        finally:
            noise.set_verbosity(level)
            if bars:
                noise.enable_progress_bar()
