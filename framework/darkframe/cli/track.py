"""``darkframe track``: a taxonomy over an SAE's training checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from darkframe.cli.complete import complete_plugin, complete_run, complete_set
from darkframe.cli.options import config_option, device_option, set_option, source_option
from darkframe.cli.state import debug_option


@click.command(name="track", context_settings={"show_default": False})
@source_option("Where the SAE comes from.")
@click.option(
    "--clusterer",
    metavar="NAME",
    shell_complete=complete_plugin("clusterer"),
    help="What groups its features; one that can go on learning.  [default: smart, or that of --model]",
)
@click.option(
    "--over",
    metavar="source.KEY=V1,V2,…",
    shell_complete=complete_set,
    help="The source's parameter that names the checkpoint, and its values in training order.  [default: the source's own]",
)
@click.option(
    "--model",
    metavar="RUN",
    type=click.Path(path_type=Path),
    shell_complete=complete_run,
    help="Begin from the fitted model of this finished taxonomy, instead of fitting one to the first checkpoint.",
)
@click.option("--seed", metavar="N", help="Seed of everything random.  [default: 42]")
@device_option
@set_option("Set a parameter of the source, the clusterer or the taxonomy; repeatable. 'darkframe describe' lists them.")
@config_option("TOML file, as for 'darkframe run'.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Run directory to make.  [default: runs/track-SOURCE-CLUSTERER-n]",
)
@click.option("--quick", is_flag=True, default=None, help="A sample of the features and fewer nulls, where they are not set.")
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(path_type=Path),
    shell_complete=complete_run,
    help="Finish the tracking in this directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable results on stdout, everything else on stderr.")
@debug_option
def command(settings: tuple[str, ...], as_json: bool, **options: Any) -> None:
    r"""Follow a taxonomy over an SAE's training: which categories last, grow, appear and go dormant, and what chance gives.

    \b
    darkframe track                                           tiny's five checkpoints, smart
    darkframe track --clusterer gpu-fuzzyart --set clusterer.rho=0.7
    darkframe track --source arrays --over source.dictionary=step1000.safetensors,step10000.safetensors
    darkframe track --model runs/taxonomy-tiny-smart-1        go on from a finished taxonomy
    """
    from darkframe.api.tracking.track import track
    from darkframe.cli import render

    with render.progress() as progress:
        result = track(set=settings, progress=progress, **options)
    if as_json:
        click.echo(result.json())
    else:
        render.print_summary(result)
