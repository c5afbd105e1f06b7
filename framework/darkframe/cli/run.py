"""``darkframe run``: the dark-matter study, the taxonomy study, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from darkframe.cli.complete import complete_plugin, complete_run
from darkframe.cli.options import config_option, device_option, set_option, source_option
from darkframe.cli.state import debug_option


@click.command(name="run", context_settings={"show_default": False})
@source_option("Where activations and the SAE come from.")
@click.option(
    "--decomposer",
    metavar="NAME",
    shell_complete=complete_plugin("decomposer"),
    help="What splits the residual.  [default: fastica; with --clusterer none]",
)
@click.option(
    "--clusterer",
    metavar="NAME",
    shell_complete=complete_plugin("clusterer"),
    help="What groups the SAE's features: runs the taxonomy study.",
)
@click.option("--tokens", metavar="N|all", help="Tokens to collect.  [default: the source's own]")
@click.option("--seed", metavar="N", help="Seed of everything random.  [default: 42]")
@device_option
@set_option("Set a parameter of a plugin or a study; repeatable. 'darkframe describe' lists them.")
@config_option("TOML file with [run], [source], [decomposer], [clusterer], [study], [taxonomy]; its paths start from its folder.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Run directory to make.  [default: runs/STUDY-SOURCE-PLUGINS-n]",
)
@click.option("--quick", is_flag=True, default=None, help="Fewer tokens, seeds and nulls, where they are not set: a first look.")
@click.option("--strict", is_flag=True, default=None, help="Fail where the text holds fewer tokens than asked for.")
@click.option("--force", is_flag=True, default=None, help="Run although the check before it finds that the SAE does not fit.")
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(path_type=Path),
    shell_complete=complete_run,
    help="Finish the run in this directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable results on stdout, everything else on stderr.")
@debug_option
def command(settings: tuple[str, ...], as_json: bool, **options: Any) -> None:
    r"""Decompose what an SAE leaves behind, organise its features into a taxonomy, or both; each against its null.

    \b
    darkframe run                                             the embedded model, FastICA
    darkframe run --decomposer pca --set decomposer.n_components=32
    darkframe run --quick                                     a first look
    darkframe run --clusterer smart                           a hierarchy of the SAE's features
    darkframe run --decomposer fastica --clusterer smart      both, and where the components fall in the hierarchy
    darkframe run --resume runs/dark-matter-tiny-fastica-1    finish a run that stopped
    """
    from darkframe import api
    from darkframe.cli import render

    with render.progress() as progress:
        result = api.run(set=settings, progress=progress, **options)
    if as_json:
        click.echo(result.json())
    else:
        render.print_summary(result)
