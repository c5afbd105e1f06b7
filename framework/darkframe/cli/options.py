"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from darkframe.cli.complete import Completer, complete_plugin, complete_set

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def source_option(help: str) -> Decorator:
    """``--source NAME``; the default is added to the help."""
    return click.option("--source", metavar="NAME", shell_complete=complete_plugin("source"), help=f"{help}  [default: tiny]")


def set_option(help: str, complete: Completer = complete_set) -> Decorator:
    """``--set KIND.KEY=VALUE``, repeatable, as ``settings``."""
    return click.option("--set", "settings", metavar="KIND.KEY=VALUE", multiple=True, shell_complete=complete, help=help)


def config_option(help: str) -> Decorator:
    """``--config FILE``."""
    return click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help=help)


def device_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--device``."""
    return click.option("--device", metavar="auto|cpu|cuda[:N]", help="Where to compute.  [default: auto]")(function)
