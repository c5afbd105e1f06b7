"""Hooks of loaded plugins, each plugin's called alone, so that one that raises ends nothing."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

import pluggy

from darkframe import hookspecs
from darkframe.config import parameters
from darkframe.errors import described
from darkframe.plugin import API_VERSION, ClustererInfo, DecomposerInfo, PluginInfo, SourceInfo
from darkframe.registry.contained import contained
from darkframe.registry.contract import this_darkframe, unknown_argument, unknown_field, version_fault
from darkframe.registry.declared import declaration_fault
from darkframe.registry.entry_points import Entry
from darkframe.registry.records import Found, Problem, fault

HOOKS: dict[str, type[PluginInfo]] = {
    "darkframe_sources": SourceInfo,
    "darkframe_decomposers": DecomposerInfo,
    "darkframe_clusterers": ClustererInfo,
}

MOST = 1_000
"""Records that one hook may give: an endless generator would be asked for ever."""


class Hooks:
    """A plugin manager that asks one plugin at a time.

    Args:
        specifications: What hooks there are: a module or class.
        arguments: What hooks are called with; a plugin's implementation takes those that it wants.
    """

    def __init__(
        self, specifications: Any = hookspecs, arguments: Mapping[str, Any] = MappingProxyType({"api": API_VERSION})
    ) -> None:
        self._manager = pluggy.PluginManager("darkframe")
        self._manager.add_hookspecs(specifications)
        self._arguments = arguments

    def add(self, entry: Entry, plugin: Any) -> list[Found | Problem]:
        """Register what the entry point named, and say what it offers and what is wrong with it."""
        results: list[Found | Problem] = []
        with contained(f"asking {entry.point.value} of {entry.distribution} {entry.version}".rstrip()) as conduct:
            for result in self._added(entry, plugin):
                results.append(result)
        if conduct.error is not None:  # such as a module whose attributes raise
            results.append(entry.problem(f"{entry.point.value} cannot be asked: {fault(conduct.error)}.", conduct.details))
        return results

    def _added(self, entry: Entry, plugin: Any) -> Iterator[Found | Problem]:
        try:
            self._manager.register(plugin, entry.key)
        except Exception as error:
            if self._manager.has_plugin(entry.key):
                self._manager.unregister(name=entry.key)
            yield entry.problem(
                unknown_argument(error, list(self._arguments)) or _registration(entry, error), traceback.format_exc()
            )
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
            yield entry.problem(f"It needs a newer darkframe: {this_darkframe()} has no hook {caller.name!r}.")
        known = len(self._manager.get_hookcallers(plugin) or ()) - len(callers)
        if not callers and not known and not any(hasattr(plugin, hook) for hook in HOOKS):
            yield entry.problem(f"It offers nothing: {entry.point.value} implements no hook ({', '.join(HOOKS)}).")

    def _ask(self, entry: Entry, plugin: Any, hook: str, info_type: type[PluginInfo]) -> Iterator[Found | Problem]:
        items: list[Any] = []
        answer, iterable = None, False
        with contained(f"asking {entry.point.value} of {entry.distribution} {entry.version} for {hook}") as conduct:
            answer = self._answer(plugin, hook)
            iterable = _iterable(answer)
            for item in islice(answer, MOST + 1) if iterable else ():
                items.append(item)  # what came before a fault is kept
        results = [_checked(entry, hook, info_type, item) for item in items[:MOST]]
        yield from results
        if conduct.error is not None:
            misfit = unknown_field(conduct.error)
            failed = f"Its hook {hook} {misfit}" if misfit else f"Its hook {hook} failed: {fault(conduct.error)}."
            yield entry.problem(failed, conduct.details)
        elif not iterable:
            yield entry.problem(f"Its hook {hook} gave {_shown(answer)}; it must return or yield {info_type.__name__} records.")
        elif len(items) > MOST:
            yield entry.problem(f"Its hook {hook} gave more than {MOST:,} records; the first {MOST:,} are used.")
        for what in conduct.misdeeds():
            yield entry.problem(f"Its hook {hook} {what}.", conduct.details, fatal=False)

    def _answer(self, plugin: Any, hook: str) -> Any:
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        answers = self._manager.subset_hook_caller(hook, others)(**self._arguments)
        return answers[0] if answers else None  # pluggy leaves None out


def _iterable(answer: Any) -> bool:
    """Whether a hook's answer can hold records."""
    return hasattr(answer, "__iter__") and not isinstance(answer, str | bytes | Mapping)


def _checked(entry: Entry, hook: str, info_type: type[PluginInfo], item: Any) -> Found | Problem:
    if not isinstance(item, info_type):
        return entry.problem(f"Its hook {hook} gave {_shown(item)} where {info_type.__name__} records belong.")
    if wrong := declaration_fault(item, info_type):
        return entry.problem(f"Its hook {hook} gave a record {_shown(item.name)} that cannot be used: {wrong}.")
    if unfit := version_fault(item):
        return entry.problem(unfit)
    try:
        parameters(item.params)
        item.params()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = f"The parameters of its {item.kind} {item.name!r} are not declared properly: {fault(error)}."
        return entry.problem(reason, traceback.format_exc())
    return Found(item, entry.distribution, entry.version, entry.point.name, entry.point.module)


def _registration(entry: Entry, error: Exception) -> str:
    if isinstance(error, pluggy.PluginValidationError):
        return f"A hook of it has the wrong form: {fault(error)}."
    return f"{entry.point.value} cannot be registered: {fault(error)}."


def _shown(item: Any) -> str:
    try:
        text = " ".join(repr(item).split())
    except Exception:  # foreign objects may fail in this too
        text = ""
    return text if 0 < len(text) <= 60 else described(item)
