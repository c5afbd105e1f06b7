"""``darkframe sweep``: every combination of some parameters' values, and their comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darkframe.cli.complete import complete_plugin, complete_set, complete_sweep
from darkframe.cli.options import config_option, device_option, set_option, source_option
from darkframe.cli.state import debug_option

if TYPE_CHECKING:
    from darkframe.api.sweeping.result import SweepResult


@click.command(name="sweep", context_settings={"show_default": False})
@source_option("Where activations and the SAE come from.")
@click.option(
    "--decomposer",
    metavar="NAME",
    shell_complete=complete_plugin("decomposer"),
    help="What splits the residual, for the dark-matter study.  [default: fastica, or with --clusterer none]",
)
@click.option(
    "--clusterer",
    metavar="NAME",
    shell_complete=complete_plugin("clusterer"),
    help="What groups the SAE's features, for the taxonomy study.",
)
@click.option(
    "--grid",
    metavar="KIND.KEY=V1,V2,…",
    multiple=True,
    shell_complete=complete_set,
    help="Values to go over; repeatable: every combination is a cell. Where a value is itself a list, cells are separated by "
    "';': 'clusterer.rho=0.2,0.5,0.8;0.3,0.6,0.9' are two. A bare KEY is one of the run or a study (pca_dims, seed), or a kind "
    "of plugin (clusterer=smart,gpu-fuzzyart).",
)
@click.option("--jobs", metavar="N|auto", help="Cells that run at once, each with its share of the cores.  [default: 1]")
@click.option("--tokens", metavar="N|all", help="Tokens to collect.  [default: the source's own]")
@click.option("--seed", metavar="N", help="Seed of everything random.  [default: 42]")
@device_option
@set_option("Set a parameter that all cells share; repeatable. 'darkframe describe' lists them.")
@config_option("TOML file as for 'darkframe run', with a table [grid] beside the others.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory to make.  [default: sweeps/STUDY-SOURCE-PLUGINS-n]",
)
@click.option("--quick", is_flag=True, default=None, help="Fewer tokens, features, seeds and nulls, where they are not set.")
@click.option("--strict", is_flag=True, default=None, help="Fail where the text holds fewer tokens than asked for.")
@click.option("--force", is_flag=True, default=None, help="Run although the check before it finds that the SAE does not fit.")
@click.option(
    "--resume",
    metavar="DIR",
    type=click.Path(path_type=Path),
    shell_complete=complete_sweep,
    help="Go on with this sweep: finished cells are kept, failed ones tried again; of a finished one, print the table.",
)
@click.option("--json", "as_json", is_flag=True, help="The comparison on stdout as JSON, everything else on stderr.")
@debug_option
def command(settings: tuple[str, ...], grid: tuple[str, ...], as_json: bool, **options: Any) -> None:
    r"""Run every combination of some parameters' values, and compare them in one table.

    \b
    darkframe sweep --clusterer smart --grid pca_dims=none,32,64,128,256
    darkframe sweep --clusterer gpu-fuzzyart --grid clusterer.rho=0.1,0.3,0.5 --grid pca_dims=none,32 --jobs 2
    darkframe sweep --decomposer pca --grid decomposer.n_components=8,16,32 --quick
    darkframe sweep --resume sweeps/taxonomy-tiny-smart-1

    Each cell is a run that 'darkframe show' opens. A cell that fails is reported, and the rest goes on: then the exit code is 1.
    """
    from darkframe.api.sweeping.sweep import sweep
    from darkframe.cli import render

    with render.progress() as progress:
        result = sweep(set=settings, grid=grid, progress=progress, **options)
    if as_json:
        click.echo(result.json())
    else:
        _print(result)
    click.get_current_context().exit(1 if result.failed else 0)


def show_sweep(result: SweepResult, table: str | None, *, as_json: bool) -> None:
    """What ``darkframe show`` prints of a sweep.

    Raises:
        UserError: A sweep has no table of that name.
    """
    if table is None:
        click.echo(result.json()) if as_json else _print(result)
        return
    from darkframe.errors import UserError
    from darkframe.result import table_json

    found = result.neutral_tables.get(table)
    if found is None:
        raise UserError(f"A sweep has no table {table!r}.", hint=f"Tables: {', '.join(result.neutral_tables)}.")
    if as_json:
        click.echo(table_json(found))
    else:
        from darkframe.cli.render import print_table, print_turned

        print_turned(found) if table == "cells" else print_table(found)


def _print(result: SweepResult) -> None:
    from darkframe.cli import render
    from darkframe.cli.failure import one_paragraph
    from darkframe.report.sweep.table import failures, shown_table

    click.echo()
    render.print_table(shown_table(result.results))
    for line in failures(result.results):
        click.secho(one_paragraph(f"FAILED {line}"), fg="yellow")
    click.echo()
    for path in (path for path in result.files if path.suffix != ".png" or path.stem == "overview"):
        click.echo(f"{'Plots' if path.suffix == '.png' else 'Table'}: {one_paragraph(str(path))}")
    click.echo(f"Sweep directory: {one_paragraph(str(result.path))}")
