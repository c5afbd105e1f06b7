"""``darkframe show RUN``: the summary of a finished run, tracking or sweep again, or one of its tables."""

from __future__ import annotations

from pathlib import Path

import click

from darkframe.cli.complete import complete_run
from darkframe.cli.state import debug_option


@click.command(name="show", short_help="Print a finished run's summary again.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable results on stdout; with --table, that table's rows.")
@click.option("--table", metavar="NAME", help="Print this table instead of the summary; an unknown NAME lists them.")
@debug_option
def command(run: Path, as_json: bool, table: str | None) -> None:
    """Print the summary of the finished run in the directory RUN again; of a sweep, its comparison."""
    from darkframe.api.loading import load
    from darkframe.api.sweeping.result import SweepResult
    from darkframe.result import table_json

    result = load(run)
    if isinstance(result, SweepResult):
        from darkframe.cli.sweep import show_sweep

        show_sweep(result, table, as_json=as_json)
    elif table is not None and as_json:
        click.echo(table_json(result.table(table)))
    elif table is not None:
        from darkframe.cli.render import print_table

        print_table(result.table(table))
    elif as_json:
        click.echo(result.json())
    else:
        from darkframe.cli.render import print_summary

        print_summary(result)
