"""Memory that runs out, said in a sentence: what was being done, with how much at once, and what to lower."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from darkframe.errors import DarkframeError, OutOfMemoryError

LOADING = "It takes that much whatever the batch size is: free memory, or use a machine with more of it."
"""Remedy for what is loaded whole."""

_WORDS = re.compile(
    r"can't allocate memory|not enough memory|out of memory|cannot allocate memory|unable to allocate"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|std::bad_alloc",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"allocate (\d+(?:\.\d+)? ?(?:[KMGT]i?B|bytes))", re.IGNORECASE)


def ran_out(error: BaseException) -> bool:
    """Whether an exception says that memory ran out: Python's own, PyTorch's on any device, or its CPU allocator's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and _WORDS.search(str(error)) is not None


def out_of_memory(doing: str, remedy: str, error: BaseException) -> OutOfMemoryError:
    """The sentence for an exception that ``ran_out``.

    Args:
        doing: What was being done, such as ``"the model computed a batch of 32 rows"``.
        remedy: What to do, a sentence.
        error: The exception; the amount it asked for is quoted, where it says so.
    """
    amount = _AMOUNT.search(str(error))
    where = "The GPU's memory" if "cuda" in f"{type(error).__module__} {error}".lower() else "Memory"
    asked = f" ({_readable(amount[1])} more were wanted)" if amount else ""
    return OutOfMemoryError(f"{where} ran out while {doing}{asked}.", hint=remedy)


def _readable(amount: str) -> str:
    number, _, unit = amount.partition(" ")
    return f"{int(number) / 2**20:,.0f} MiB" if unit.lower() == "bytes" else amount


@contextmanager
def memory_words(doing: str, remedy: str) -> Iterator[None]:
    """Turn memory that runs out inside into ``OutOfMemoryError``; also where a refusal was made of it already.

    Raises:
        OutOfMemoryError: Memory ran out.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__ if isinstance(error, DarkframeError) and error.__cause__ else error
        if isinstance(error, OutOfMemoryError) or not ran_out(cause):
            raise
        raise out_of_memory(doing, remedy, cause) from error


def lower(parameter: str, now: int) -> str:
    """Remedy where ``source.<parameter>`` is what memory goes with, for a collection that is under way."""
    if now <= 1:
        return f"source.{parameter} is 1 already: free memory, or use a machine with more of it, and go on with --resume."
    return (
        f"Start again with a lower source.{parameter} than {now}: collecting begins anew, since activations depend on it in "
        "their last digits. Or free memory and go on with --resume, which keeps it."
    )
