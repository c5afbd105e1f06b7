"""Plugins and parameters that are to go: who chooses or sets one is warned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from darkframe.config import RunOptions, StudyParams, TaxonomyParams, parameters
from darkframe.registry import Found

_SHARED: Mapping[str, type[Any]] = {"run": RunOptions, "study": StudyParams, "taxonomy": TaxonomyParams}


def warn_of_deprecated(plugins: Iterable[Found], given: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Warn of the plugins that are to go, and of the parameters that are.

    Args:
        plugins: Those that are chosen.
        given: For each kind of parameter (``source``, ``study``, …) the names of those that are set; defaults warn of nothing.

    Returns:
        The sentences.
    """
    told = []
    for found in plugins:
        info = found.info
        if info.deprecated is not None:
            told.append(info.deprecated.warn(f"The {info.kind} {info.name!r}", found.distribution))
        told += _warn_of_parameters(info.params, given.get(info.kind, ()), info.kind, found.distribution)
    for kind, params in _SHARED.items():
        told += _warn_of_parameters(params, given.get(kind, ()), kind, "darkframe")
    return tuple(told)


def _warn_of_parameters(params: type[Any], names: Iterable[str], kind: str, owner: str) -> Iterable[str]:
    declared = parameters(params)
    for name in names:
        deprecated = declared[name].deprecated if name in declared else None
        if deprecated is not None:
            yield deprecated.warn(f"{kind}.{name}", owner)


def changed(params: Any) -> list[str]:
    """Names of the parameters that do not have their defaults: what a record shows to have been set."""
    return [field.name for field in dataclasses.fields(params) if getattr(params, field.name) != field.default]
