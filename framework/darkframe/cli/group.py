"""The command ``darkframe``: its subcommands by name, and how errors end it."""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any, NamedTuple

import click

from darkframe.cli.state import State, debug_option


class Lazy(NamedTuple):
    """A subcommand, imported when it is used; the help of the whole needs just this."""

    target: str
    summary: str


COMMANDS: Mapping[str, Lazy] = {
    "run": Lazy("darkframe.cli.run:command", "Run the dark-matter study, the taxonomy study, or both."),
    "sweep": Lazy("darkframe.cli.sweep:command", "Run a grid of parameter values, and compare the runs."),
    "track": Lazy("darkframe.cli.track:command", "Follow a taxonomy over an SAE's training checkpoints."),
    "doctor": Lazy("darkframe.cli.doctor:command", "Check that a source's SAE is wired as it was trained."),
    "show": Lazy("darkframe.cli.show:command", "Print a finished run's summary again."),
    "explore": Lazy("darkframe.cli.explore:command", "Look into a taxonomy: levels, one cluster, one feature."),
    "fetch": Lazy("darkframe.cli.fetch:command", "Download what a source reads, for machines without network."),
    "export": Lazy("darkframe.cli.export:command", "Write a finished run under the notebook's file names."),
    "list-plugins": Lazy(
        "darkframe.cli.list_plugins:command", "List sources, decomposers and clusterers, and problems with them."
    ),
    "new-plugin": Lazy("darkframe.cli.new_plugin:command", "Write a new plugin package, which works as it is."),
    "describe": Lazy("darkframe.cli.describe:command", "Say what a plugin does and which parameters it takes."),
    "check": Lazy("darkframe.cli.check:command", "Check that plugins keep the promises of their contract."),
    "completion": Lazy("darkframe.cli.completion:command", "Print the shell completion script."),
}


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show inside what is to go as one line, without the place in the code that Python names."""
    from darkframe.deprecation import DarkframeDeprecationWarning

    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, DarkframeDeprecationWarning):
                others(message, category, *where, **more)
                return
            from darkframe.cli.failure import one_paragraph

            click.echo(f"Warning: {one_paragraph(str(message))}", err=True)

        warnings.showwarning = show
        yield


class Group(click.Group):
    """Subcommands imported on use, and every error as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = COMMANDS.get(cmd_name)
        if lazy is None:
            return None
        module, _, attribute = lazy.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        command.help = (command.help or "").replace("\\b\n", "\b\n")  # click's mark of lines that stay, in raw docstrings
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], COMMANDS) if args[0] not in COMMANDS else []
        if near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(map(repr, near))}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Like ``click.Group.main``; by itself it ends with ``SystemExit``, and with one sentence for an error."""
        state = State()
        try:
            with _plain_warnings():
                code = super().main(args, prog_name, complete_var, standalone_mode=False, obj=state, **extra)
        except BaseException as error:
            if not standalone_mode:
                raise
            from darkframe.cli.failure import exit_code

            raise SystemExit(exit_code(error, state)) from None
        if not standalone_mode:
            return code
        raise SystemExit(code if isinstance(code, int) else 0)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(metadata.version("darkframe"), "--version", message="darkframe %(version)s")
@debug_option
def darkframe() -> None:
    """What sparse autoencoders leave behind, and how what they found is organised; each against its null.

    With nothing else installed, 'darkframe run' studies a small language model and SAE that come with it.
    """
