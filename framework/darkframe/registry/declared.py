"""Whether a record that a hook gave holds what its fields say: no type checker has looked at a foreign plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from darkframe.deprecation import Deprecated
from darkframe.errors import described
from darkframe.plugin import PluginInfo


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, tuple | list | set | frozenset) and all(isinstance(item, str) for item in value)


def _reasons(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair)


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_text, "text"),
    "target": (_text, "text"),
    "summary": (_text, "text"),
    "install_hint": (_text, "text"),
    "docs": (_text, "text"),
    "api": (_whole, "a whole number"),
    "expected_failures": (_reasons, "a mapping of checks to reasons"),
    "deprecated": (lambda value: value is None or isinstance(value, Deprecated), "a darkframe.Deprecated or None"),
    "capabilities": (_texts, "a tuple of names"),
    "partial": (lambda value: isinstance(value, bool), "True or False"),
    "default_tokens": (lambda value: value is None or (_whole(value) and value > 0), "a whole number above 0 or None"),
    "over": (_text, "text"),
    "vigilance": (_text, "text"),
}


def declaration_fault(info: PluginInfo, kind: type[PluginInfo]) -> str:
    """What is wrong with a record, in words; empty if nothing is.

    Args:
        info: The record.
        kind: What its hook asks for, such as ``ClustererInfo``.
    """
    if info.kind != kind.kind:
        return f"its kind is {info.kind!r}, not {kind.kind!r}"
    for name, (holds, wanted) in FIELDS.items():
        if hasattr(info, name) and not holds(getattr(info, name)):
            return f"its {name} is {described(getattr(info, name))}, not {wanted}"
    return ""
