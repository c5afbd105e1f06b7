"""What the shell offers after <Tab>: plugins, parameters, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from darkframe.config import Parameter

Completer = Callable[["click.Context", "click.Parameter", str], list[CompletionItem]]


def complete_plugin(kind: str) -> Completer:
    """Completes names of one kind of plugin."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return plugin_names(kind, incomplete)

    return complete


def plugin_names(kind: str | None, incomplete: str) -> list[CompletionItem]:
    """Names of one kind, or of all, qualified where they clash."""
    from darkframe.registry import Registry

    registry = Registry.discover()
    names = [(f.qualified if registry.clashes(f) else f.name, f.info.summary) for f in registry.plugins(kind)]
    return [CompletionItem(name, help=summary) for name, summary in names if name.startswith(incomplete)]


def complete_checked(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of plugins (of ``--kind``, if that is given) and distributions."""
    from darkframe.registry import Registry

    found = Registry.discover().plugins(ctx.params.get("kind"))
    distributions = [CompletionItem(name) for name in sorted({plugin.distribution for plugin in found})]
    items = [*plugin_names(ctx.params.get("kind"), incomplete), *distributions]
    return [item for item in items if item.value.startswith(incomplete)]


def complete_checked_set(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``kind.key=`` of the plugins that a name stands for."""
    from darkframe.config import parameters
    from darkframe.registry import Registry

    name, plugins = ctx.params.get("name"), Registry.discover().plugins(ctx.params.get("kind"))
    named = [found for found in plugins if name in (found.name, found.qualified)]
    items = [(f"{found.kind}.{p.name}=", p.help) for found in named for p in parameters(found.info.params).values()]
    return [CompletionItem(value, help=help) for value, help in items if value.startswith(incomplete)]


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Run directories: those in ``runs`` and those under what is typed so far."""
    return _folders(incomplete, "runs", "manifest.json")


def _folders(incomplete: str, usual: str, holding: str) -> list[CompletionItem]:
    """Folders that hold a certain file: in the usual place, or under what is typed so far."""
    typed = Path(incomplete)
    parent = typed if incomplete.endswith("/") else typed.parent
    folders = [parent] if incomplete else [Path(usual), Path()]
    found = sorted({path.parent for folder in folders for path in folder.glob(f"*/{holding}")})
    there = [CompletionItem(str(path)) for path in found if str(path).startswith(incomplete)]
    return there or [CompletionItem(incomplete, type="dir")]


def complete_sweep(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Sweep directories: those in ``sweeps`` and those under what is typed so far."""
    return _folders(incomplete, "sweeps", "sweep.json")


def complete_set(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``kind.key=`` of the plugins chosen so far, and the study's."""
    return [
        CompletionItem(f"{kind}.{parameter.name}=", help=parameter.help)
        for kind, parameter in _parameters(ctx)
        if f"{kind}.{parameter.name}=".startswith(incomplete)
    ]


def _parameters(ctx: click.Context) -> Iterator[tuple[str, Parameter]]:
    from darkframe.config import RunOptions, StudyParams, TaxonomyParams, parameters
    from darkframe.errors import UserError
    from darkframe.registry import Registry

    registry, options = Registry.discover(), RunOptions()
    clusterer = ctx.params.get("clusterer")
    chosen = {
        "source": ctx.params.get("source") or options.source,
        "decomposer": ctx.params.get("decomposer") or ("" if clusterer else "fastica"),
        "clusterer": clusterer or "",
    }
    for kind, name in chosen.items():
        try:
            found = registry.get(kind, name)
        except UserError:
            continue
        yield from ((kind, parameter) for parameter in parameters(found.info.params).values())
    if chosen["decomposer"]:
        yield from (("study", parameter) for parameter in parameters(StudyParams).values())
    if clusterer:
        yield from (("taxonomy", parameter) for parameter in parameters(TaxonomyParams).values())
