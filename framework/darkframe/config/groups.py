"""Parameters in the order in which they are read: a plugin's own first, then those it shares with others, group by group."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any


@dataclasses.dataclass(frozen=True)
class Group:
    """Parameters that belong together.

    Attributes:
        title: The first sentence of the docstring of the dataclass that declares them, without its full stop; empty for a
            plugin's own.
        names: Their names.
    """

    title: str
    names: tuple[str, ...]


def grouped(params: type[Any]) -> list[Group]:
    """Groups of a dataclass's parameters.

    Its own are those that no dataclass of another package declares, in the order of its code, those of its base classes in the
    same package behind them; the others follow as their dataclasses do, each with what it declares.
    """
    places: dict[type[Any], list[tuple[tuple[int, int], str]]] = {}
    classes = list(inspect.getmro(params))
    for field in dataclasses.fields(params):
        declaring = [c for c in classes if field.name in inspect.get_annotations(c)]
        base = declaring[-1]
        nearest = declaring[0] if _package(base) == _package(params) else base
        owner = params if _package(base) == _package(params) else base
        order = classes.index(nearest), list(inspect.get_annotations(nearest)).index(field.name)
        places.setdefault(owner, []).append((order, field.name))
    groups = {owner: tuple(name for _, name in sorted(names)) for owner, names in places.items()}
    own = [Group("", groups.pop(params))] if params in groups else []
    return own + [Group(_title(owner), names) for owner, names in groups.items()]


def _package(cls: type[Any]) -> str:
    return cls.__module__.partition(".")[0]


def _title(cls: type[Any]) -> str:
    return (inspect.getdoc(cls) or cls.__name__).partition("\n")[0].partition(". ")[0].rstrip(".")
