"""``darkframe new-plugin KIND NAME``: a complete package to make a plugin of one's own from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darkframe.cli.state import debug_option
from darkframe.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from darkframe.scaffold import NewPlugin

_KINDS = ("source", "decomposer", "clusterer")


@click.command(name="new-plugin", short_help="Write a new plugin package: it works, tests itself, and is yours to change.")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The new folder.  [default: darkframe-NAME]")
@click.option(
    "--licence",
    "--license",
    "licence",
    metavar="NAME",
    default="MIT",
    help="MIT, Apache-2.0, BSD-3-Clause, or none (all rights reserved).  [default: MIT]",
)
@click.option("--author", default="", metavar="TEXT", help="Who holds the copyright.  [default: git's user.name]")
@click.option("--summary", default="", metavar="TEXT", help="What it does, in one line.  [default: what the example does]")
@debug_option
def command(kind: str, name: str, out: Path | None, licence: str, author: str, summary: str) -> None:
    r"""Write a package for a plugin of a KIND (source, decomposer, clusterer) called NAME.

    It holds a small working example, its tests (the conformance kit's and its own), a README and a licence; it installs, passes
    and runs as it is. It asks nothing, and writes all or nothing.

    \b
    darkframe new-plugin clusterer my-kmeans
    darkframe new-plugin decomposer my-nmf --licence Apache-2.0
    darkframe new-plugin source my-arrays --out ~/code/my-arrays
    """
    from darkframe.scaffold import new_plugin

    made = new_plugin(kind, name, out, licence_name=licence, author=author, summary=summary)
    click.echo(f"Wrote the {kind} {name}:\n")
    click.echo("\n".join(f"  {line}" for line in _tree(made)))
    click.echo("\nWhat to do next:\n")
    click.echo("\n".join(f"  {line}" for line in next_commands(made)))


def next_commands(made: NewPlugin) -> list[str]:
    """Commands to be copied as they stand."""
    name, kind, folder = made.names.name, made.names.kind, str(made.folder)
    folder = folder if folder.startswith(("/", ".")) else f"./{folder}"  # pip takes a bare word for a distribution's name
    return [
        f"pip install -e {shlex.quote(f'{folder}[test]')}",
        f"pytest {shlex.quote(folder)}",
        f"darkframe check {name}",
        f"darkframe run --{kind} {name}",
    ]


def _tree(made: NewPlugin) -> Iterator[str]:
    yield visible(f"{made.folder}/")
    yield from _branches([path.parts for path in made.files])


def _branches(paths: Sequence[tuple[str, ...]], indent: str = "") -> Iterator[str]:
    """Lines of a tree of files, in their order."""
    heads = list(dict.fromkeys(path[0] for path in paths))
    for head in heads:
        inner = [path[1:] for path in paths if path[0] == head and len(path) > 1]
        last = head == heads[-1]
        yield f"{indent}{'└── ' if last else '├── '}{head}{'/' if inner else ''}"
        yield from _branches(inner, indent + ("    " if last else "│   "))
