"""How the command ends when something goes wrong: one clear sentence on stderr, and an exit code."""

from __future__ import annotations

import json
import shlex
import traceback
from pathlib import Path

import click

from darkframe.cli.state import State
from darkframe.errors import DarkframeError, UserError
from darkframe.report.text import visible

INTERRUPTED = 130


def exit_code(error: BaseException, state: State) -> int:
    """Say what went wrong and give the exit code: 2 for the user's mistakes, 130 for Ctrl-C, 1 for the rest."""
    if isinstance(error, SystemExit):  # click's own, for a reader that went away
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if state.debug and not isinstance(error, click.ClickException):
        click.echo("".join(traceback.format_exception(error)), err=True)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return _interrupted(error)
    run = _run_of(error)
    click.echo(f"Error: {one_paragraph(_sentence(error))}", err=True)
    if not state.debug and not isinstance(error, UserError):
        log = f" The log is {run / 'log.txt'}." if run else ""
        click.echo(f"Run again with --debug to see where it happened.{log}", err=True)
    if run:
        click.echo(f"What was computed is kept; once that is put right, go on with: {_resume(run)}", err=True)
    return error.exit_code if isinstance(error, DarkframeError) else 1


def one_paragraph(text: str) -> str:
    """Foreign text on one line, with nothing in it that acts on a terminal."""
    return visible(" ".join(text.split()))


def _sentence(error: BaseException) -> str:
    if isinstance(error, DarkframeError):
        return str(error)
    return f"darkframe failed unexpectedly: {type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


def _interrupted(error: BaseException) -> int:
    run = _run_of(error) or (_run_of(error.__cause__) if error.__cause__ else None)
    again = f" What was computed is kept; go on with: {_resume(run)}" if run else ""
    doing = getattr(error, "_darkframe_doing", None) or getattr(error.__cause__, "_darkframe_doing", "")
    where = f" while {one_paragraph(doing)}; DARKFRAME_PLUGINS says which plugins are looked at" if doing else ""
    click.echo(f"Interrupted{where}.{again}", err=True)
    return INTERRUPTED


def _resume(run: Path) -> str:
    return f"darkframe {_command(run)} --resume {shlex.quote(_short(run))}"


def _command(run: Path) -> str:
    """The command that goes on with what lies in a folder."""
    if (run / "sweep.json").is_file():
        return "sweep"
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "run"
    return "track" if "track" in (manifest.get("config") or {}) else "run"


def _short(path: Path) -> str:
    """Path as seen from the working folder, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _run_of(error: BaseException) -> Path | None:
    path = getattr(error, "_darkframe_run", None)
    return path if isinstance(path, Path) else None
