"""What sparse autoencoders leave behind, and how what they found is organised.

``run`` and ``load`` are the studies from Python, ``doctor`` and ``fetch`` what comes before them; the rest is what a plugin
needs. Importing this imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darkframe.deprecation import DarkframeDeprecationWarning, Deprecated
from darkframe.errors import DarkframeError, DataError, ParameterError, PluginError, UserError
from darkframe.hookspecs import hookimpl
from darkframe.interfaces import (
    Assignment,
    Batch,
    ClusterContext,
    Clustering,
    Codes,
    Decomposition,
    Diagnostics,
    FitContext,
    Rows,
    SourceCard,
    SourceContext,
)
from darkframe.plugin import API_VERSION, ClustererInfo, DecomposerInfo, SourceInfo, param

if TYPE_CHECKING:
    from darkframe.api import doctor, fetch, load, run, sweep, track

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "Assignment",
    "Batch",
    "ClusterContext",
    "ClustererInfo",
    "Clustering",
    "Codes",
    "DarkframeDeprecationWarning",
    "DarkframeError",
    "DataError",
    "DecomposerInfo",
    "Decomposition",
    "Deprecated",
    "Diagnostics",
    "FitContext",
    "ParameterError",
    "PluginError",
    "Rows",
    "SourceCard",
    "SourceContext",
    "SourceInfo",
    "UserError",
    "doctor",
    "fetch",
    "hookimpl",
    "load",
    "param",
    "run",
    "sweep",
    "track",
]


def __getattr__(name: str) -> Any:
    if name in {"run", "load", "doctor", "fetch", "sweep", "track"}:
        from darkframe import api

        return getattr(api, name)
    raise AttributeError(f"module 'darkframe' has no attribute {name!r}")
