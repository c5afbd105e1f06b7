"""``darkframe describe [KIND] NAME``: what a plugin does, and every parameter it takes."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from darkframe.cli.complete import plugin_names
from darkframe.cli.failure import one_paragraph
from darkframe.cli.state import debug_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from darkframe.config import Parameter
    from darkframe.registry import Found, Registry

_PLUGINS = ("source", "decomposer", "clusterer")
_STUDIES = ("study", "taxonomy")
_KINDS = (*_PLUGINS, *_STUDIES)


def _complete_first(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    kinds = [CompletionItem(kind) for kind in _KINDS if kind.startswith(incomplete)]
    return [*kinds, *plugin_names(None, incomplete)]


def _complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return plugin_names(ctx.params.get("kind") or "", incomplete)


@click.command(name="describe")
@click.argument("kind", metavar="[KIND]", shell_complete=_complete_first)
@click.argument("name", metavar="NAME", required=False, shell_complete=_complete_name)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@debug_option
def command(kind: str, name: str | None, as_json: bool) -> None:
    r"""Describe the plugin NAME, of a KIND (source, decomposer, clusterer) where several kinds have one, or a study.

    \b
    darkframe describe fastica                     or darkframe describe decomposer fastica
    darkframe describe my-plugins:fastica          of that distribution
    darkframe describe taxonomy                    the parameters of a study: taxonomy, or study (dark matter)
    """
    record = _study(kind) if name is None and kind in _STUDIES else _plugin(kind, name)
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        _print(record)


def _study(kind: str) -> dict[str, Any]:
    from darkframe.config import StudyParams, TaxonomyParams

    if kind == "taxonomy":
        summary = "Organises an SAE's features by their decoder directions."
        return {"kind": "study", "name": "taxonomy", "summary": summary} | _declared("taxonomy", TaxonomyParams)
    summary = "Decomposes what an SAE leaves behind."
    return {"kind": "study", "name": "dark-matter", "summary": summary} | _declared("study", StudyParams)


def _plugin(kind: str, name: str | None) -> dict[str, Any]:
    from darkframe.cli.describe_plugin import describe
    from darkframe.registry import Registry

    registry = Registry.discover()
    found = _found(registry, kind, name)
    return describe(found) | _declared(found.kind, found.info.params, found.distribution)


def _found(registry: Registry, kind: str, name: str | None) -> Found:
    """The plugin that is meant by a kind and a name, or by a name alone."""
    if name is not None:
        if kind not in _PLUGINS:
            raise click.UsageError(f"{kind!r} is no kind of plugin; the kinds are {', '.join(_PLUGINS)}.")
        return registry.get(kind, name)
    matching = [found for found in registry.plugins() if kind in (found.name, found.qualified)]
    if not matching and kind in _PLUGINS:
        raise click.UsageError(f"Which {kind}? 'darkframe list-plugins --kind {kind}' lists them.")
    return matching[0] if len(matching) == 1 else _none(registry, kind, matching)


def _none(registry: Registry, name: str, matching: Sequence[Found]) -> NoReturn:
    """Say why a name alone stands for no plugin, or for several."""
    from darkframe.config.build import did_you_mean
    from darkframe.errors import UnknownPluginError

    if matching:
        clash = {found.kind: [f.qualified for f in matching if f.kind == found.kind] for found in matching}
        ways = [f"{kind} {offer if len(offers) > 1 else name}" for kind, offers in clash.items() for offer in offers]
        raise UnknownPluginError(f"Several plugins have the name {name!r}; say which: {' or '.join(ways)}.")
    names = sorted({found.name for found in registry.plugins()} | set(_KINDS))
    fatal = sum(problem.fatal for problem in registry.problems)
    broken = f" {fatal} plugin{'s' if fatal > 1 else ''} could not be used." if fatal else ""
    raise UnknownPluginError(
        f"No plugin {name!r} is installed.{did_you_mean(name, names)}{broken}", hint="See 'darkframe list-plugins'."
    )


def _declared(kind: str, params: type[Any], owner: str = "darkframe") -> dict[str, Any]:
    from darkframe.config import grouped, parameters

    declared = parameters(params)
    told = [(group.title, declared[name]) for group in grouped(params) for name in group.names]
    return {"parameters": [_parameter(kind, title, parameter, owner) for title, parameter in told]}


def _parameter(kind: str, group: str, parameter: Parameter, owner: str) -> dict[str, Any]:
    unit = f" ({parameter.unit})" if parameter.unit else ""
    record = {
        "name": f"{kind}.{parameter.name}",
        "type": parameter.type,
        "accepts": parameter.accepts + unit,
        "default": parameter.default_text,
        "help": parameter.help,
        "group": group,
    }
    if parameter.deprecated is not None:
        record["deprecated"] = parameter.deprecated.sentence(f"{kind}.{parameter.name}", owner)
    return record


def _print(record: dict[str, Any]) -> None:
    from darkframe.cli.describe_plugin import lines

    width = max(shutil.get_terminal_size((110, 24)).columns - 1, 40)
    click.secho(one_paragraph(f"{record['kind']} {record['name']}"), bold=True)
    for key, text in lines(record):
        colour = {"deprecated": "yellow", "fault": "red"}.get(key)
        click.secho(_filled(text, width, "  ", "    "), fg=colour)
    group = None
    for parameter in record["parameters"]:
        if parameter["group"] != group:
            group = parameter["group"]
            click.secho("\n" + one_paragraph(group or "Parameters"), bold=True)
        _print_parameter(parameter, width)
    if not record["parameters"]:
        click.secho("\nNo parameters", bold=True)
        return
    first = record["parameters"][0]["name"]
    example = f"Set one with --set {first}=VALUE or in the [{first.partition('.')[0]}] table of a config file."
    click.echo("\n" + _filled(example, width, "", ""))


def _print_parameter(parameter: dict[str, Any], width: int) -> None:
    default = one_paragraph(parameter["default"])
    click.echo("  " + click.style(parameter["name"], fg="cyan") + (f" = {default}" if default else " (empty)"))
    text = f"{parameter['help']} Accepts {parameter['accepts']}."
    click.echo(_filled(text, width, "      ", "      "))
    if "deprecated" in parameter:
        click.secho(_filled(parameter["deprecated"], width, "      ", "      "), fg="yellow")


def _filled(text: str, width: int, first: str, others: str) -> str:
    """Text on lines of a width; paths and addresses stay whole, to be copied."""
    layout: dict[str, Any] = {"initial_indent": first, "subsequent_indent": others}
    return textwrap.fill(one_paragraph(text), width, break_on_hyphens=False, break_long_words=False, **layout)
