"""The types a parameter can have: how each is read from text or a Python value, and named in a sentence."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from darkframe.config.places import absolute, absolute_if_path, split

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


class Form(Protocol):
    """One type of parameter."""

    def words(self, bounds: str) -> str:
        """Name what is accepted, such as ``an integer ≥ 1``."""

    def read(self, value: Any) -> Any:
        """Value as the parameter's type; text is read as ``--set`` gives it.

        Raises:
            ValueError: The value is of another type.
        """


@dataclass(frozen=True)
class Integer:
    """``int``; never a bool, never a float."""

    def words(self, bounds: str) -> str:
        return f"an integer{bounds}"

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        return int(value)


@dataclass(frozen=True)
class Number:
    """``float``, finite."""

    def words(self, bounds: str) -> str:
        return f"a number{bounds}"

    def read(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        try:
            number = float(value)
        except OverflowError:
            raise ValueError from None
        if not math.isfinite(number):
            raise ValueError
        return number


@dataclass(frozen=True)
class Flag:
    """``bool``."""

    def words(self, bounds: str) -> str:
        return "true or false"

    def read(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
            return value.strip().lower() in _TRUE
        raise ValueError


@dataclass(frozen=True)
class Text:
    """``str``."""

    def words(self, bounds: str) -> str:
        return "text"

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        return str(value)


@dataclass(frozen=True)
class PathOrName(Text):
    """``str`` that may be a path, which is then made absolute; see ``places.absolute_if_path``."""

    folders: bool = False

    def words(self, bounds: str) -> str:
        return "a name or a path"

    def read(self, value: Any) -> str:
        if not isinstance(value, str | Path) or "\0" in str(value):
            raise ValueError
        try:
            return absolute_if_path(value if isinstance(value, str) else str(value), folders=self.folders)
        except RuntimeError:  # ~nobody
            raise ValueError from None


@dataclass(frozen=True)
class PathForm:
    """``pathlib.Path``, made absolute, so that a run can go on from another working folder."""

    def words(self, bounds: str) -> str:
        return "a path"

    def read(self, value: Any) -> Path:
        if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
            raise ValueError
        try:
            return absolute(value)
        except RuntimeError:  # ~nobody
            raise ValueError from None


@dataclass(frozen=True)
class OneOf:
    """``Literal[...]``, or a parameter with choices."""

    values: tuple[Any, ...]

    def words(self, bounds: str) -> str:
        return "one of " + ", ".join(str(value) for value in self.values)

    def read(self, value: Any) -> Any:
        for known in self.values:
            if (type(value) is type(known) and value == known) or (isinstance(value, str) and value == str(known)):
                return known
        raise ValueError


@dataclass(frozen=True)
class Many:
    """``tuple[T, ...]``: comma-separated text, or any list."""

    item: Form

    def words(self, bounds: str) -> str:
        return f"a comma-separated list, each {self.item.words(bounds)}"

    def read(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            value = split(value)
        elif isinstance(value, Path):
            value = [value]
        elif hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, list | tuple):
            raise ValueError
        return tuple(self.item.read(part) for part in value)


@dataclass(frozen=True)
class Nothing:
    """``None``, written ``none``."""

    def words(self, bounds: str) -> str:
        return "none"

    def read(self, value: Any) -> None:
        if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
            return
        raise ValueError


@dataclass(frozen=True)
class AnyOf:
    """``A | B | None``: the first member that understands the value; None first, text last."""

    members: tuple[Form, ...]

    def words(self, bounds: str) -> str:
        told = [member.words(bounds) for member in sorted(self.members, key=lambda m: isinstance(m, Nothing))]
        return " or ".join(told)

    def read(self, value: Any) -> Any:
        for member in sorted(self.members, key=lambda m: (not isinstance(m, Nothing), isinstance(m, Text))):
            try:
                return member.read(value)
            except ValueError:
                continue
        raise ValueError


def with_paths(form: Form, *, folders: bool) -> Form:
    """The form with its text read as ``PathOrName``."""
    if isinstance(form, AnyOf):
        return AnyOf(tuple(with_paths(member, folders=folders) for member in form.members))
    if isinstance(form, Many):
        return Many(with_paths(form.item, folders=folders))
    return PathOrName(folders) if type(form) is Text else form


_PLAIN: Mapping[Any, Form] = {
    int: Integer(),
    float: Number(),
    bool: Flag(),
    str: Text(),
    Path: PathForm(),
    type(None): Nothing(),
}


def form_of(annotation: Any) -> Form:
    """Form of a resolved type annotation.

    Raises:
        TypeError: Parameters cannot have that type.
    """
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return OneOf(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Many(form_of(arguments[0]))
    if origin in (typing.Union, types.UnionType):
        return AnyOf(tuple(form_of(member) for member in arguments))
    raise TypeError(
        f"a parameter cannot be of type {annotation!r}; use int, float, bool, str, Path, tuple[T, ...], Literal or | None"
    )
