"""Stdout belongs to the command's results: what else is written there, by libraries and plugins, goes to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from darkframe.output import flush_c, reopen_stdout

STDOUT, STDERR = 1, 2


@contextmanager
def reserved_stdout() -> Iterator[None]:
    """Send to stderr what is written to descriptor 1 inside, by whatever way; afterwards stdout is as it was, even if closed."""
    _flush()
    try:
        kept = os.dup(STDOUT)
    except OSError:  # there is no stdout
        yield
        return
    try:
        _to_stderr()
        yield
    finally:
        _flush()
        if "torch" in sys.modules:  # something of compiled code is there; before that there is nothing to flush
            flush_c()
        os.dup2(kept, STDOUT)
        os.close(kept)
        reopen_stdout()


def nothing_more() -> None:
    """The command has said everything: what plugins and libraries print at exit goes to stderr."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # the reader went away: Python says what is to be said
        return
    _to_stderr()


def _to_stderr() -> None:
    with suppress(OSError):
        os.dup2(STDERR, STDOUT)


def _flush() -> None:
    with suppress(Exception):
        sys.stdout.flush()
