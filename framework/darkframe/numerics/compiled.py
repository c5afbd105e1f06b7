"""Compiling with numba, kept on disk between processes where some cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Any], Any]:
    """A decorator like ``numba.njit(nogil=True, **options)``, with numba's cache on disk unless there is nowhere to keep it."""

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no locator: neither the package's folder nor the user's cache folder can be written
            return numba.njit(nogil=True, **options)(function)

    return decorate
