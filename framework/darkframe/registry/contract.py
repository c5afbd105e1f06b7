"""Plugins written against other contracts than this darkframe's: told as such, with what to do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

from darkframe import plugin
from darkframe.config.build import did_you_mean
from darkframe.deprecation import Deprecated
from darkframe.plugin import ClustererInfo, DecomposerInfo, PluginInfo, SourceInfo, param

_UNEXPECTED = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_UNKNOWN_ARGUMENTS = re.compile(r"for hook '(\w+)'.*Argument\(s\) \{([^}]*)\}", re.DOTALL)
_DECLARING: Mapping[str, Callable[..., Any]] = {
    made.__name__: made for made in (SourceInfo, DecomposerInfo, ClustererInfo, Deprecated, param)
}
"""What plugins declare with, by name."""


def this_darkframe() -> str:
    """Such as ``darkframe 0.1.0``."""
    return f"darkframe {metadata.version('darkframe')}"


def version_fault(info: PluginInfo) -> str:
    """Why a plugin's version of the contracts does not fit, in a sentence; empty where it does."""
    oldest, newest = plugin.OLDEST_API_VERSION, plugin.API_VERSION
    spoken = str(newest) if oldest == newest else f"{oldest} to {newest}"
    written = f"it is written against version {info.api} of the contracts, {this_darkframe()} speaks {spoken}"
    if info.api > newest:
        return f"Its {info.kind} {info.name!r} needs a newer darkframe: {written}."
    if info.api < oldest:
        return f"Its {info.kind} {info.name!r} is too old: {written}."
    return ""


def unknown_field(error: BaseException | None) -> str:
    """Where an error is that a record was given a field that there is not: that, as the rest of a sentence; else empty."""
    match = _UNEXPECTED.search(str(error)) if isinstance(error, TypeError) else None
    if match is None or match[1] not in _DECLARING:
        return ""
    known = [name for name in inspect.signature(_DECLARING[match[1]]).parameters if name not in ("default", "self")]
    near = did_you_mean(match[2], known)
    noun = "argument" if match[1] == "param" else "field"
    meant = f".{near}" if near else f"; there are {', '.join(known)}."
    unknown = f"gives {match[1]} the {noun} {match[2]!r}, which {this_darkframe()} does not know"
    return f"{unknown}: it needs a newer darkframe, or misspells the {noun}{meant}"


def unknown_argument(error: BaseException, given: Sequence[str]) -> str:
    """Where an error is that a hook asks for an argument that there is not: that, in a sentence; else empty.

    Args:
        error: As pluggy raised it.
        given: The arguments that hooks are called with.
    """
    match = _UNKNOWN_ARGUMENTS.search(str(error))
    if match is None:
        return ""
    names = sorted(re.findall(r"\w+", match[2]))
    unknown = f"asks for {' and '.join(map(repr, names))}, which {this_darkframe()} does not give (it gives {', '.join(given)})"
    near = did_you_mean(names[0], given)
    return f"Its hook {match[1]} {unknown}: it needs a newer darkframe, or misspells the argument.{near}"
