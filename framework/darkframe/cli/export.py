"""``darkframe export RUN``: a finished run under the notebook's file names."""

from __future__ import annotations

from pathlib import Path

import click

from darkframe.cli.complete import complete_run
from darkframe.cli.state import debug_option


@click.command(name="export", short_help="Write a finished run under the notebook's file names.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder to write to.  [default: RUN/export]")
@click.option("--force", is_flag=True, help="Overwrite files of these names in that folder.")
@debug_option
def command(run: Path, out: Path | None, force: bool) -> None:
    """Write the finished run in the directory RUN under the notebook's file names.

    residuals.npy, activations.npy, tokens.npy, ica_directions.npy, ica_activations.npy, the plots and
    ica_dark_matter_results.json: copied in blocks; nothing is computed again.
    """
    from darkframe.cli.render import print_note, print_table, print_warning, progress
    from darkframe.result import load

    result = load(run)
    with progress() as shown:
        exported = result.export(run / "export" if out is None else out, force=force, progress=shown)
    for sentence in exported.missing:
        print_warning(sentence)
    print_table(exported.table())
    print_note(f"Exported to {exported.path}")
