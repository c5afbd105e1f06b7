"""Frozen records back from plain JSON, by their own type hints."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from darkframe.errors import StoreError

T = TypeVar("T")


def _field(cls: type[Any], field: dataclasses.Field[Any], data: Mapping[str, Any]) -> Any:
    if field.name in data:
        return _value(typing.get_type_hints(cls)[field.name], data[field.name])
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise StoreError(f"The record {cls.__name__} has no field {field.name!r}: it was written by another version of darkframe.")


def _value(hint: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), data)
    if hint is float:
        return float("nan") if data is None else float(data)  # JSON has no NaN: it was written as null
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record_from_plain(hint, data)
    if origin is tuple:
        kinds = arguments[:1] * len(data) if arguments[-1:] == (Ellipsis,) else arguments
        return tuple(_value(kind, item) for kind, item in zip(kinds, data, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _value(arguments[1], item) for key, item in data.items()}
    return data


def record_from_plain(cls: type[T], data: Any) -> T:
    """The frozen record that ``plain`` made ``data`` from; fields it lacks take their defaults, unknown ones are left out.

    Raises:
        StoreError: ``data`` does not have the record's shape.
    """
    if not isinstance(data, Mapping):
        raise StoreError(f"The record {cls.__name__} is damaged: a mapping was expected.")
    try:
        return cls(**{f.name: _field(cls, f, data) for f in dataclasses.fields(cls)})  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise StoreError(f"The record {cls.__name__} is damaged: {error}.") from error
