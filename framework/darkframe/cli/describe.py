"""``darkframe describe KIND NAME``: what a plugin does, and every parameter it takes."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from darkframe.cli.complete import plugin_names
from darkframe.cli.failure import one_paragraph
from darkframe.cli.state import debug_option
from darkframe.plugin import SourceInfo

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from darkframe.config import Parameter
    from darkframe.registry import Found

_KINDS = ("source", "decomposer", "clusterer", "study", "taxonomy")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return plugin_names(ctx.params.get("kind") or "", incomplete)


@click.command(name="describe")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@debug_option
def command(kind: str, name: str | None, as_json: bool) -> None:
    """Describe the plugin NAME of a KIND (source, decomposer, clusterer), or a study: 'darkframe describe taxonomy'."""
    record = _study(kind) if kind in ("study", "taxonomy") else _plugin(kind, name)
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        _print(kind, record)


def _study(kind: str) -> dict[str, Any]:
    from darkframe.config import StudyParams, TaxonomyParams

    if kind == "taxonomy":
        summary = "Organises an SAE's features by their decoder directions."
        return {"kind": "study", "name": "taxonomy", "summary": summary} | _declared("taxonomy", TaxonomyParams)
    summary = "Decomposes what an SAE leaves behind."
    return {"kind": "study", "name": "dark-matter", "summary": summary} | _declared("study", StudyParams)


def _plugin(kind: str, name: str | None) -> dict[str, Any]:
    from darkframe.registry import Registry

    if name is None:
        raise click.UsageError(f"Which {kind}? 'darkframe list-plugins --kind {kind}' lists them.")
    found = Registry.discover().get(kind, name)
    return _identity(found) | _declared(kind, found.info.params)


def _identity(found: Found) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": found.kind, "name": found.name, "summary": found.info.summary}
    record["from"] = f"{found.distribution} {found.version}, entry point {found.entry_point}"
    record["class"] = found.info.target
    if found.info.install_hint:
        record["needs"] = found.info.install_hint
    if hasattr(found.info, "capabilities"):
        where = ", each where its parameters name it" if getattr(found.info, "partial", False) else ""
        record["gives"] = ", ".join(found.info.capabilities) + where
    if hasattr(found.info, "default_tokens"):
        tokens = found.info.default_tokens
        record["tokens by default"] = "all the text holds" if tokens is None else f"{tokens:,}"
    if isinstance(found.info, SourceInfo) and found.info.over:
        record["tracked over"] = found.info.over
    return record


def _declared(kind: str, params: type[Any]) -> dict[str, Any]:
    from darkframe.config import grouped, parameters

    declared = parameters(params)
    told = [(group.title, declared[name]) for group in grouped(params) for name in group.names]
    return {"parameters": [_parameter(kind, title, parameter) for title, parameter in told]}


def _parameter(kind: str, group: str, parameter: Parameter) -> dict[str, Any]:
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return {
        "name": f"{kind}.{parameter.name}",
        "type": parameter.type,
        "accepts": parameter.accepts + unit,
        "default": parameter.default_text,
        "help": parameter.help,
        "group": group,
    }


def _print(kind: str, record: dict[str, Any]) -> None:
    width = max(shutil.get_terminal_size((110, 24)).columns - 1, 40)
    click.secho(one_paragraph(f"{record['kind']} {record['name']}"), bold=True)
    for key, value in record.items():
        if key not in ("kind", "name", "parameters"):
            label = "" if key == "summary" else f"{key}: "
            click.echo(_filled(f"{label}{value}", width, "  ", "    "))
    group = None
    for parameter in record["parameters"]:
        if parameter["group"] != group:
            group = parameter["group"]
            click.secho("\n" + one_paragraph(group or "Parameters"), bold=True)
        _print_parameter(parameter, width)
    if not record["parameters"]:
        click.secho("\nNo parameters", bold=True)
        return
    example = f"Set one with --set {record['parameters'][0]['name']}=VALUE or in the [{kind}] table of a config file."
    click.echo("\n" + _filled(example, width, "", ""))


def _print_parameter(parameter: dict[str, Any], width: int) -> None:
    default = one_paragraph(parameter["default"])
    click.echo("  " + click.style(parameter["name"], fg="cyan") + (f" = {default}" if default else " (empty)"))
    text = f"{parameter['help']} Accepts {parameter['accepts']}."
    click.echo(_filled(text, width, "      ", "      "))


def _filled(text: str, width: int, first: str, others: str) -> str:
    return textwrap.fill(one_paragraph(text), width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
