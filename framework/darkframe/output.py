"""What foreign code prints while it is imported or asked: captured, however it is written."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

KEPT = 1 << 16
"""Bytes that are kept of what is printed."""


class _Sink(io.RawIOBase):
    """Takes bytes while it is open; later it passes them on to the stream it stood before."""

    def __init__(self, captured: bytearray, original: Any) -> None:
        self.captured, self.original, self.passing = captured, original, False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        number: int = self.original.fileno()
        return number

    def write(self, data: Any) -> int:
        taken = bytes(data)
        if not self.passing:
            self.captured += taken[: max(0, KEPT - len(self.captured))]
        elif self.original is not None:
            with suppress(Exception):
                self.original.write(taken.decode("utf-8", "replace"))
        return len(taken)


class Stream(io.TextIOWrapper):
    """Stands before stdout or stderr; a library that keeps it writes to those afterwards."""

    def __init__(self, captured: bytearray, original: Any) -> None:
        self.sink = _Sink(captured, original)
        super().__init__(io.BufferedWriter(self.sink), "utf-8", "backslashreplace", write_through=True)
        self.rich_proxied_file = getattr(original, "rich_proxied_file", original)  # rich draws its progress there

    def close(self) -> None:
        """Nothing: it is not the plugin's to close."""

    def release(self) -> None:
        """From now on pass on what is written."""
        with suppress(ValueError, OSError):
            self.flush()
        self.sink.passing = True


class Output:
    """What was printed inside ``captured_output``."""

    def __init__(self) -> None:
        self.captured = bytearray()

    @property
    def text(self) -> str:
        """All of it, or its first 64 KiB."""
        return self.captured.decode("utf-8", "replace").strip()


@contextmanager
def captured_output() -> Iterator[Output]:
    """Capture what is printed inside: through ``sys.stdout`` and ``sys.stderr``, and to descriptor 1 by whatever way.

    Descriptor 2 is left alone, so that a crash of the interpreter is still told. What a library prints later to a stream that it
    kept goes where it would have gone.
    """
    output = Output()
    streams = [Stream(output.captured, original) for original in (sys.stdout, sys.stderr)]
    try:
        with _descriptor(output.captured), redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            yield output
    finally:
        for stream in streams:
            stream.release()


@contextmanager
def _descriptor(captured: bytearray) -> Iterator[None]:
    """Capture what is written to descriptor 1, and put it back even where it was closed."""
    import tempfile

    _flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no stdout
        yield
        return
    known = set(sys.modules)
    with ExitStack() as stack:
        stack.callback(os.close, kept)
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            _flush()
            if _extensions(known):
                flush_c()
            os.dup2(kept, 1)
            reopen_stdout()
            file.seek(0)
            captured += file.read(max(0, KEPT - len(captured))) or b""


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def _extensions(known: set[str]) -> bool:
    """Whether modules of compiled code were imported, which may hold text in C's own buffer."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in set(sys.modules) - known)
    return any(isinstance(file, str) and file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files)


def flush_c() -> None:
    """Write out what C code has printed and the C library still holds."""
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).fflush(None)


def reopen_stdout() -> None:
    """A stdout anew, where somebody closed Python's own."""
    if sys.__stdout__ is not None and sys.__stdout__.closed:
        again = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - stays open
        if sys.stdout is sys.__stdout__:
            sys.stdout = again
        sys.__stdout__ = again  # type: ignore[misc]
