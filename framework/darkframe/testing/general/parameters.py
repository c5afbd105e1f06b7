"""Checks of a plugin's parameters: declared in full, and the same when they are written down and read back."""

from __future__ import annotations

import json
from typing import Any

from darkframe.config import build, parameters, to_record
from darkframe.config.parameters import as_text
from darkframe.errors import ParameterError
from darkframe.testing.checks import require
from darkframe.testing.kit import GENERAL
from darkframe.testing.subject import Subject


@GENERAL()
def parameters_are_declared(plugin: Subject) -> None:
    """Its parameters are a frozen dataclass of ``darkframe.param`` fields that can be made without arguments."""
    kind = plugin.found.info.params
    frozen = kind.__dataclass_params__.frozen
    require(frozen, f"{kind.__name__} is not frozen; write @dataclass(frozen=True).")
    try:
        parameters(kind)
        default = kind()
    except (TypeError, ValueError) as error:
        require(False, f"{kind.__name__} is not declared properly: {' '.join(str(error).split()).rstrip('.')}.")
    require(default == kind(), f"Two {kind.__name__}() are not equal.")


@GENERAL()
def defaults_keep_their_bounds(plugin: Subject) -> None:
    """Every default is a value that the parameter itself accepts."""
    kind = plugin.kind
    default = plugin.found.info.params()
    for name, parameter in _parameters(plugin).items():
        value = getattr(default, name)
        try:
            parameter.read(value, f"{kind}.{name}")
        except ParameterError as error:
            require(False, f"It refuses its own default: {error.message}")


@GENERAL()
def parameters_have_help(plugin: Subject) -> None:
    """Every parameter says in one line of text what it does."""
    for name, parameter in _parameters(plugin).items():
        words = str(parameter.help).strip()
        require(words, f"{plugin.kind}.{name} has no help.")
        require(words.isprintable(), f"The help of {plugin.kind}.{name} is not one line of plain text.")


@GENERAL()
def parameters_round_trip(plugin: Subject) -> None:
    """Its parameters, written as JSON and read back, are equal."""
    try:
        record = json.loads(json.dumps(to_record(plugin.params), allow_nan=False))
    except (TypeError, ValueError) as error:
        require(False, f"Its parameters cannot be written as JSON: {error}.")
    info = plugin.found.info
    again = build(info.params, record, kind=info.kind, owner=f"{info.kind} {info.name!r}")
    for name, parameter in _parameters(plugin).items():
        value, read = getattr(plugin.params, name), getattr(again, name)
        same = read == parameter.read(value, f"{info.kind}.{name}")  # which makes paths absolute
        require(same, f"{info.kind}.{name} is {value!r}, but {read!r} once it was written down and read back.")


@GENERAL()
def parameters_can_be_set_as_text(plugin: Subject) -> None:
    """Each parameter's value, as ``--set`` would be given it, reads as the same value."""
    for name, parameter in _parameters(plugin).items():
        value = getattr(plugin.params, name)
        text, label = as_text(value), f"{plugin.kind}.{name}"
        try:
            read = parameter.read(text, label)
        except ParameterError as error:
            require(False, f"--set {label}={text} is refused, though {value!r} is its value: {error.message}")
        require(read == parameter.read(value, label), f"--set {label}={text} gives {read!r}, not {value!r}.")


def _parameters(plugin: Subject) -> dict[str, Any]:
    return parameters(plugin.found.info.params)
