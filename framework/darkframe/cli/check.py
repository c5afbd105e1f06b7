"""``darkframe check``: what is installed, put through the conformance kit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from darkframe.cli.complete import complete_checked, complete_checked_set
from darkframe.cli.options import set_option
from darkframe.cli.state import State, debug_option

if TYPE_CHECKING:
    from darkframe.cli.check_bench import PluginReport
    from darkframe.cli.check_chosen import Chosen
    from darkframe.cli.render_check import CheckView

_KINDS = ("source", "decomposer", "clusterer")


@click.command(name="check")
@click.argument("name", required=False, shell_complete=complete_checked)
@click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
@set_option(
    "Set a parameter of the plugin that is checked; repeatable. 'darkframe describe NAME' lists them.", complete_checked_set
)
@click.option("--json", "as_json", is_flag=True, help="Every check of every plugin on stdout.")
@debug_option
@click.pass_context
def command(ctx: click.Context, name: str | None, kind: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    r"""Check that plugins keep the promises of their contract; NAME is a plugin or a distribution, by default all.

    \b
    darkframe check                                           everything that is installed
    darkframe check my-kmeans                                 one plugin, or distribution:name
    darkframe check darkframe-hdbscan                         the plugins of a distribution
    darkframe check arrays --set source.activations=x.npy     with parameters of its own

    Loads everything and runs the checks of darkframe.testing. A source that cannot be opened here as it is set, because it
    needs a file or a download, is left out: nothing is downloaded. Exits with 1 where a check fails, a plugin cannot be used
    at all, or all that NAME stands for is left out; with 0 otherwise.
    """
    from darkframe.cli.check_chosen import choose
    from darkframe.cli.render_check import CheckView
    from darkframe.registry import Registry

    chosen = choose(Registry.discover(), name, kind, settings)
    view = CheckView(chosen, quiet=as_json, debug=ctx.ensure_object(State).debug)
    reports, interrupted = _made(chosen, view)
    good = is_good(chosen, reports, named=name is not None)
    if as_json:
        click.echo(json.dumps(_record(chosen, reports, good=good and not interrupted, interrupted=interrupted), indent=2))
    else:
        view.conclude(reports, interrupted=interrupted)
    if interrupted:
        raise KeyboardInterrupt
    ctx.exit(0 if good else 1)


def is_good(chosen: Chosen, reports: list[PluginReport], *, named: bool) -> bool:
    """Whether nothing failed, and, of what was asked for by name, something was checked."""
    left_out = named and reports and all(report.obstacle for report in reports)
    return not chosen.problems and not left_out and not any(report.failures for report in reports)


def _made(chosen: Chosen, view: CheckView) -> tuple[list[PluginReport], bool]:
    """The reports, and whether Ctrl-C ended it."""
    from darkframe.cli.check_bench import Bench

    reports: list[PluginReport] = []
    under_way: PluginReport | None = None
    try:
        with view as progress, Bench(progress) as bench:
            try:
                for report in bench.check(chosen.targets):
                    reports.append(report)
                    view.tell(report)
            finally:
                under_way = bench.under_way
    except KeyboardInterrupt:
        if under_way is not None:
            reports.append(under_way)
            view.tell(under_way)
        return reports, True
    return reports, False


def _record(chosen: Chosen, reports: list[PluginReport], *, good: bool, interrupted: bool) -> dict[str, Any]:
    from importlib import metadata

    from darkframe.plugin import API_VERSION

    names = ("distribution", "version", "entry_point", "reason", "details", "fatal")
    return {
        "good": good,
        "interrupted": interrupted,
        "darkframe": metadata.version("darkframe"),
        "api": API_VERSION,
        "plugins": [_plugin(report) for report in reports],
        "problems": [{name: getattr(problem, name) for name in names} for problem in chosen.problems],
    }


def _plugin(report: PluginReport) -> dict[str, Any]:
    found = report.target.found
    return {
        "kind": found.kind,
        "name": found.name,
        "distribution": found.distribution,
        "version": found.version,
        "entry_point": found.entry_point,
        "api": found.info.api,
        "set": dict(report.target.values),
        "left_out": report.obstacle,
        "capabilities": list(report.capabilities),
        "applicable": report.expected,
        "complete": report.complete,
        "stopped_in": report.under_way,
        "seconds": report.seconds,
        "checks": [vars(result) for result in report.results],
    }
