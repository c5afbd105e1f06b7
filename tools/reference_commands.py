"""The reference of the command: what ``--help`` prints, word for word, at 100 columns."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence

import click
from darkframe.cli.group import COMMANDS, darkframe
from tools.reference_markdown import code, page

COLUMNS = "100"


def commands() -> str:
    """reference/commands.md."""
    intro = (
        "What `darkframe COMMAND --help` prints in a terminal of 100 columns. Every command ends with "
        "exit code "
        "0, with 1 for a failure, with 2 where it was asked for what cannot be done, and with 130 after "
        "Ctrl-C; "
        "an error is one sentence, and `--debug` shows its traceback."
    )
    parts = [code(help_of(())), *(part for name in COMMANDS for part in _command((name,)))]
    return page("Commands", intro, *parts)


def help_of(path: Sequence[str]) -> str:
    """What a command prints with ``--help``."""
    before, printed = os.environ.get("COLUMNS"), io.StringIO()
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(printed):
            darkframe.main([*path, "--help"], prog_name="darkframe", standalone_mode=False)
    finally:
        os.environ.pop("COLUMNS")
        os.environ.update({} if before is None else {"COLUMNS": before})
    return printed.getvalue()


def _command(path: tuple[str, ...]) -> list[str]:
    command: click.Command | None = darkframe
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    parts = [f"{'#' * (len(path) + 1)} darkframe {' '.join(path)}", code(help_of(path))]
    if len(path) == 1:
        parts.insert(1, f"{COMMANDS[path[0]].summary} {_tutorial(path[0])}".strip())
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            parts += _command((*path, name))
    return parts


_TUTORIALS = {
    "run": "tutorials/dark-matter.md",
    "sweep": "tutorials/sweep.md",
    "track": "tutorials/tracking.md",
    "doctor": "tutorials/doctor.md",
    "explore": "tutorials/taxonomy.md",
    "new-plugin": "first-plugin.md",
    "check": "plugin-guide.md",
}


def _tutorial(name: str) -> str:
    return f"[How to use it](../{_TUTORIALS[name]})." if name in _TUTORIALS else ""
