"""``darkframe list-plugins``: what is installed, where it comes from, and what is wrong with it."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from darkframe.cli.failure import one_paragraph
from darkframe.cli.state import State, debug_option

if TYPE_CHECKING:
    from darkframe.registry import Found, Problem, Registry

_HARD_SPACE = "\N{NO-BREAK SPACE}"  # textwrap leaves together what it joins
_KINDS = ("source", "decomposer", "clusterer")  # the kinds, not the plugins: these never change with what is installed


@click.command(name="list-plugins")
@click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@debug_option
@click.pass_obj
def command(state: State, kind: str | None, as_json: bool) -> None:
    """List the plugins of all installed distributions, and the problems found with them.

    The environment variable DARKFRAME_PLUGINS selects: comma-separated distributions or entry-point names
    ('darkframe' has the built-in ones); empty, it leaves out all.
    """
    from darkframe.registry import Registry

    registry = Registry.discover()
    if as_json:
        click.echo(json.dumps(_record(registry, kind), indent=2))
        return
    width = shutil.get_terminal_size((110, 24)).columns
    for each in [kind] if kind else _KINDS:
        _print_kind(registry, each, width)
    _print_problems(registry.problems, width, debug=state.debug)


def _print_kind(registry: Registry, kind: str, width: int) -> None:
    from darkframe.registry.records import clipped

    plugins = registry.plugins(kind)
    click.secho(f"{kind.capitalize()}s", bold=True)
    if not plugins:
        click.echo("  none")
    names = [found.qualified if registry.clashes(found) else found.name for found in plugins]
    column = min(max(map(len, names), default=0) + 2, 40)
    for name, found in zip(names, plugins):
        origin = f"{found.distribution} {found.version}".replace(" ", _HARD_SPACE)
        going = f" {one_paragraph(_going(found) or '')}".rstrip()
        _print_entry(name, f"{one_paragraph(clipped(found.info.summary))} ({origin}){going}", column, width)
    click.echo()


def _going(found: Found) -> str | None:
    """That a plugin is to go, in a sentence; None where it stays."""
    deprecated = found.info.deprecated
    return None if deprecated is None else deprecated.sentence(f"The {found.kind} {found.name!r}", found.distribution)


def _print_entry(name: str, text: str, column: int, width: int) -> None:
    wrapped = textwrap.wrap(text, max(width - column - 3, 30), break_on_hyphens=False) or [""]
    lines = [one_paragraph(line) for line in wrapped]
    head = one_paragraph(name)
    click.echo("  " + click.style(head.ljust(column), fg="cyan") + lines[0] if len(head) < column else f"  {head}  {lines[0]}")
    for line in lines[1:]:
        click.echo(" " * (column + 2) + line)


def _print_problems(problems: list[Problem], width: int, *, debug: bool) -> None:
    if not problems:
        return
    click.secho("Problems", bold=True, fg="yellow")
    for problem in problems:
        text = one_paragraph(f"{problem.origin}: {problem.reason}")
        click.echo(textwrap.fill(text, max(width - 1, 30), initial_indent="  ", subsequent_indent="    "))
        if debug and problem.details:
            click.echo(textwrap.indent(problem.details.rstrip(), "    | "))
    if not debug and any(problem.details for problem in problems):
        click.echo("  (--debug shows tracebacks)")


def _record(registry: Registry, kind: str | None) -> dict[str, Any]:
    names = ("distribution", "version", "entry_point", "reason", "details", "fatal")
    problems = [{name: getattr(problem, name) for name in names} for problem in registry.problems]
    return {"plugins": [_plugin(found, registry) for found in registry.plugins(kind)], "problems": problems}


def _plugin(found: Found, registry: Registry) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "name": found.name,
        "summary": found.info.summary,
        "distribution": found.distribution,
        "version": found.version,
        "entry_point": found.entry_point,
        "target": found.info.target,
        "api": found.info.api,
        "deprecated": _going(found),
        "clash": registry.clashes(found),
    }
