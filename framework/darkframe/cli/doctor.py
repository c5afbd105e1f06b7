"""``darkframe doctor``: is a source's SAE wired as it was trained?"""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darkframe.cli.failure import one_paragraph
from darkframe.cli.options import config_option, device_option, set_option, source_option
from darkframe.cli.state import debug_option

if TYPE_CHECKING:
    from darkframe.results import Examination

_WIDE = _WIDEST = 110


@click.command(name="doctor")
@source_option("Whose SAE to examine.")
@click.option("--tokens", metavar="N|all", help="Tokens to examine; 512 or more give steady figures.  [default: 2048]")
@device_option
@set_option("Set a parameter of the source; repeatable. 'darkframe describe source NAME' lists them.")
@config_option("TOML file, as for 'darkframe run'.")
@click.option("--json", "as_json", is_flag=True, help="The whole record on stdout.")
@click.pass_context
@debug_option
def command(
    ctx: click.Context,
    source: str | None,
    tokens: str | None,
    device: str | None,
    settings: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    r"""Check that a source's SAE is wired as it was trained: site, centring, BOS, scale, L0, explained variance, loss.

    \b
    darkframe doctor --source tiny
    darkframe doctor --source gpt2-jb --set source.layer=8

    Exits with 1 where something is wrong, with 0 otherwise. Every run begins with a short form of this.
    """
    from darkframe.api.doctoring import doctor
    from darkframe.cli import render

    with render.progress() as progress:
        examination = doctor(source, tokens=tokens, device=device, set=settings, config=config, progress=progress)
    if as_json:
        from darkframe.store.atomic import plain

        click.echo(json.dumps(plain(examination), indent=1, allow_nan=False, ensure_ascii=True))
    else:
        _print(examination)
    ctx.exit(1 if examination.verdict == "wrong" else 0)


def _print(examination: Examination) -> None:
    from darkframe.cli import render
    from darkframe.report.examination import examination_table

    wide = shutil.get_terminal_size((80, 24)).columns >= _WIDE
    columns = ["title", "verdict", "found", "expected", *(["by"] if wide else [])]
    render.print_table(examination_table(examination).only(columns))
    width = min(max(shutil.get_terminal_size((80, 24)).columns, 40), _WIDEST)
    colour = {"wrong": "red", "doubtful": "yellow"}.get(examination.verdict, "green")
    click.secho(f"\n{examination.verdict.upper()}", fg=colour, bold=True)
    for line in examination.diagnosis():
        click.echo(textwrap.fill(one_paragraph(line), width, initial_indent="- ", subsequent_indent="  "))
    if examination.stops:
        click.echo(textwrap.fill("A run would stop here, unless it is given --force.", width))
