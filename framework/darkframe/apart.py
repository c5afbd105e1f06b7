"""Global settings of the process, kept apart between a plugin and the rest: what one sets does not reach the other."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

Settings = Mapping[str, Any]


_TORCH = {"torch-dtype": None, "torch-grad": True, "torch-precision": "highest", "torch-exact": False, "torch-device": "cpu"}
"""As torch comes."""


def _numpy_settings() -> dict[str, Any]:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "geterr"):
        return {"numpy-errors": {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}}
    return {"numpy-errors": numpy.geterr()}


def _torch_settings() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_default_device"):  # not imported, or only half
        return dict(_TORCH)
    return {
        "torch-dtype": torch.get_default_dtype(),
        "torch-grad": torch.is_grad_enabled(),
        "torch-precision": torch.get_float32_matmul_precision(),
        "torch-exact": torch.are_deterministic_algorithms_enabled(),
        "torch-device": str(torch.get_default_device()),
        "torch-threads": torch.get_num_threads(),
    }


def _set_torch_device(torch: Any, device: str) -> None:
    torch.set_default_device(None if device == "cpu" else device)  # None: without a mode that slows down every call


_SETTERS: Mapping[str, Callable[[Any], Any]] = {
    "numpy-errors": lambda value: sys.modules["numpy"].seterr(**value),
    "torch-dtype": lambda value: sys.modules["torch"].set_default_dtype(value or sys.modules["torch"].float32),
    "torch-grad": lambda value: sys.modules["torch"].set_grad_enabled(value),
    "torch-precision": lambda value: sys.modules["torch"].set_float32_matmul_precision(value),
    "torch-exact": lambda value: sys.modules["torch"].use_deterministic_algorithms(value),
    "torch-device": lambda value: _set_torch_device(sys.modules["torch"], value),
    "torch-threads": lambda value: sys.modules["torch"].set_num_threads(value),
}


def settings() -> Settings:
    """How numpy handles floating-point errors, and torch's dtype, gradients, precision, determinism, device and threads.

    Those of a library that is not imported are the ones it comes with.
    """
    return _numpy_settings() | _torch_settings()


def apply(wanted: Settings) -> None:
    """Set what differs from how it is."""
    now = settings()
    for name, value in wanted.items():
        if name in now and now[name] != value:
            with suppress(Exception):  # a library that was imported by halves
                _SETTERS[name](value)


class _Process:
    """Streams, the working folder, Ctrl-C's handler, the garbage collector and filters of warnings, as they are now."""

    def __init__(self) -> None:
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._folder, self._handler, self._collects = _folder(), signal.getsignal(signal.SIGINT), gc.isenabled()
        self._filters = list(warnings.filters)

    def restore(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if self._folder and _folder() != self._folder:
            with suppress(OSError):
                os.chdir(self._folder)
        if self._handler is not None and signal.getsignal(signal.SIGINT) is not self._handler:
            with suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGINT, self._handler)
        if gc.isenabled() != self._collects:
            gc.enable() if self._collects else gc.disable()
        if self._filters != warnings.filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
            with warnings.catch_warnings():  # which lets go of what the others made of earlier warnings
                pass


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a string, as chdir takes it
    except OSError:
        return ""


class Apart:
    """Settings of one plugin's own: it finds what it changed as it left it, and the rest does not see that.

    So ``with torch.no_grad():`` around a ``yield`` holds in the plugin's generator alone, and the caller's own holds in a plugin
    that says nothing of gradients.
    """

    def __init__(self) -> None:
        self._theirs: Settings = {}
        self._ours: Settings | None = None
        self._process: _Process | None = None
        self._depth = 0  # a plugin may be called back while it is at work: then nothing changes

    def enter(self) -> None:
        """The plugin's turn."""
        self._depth += 1
        if self._depth == 1:
            self._ours, self._process = settings(), _Process()
            if self._theirs:
                apply(self._theirs)

    def leave(self) -> None:
        """The plugin is done."""
        self._depth -= 1
        if self._depth == 0 and self._ours is not None and self._process is not None:
            ours = self._ours
            self._theirs = {name: value for name, value in settings().items() if name in ours and value != ours[name]}
            apply(ours)
            self._process.restore()
            self._ours = self._process = None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Start the global random generators of Python, numpy and torch (its CPU's) from a seed inside; they are put back afterwards.

    A plugin that draws from those gives the same whatever ran before it, and draws nothing from what others use.
    """
    import random

    import numpy as np

    torch = sys.modules.get("torch")
    python, legacy = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002 - it is the plugin's that is looked after
    kept = torch.get_rng_state() if torch is not None else None
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    if torch is not None:
        torch.default_generator.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(kept)
