"""Plugins behind a guard: a fault of theirs becomes one sentence that names the plugin, and their results are checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from darkframe.apart import Apart
from darkframe.errors import DarkframeError, PluginError
from darkframe.lm.memory import out_of_memory, ran_out
from darkframe.registry import Found
from darkframe.registry.records import fault
from darkframe.store.atomic import plain

_DOING = {
    "batches()": "activations were computed",
    "encode()": "the SAE encoded a batch of activations",
    "decode()": "the SAE decoded a batch of codes",
    "dictionary()": "the SAE was loaded",
    "fit()": "the decomposer was fitted",
}
DETAILS = "its diagnostics' details"
_MORE = "Free memory, or use a machine with more of it; what was finished is kept."


class blamed:
    """Turn an unexpected exception inside into a PluginError that names the plugin; its traceback stays as the cause.

    So does an attempt to end the program (``sys.exit()``); Ctrl-C alone passes.

    Args:
        found: The plugin.
        doing: Its method.
        remedy: What to do where memory runs out in it.
    """

    def __init__(self, found: Found, doing: str, remedy: str = "") -> None:
        self._found, self._doing, self._remedy = found, doing, remedy

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, DarkframeError | KeyboardInterrupt):
            return
        if ran_out(error):
            words = f"{_DOING.get(self._doing, f'{self._doing} ran')} ({self._found.kind} {self._found.name!r})"
            raise out_of_memory(words, self._remedy or _MORE, error) from error
        failed = broken(self._found, f"failed in {self._doing}: {fault(error)}")
        failed.hint = self._found.hint if isinstance(error, ImportError) else ""
        raise failed from error


def broken(found: Found, what: str) -> PluginError:
    """An error that names the plugin and says what is wrong with it."""
    return PluginError(f"{found.title} {what}.")


def breach(found: Found, what: str) -> PluginError:
    """An error for what a plugin gave that it may not give."""
    return broken(found, f"breaks its contract: {what}")


class Guard:
    """What stands between one plugin object and the rest.

    Args:
        found: The plugin.
    """

    def __init__(self, found: Found) -> None:
        self.found, self.apart = found, Apart()

    def doing(self, what: str, remedy: str = "") -> Doing:
        """A block that runs the plugin: blamed for its faults, its settings kept apart."""
        return Doing(self, what, remedy)

    def check(self, name: str, fault_of: Callable[..., str], *given: Any, **keywords: Any) -> None:
        """See that ``fault_of`` finds nothing wrong with what the method ``name`` has given.

        Raises:
            PluginError: It does, or fails over it.
        """
        with blamed(self.found, name):
            wrong = fault_of(*given, **keywords)
        if wrong:
            raise breach(self.found, wrong)

    def wrapped(self, name: str, method: Callable[..., Any], fault_of: Callable[..., str] | None = None) -> Callable[..., Any]:
        """A plugin's method, guarded; what it gives is checked by ``fault_of(given, *arguments)``."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.doing(f"{name}()"):
                given = method(*args, **kwargs)
            if fault_of is not None:
                self.check(f"{name}()", fault_of, given, *args, **kwargs)
            return given

        return call


class Doing(blamed):
    """See ``Guard.doing``."""

    def __init__(self, guard: Guard, what: str, remedy: str) -> None:
        super().__init__(guard.found, what, remedy)
        self._apart = guard.apart

    def __enter__(self) -> None:
        self._apart.enter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._apart.leave()
        super().__exit__(kind, error, trace)


def made(guard: Guard, target: type[Any], contract: type[Any], doing: str, *arguments: Any) -> Any:
    """A new object of the plugin's class, with the methods of its contract.

    Raises:
        PluginError: It cannot be made, or lacks some.
    """
    with guard.doing(f"{target.__name__}({doing})"):
        plugin = target(*arguments)
        names = [name for name in vars(contract) if not name.startswith("_") and callable(getattr(contract, name))]
        missing = [name for name in names if not callable(getattr(plugin, name, None))]
    if missing:
        raise breach(guard.found, f"{type(plugin).__name__} has no {', '.join(f'{name}()' for name in missing)}")
    return plugin


def optional(plugin: Any, name: str) -> Callable[..., Any] | None:
    """A method that a plugin may have; None where it has not."""
    method = getattr(plugin, name, None)
    return method if callable(method) else None


def kept_fault(what: str, record: Any) -> str:
    """Why a record cannot be kept in a run directory; empty if it can."""
    try:
        json.dumps(plain(record), allow_nan=False)
    except Exception as error:
        return f"{what} cannot be written as JSON: {fault(error)}"
    return ""
