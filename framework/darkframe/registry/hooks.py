"""Hooks of loaded plugins, each plugin's called alone, so that one that raises ends nothing."""

from __future__ import annotations

import contextlib
import io
import traceback
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pluggy

from darkframe import hookspecs
from darkframe.config import parameters
from darkframe.plugin import API_VERSION, ClustererInfo, DecomposerInfo, PluginInfo, SourceInfo
from darkframe.registry.entry_points import Entry
from darkframe.registry.records import Found, Problem, fault

HOOKS: dict[str, type[PluginInfo]] = {
    "darkframe_sources": SourceInfo,
    "darkframe_decomposers": DecomposerInfo,
    "darkframe_clusterers": ClustererInfo,
}


class Hooks:
    """A plugin manager that asks one plugin at a time."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("darkframe")
        self._manager.add_hookspecs(hookspecs)

    def add(self, entry: Entry, plugin: Any) -> Iterator[Found | Problem]:
        """Register what the entry point named, and say what it offers and what is wrong with it."""
        try:
            self._manager.register(plugin, entry.key)
        except Exception as error:
            if self._manager.has_plugin(entry.key):
                self._manager.unregister(name=entry.key)
            yield entry.problem(_registration(entry, error), traceback.format_exc())
            return
        yield from self._unknown(entry, plugin)
        for hook, info_type in HOOKS.items():
            if self._implements(plugin, hook):
                yield from self._ask(entry, plugin, hook, info_type)
            elif callable(getattr(plugin, hook, None)):
                yield entry.problem(f"It defines {hook} without @darkframe.hookimpl, so the hook is never called.")

    def _implements(self, plugin: Any, hook: str) -> bool:
        return any(caller.name == hook for caller in self._manager.get_hookcallers(plugin) or ())

    def _unknown(self, entry: Entry, plugin: Any) -> Iterator[Problem]:
        callers = [caller for caller in self._manager.get_hookcallers(plugin) or () if not caller.has_spec()]
        for caller in callers:
            yield entry.problem(
                f"It needs a newer darkframe: darkframe {metadata.version('darkframe')} has no hook {caller.name!r}."
            )
        known = len(self._manager.get_hookcallers(plugin) or ()) - len(callers)
        if not callers and not known and not any(hasattr(plugin, hook) for hook in HOOKS):
            yield entry.problem(f"It offers nothing: {entry.point.value} implements no hook ({', '.join(HOOKS)}).")

    def _ask(self, entry: Entry, plugin: Any, hook: str, info_type: type[PluginInfo]) -> Iterator[Found | Problem]:
        captured = io.StringIO()
        try:
            with contextlib.redirect_stdout(captured), contextlib.redirect_stderr(captured):
                answer = self._answer(plugin, hook)
                items = _items(answer)
        except (Exception, SystemExit) as error:
            yield entry.problem(f"Its hook {hook} failed: {fault(error)}.", traceback.format_exc() + captured.getvalue())
            return
        if items is None:
            yield entry.problem(f"Its hook {hook} gave {_shown(answer)}; it must return or yield {info_type.__name__} records.")
            return
        for item in items:
            yield _checked(entry, hook, info_type, item)

    def _answer(self, plugin: Any, hook: str) -> Any:
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        answers = self._manager.subset_hook_caller(hook, others)(api=API_VERSION)
        return answers[0] if answers else None  # pluggy leaves None out


def _items(answer: Any) -> list[Any] | None:
    """What a hook's answer holds; None where it cannot hold anything."""
    return list(answer) if hasattr(answer, "__iter__") and not isinstance(answer, str | bytes) else None


def _checked(entry: Entry, hook: str, info_type: type[PluginInfo], item: Any) -> Found | Problem:
    if not isinstance(item, info_type):
        return entry.problem(f"Its hook {hook} gave {_shown(item)} where {info_type.__name__} records belong.")
    try:
        parameters(item.params)
        item.params()
    except Exception as error:
        reason = f"The parameters of its {item.kind} {item.name!r} are not declared properly: {fault(error)}."
        return entry.problem(reason, traceback.format_exc())
    return Found(item, entry.distribution, entry.version, entry.point.name, entry.point.module)


def _registration(entry: Entry, error: Exception) -> str:
    if isinstance(error, pluggy.PluginValidationError):
        return f"A hook of it has the wrong form: {fault(error)}."
    return f"{entry.point.value} cannot be registered: {fault(error)}."


def _shown(item: Any) -> str:
    text = repr(item)
    return text if len(text) <= 60 else f"a {type(item).__name__}"
