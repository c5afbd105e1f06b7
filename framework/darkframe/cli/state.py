"""What the whole command knows: whether ``--debug`` was given, and which run is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass
class State:
    """One invocation of the command."""

    debug: bool = False


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    state = ctx.find_object(State)
    if state is not None and value:
        state.debug = True


def debug_option(function: Decorated) -> Decorated:
    """``--debug``, on the group and on its commands."""
    option = click.option("--debug", is_flag=True, expose_value=False, callback=_remember, help="Show the traceback of an error.")
    return option(function)
