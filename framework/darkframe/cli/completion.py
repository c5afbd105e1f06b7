"""``darkframe completion SHELL``: the script that teaches a shell to complete ``darkframe``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    bash:  eval "$(darkframe completion bash)"     in ~/.bashrc
    zsh:   eval "$(darkframe completion zsh)"      in ~/.zshrc
    fish:  darkframe completion fish > ~/.config/fish/completions/darkframe.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover (click knows these three)
        raise click.UsageError(f"No completion for {shell}.")
    click.echo(kind(ctx.find_root().command, {}, "darkframe", "_DARKFRAME_COMPLETE").source())
