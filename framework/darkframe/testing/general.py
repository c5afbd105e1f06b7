"""Checks of every plugin: it loads, is light to list, and its parameters can be written down and read back."""

from __future__ import annotations

import json

from darkframe.config import build, to_record
from darkframe.testing.checks import require
from darkframe.testing.kit import GENERAL
from darkframe.testing.subject import Subject


@GENERAL()
def it_can_be_loaded(plugin: Subject) -> None:
    """Its target can be imported and is a class."""
    require(isinstance(plugin.target, type), "The target is not a class.")


@GENERAL()
def parameters_round_trip(plugin: Subject) -> None:
    """Its parameters, written as JSON and read back, are equal."""
    info = plugin.found.info
    record = json.loads(json.dumps(to_record(plugin.params)))
    again = build(info.params, record, kind=info.kind, owner=f"{info.kind} {info.name!r}")
    require(again == plugin.params, f"Parameters read back are {again}, not {plugin.params}.")
