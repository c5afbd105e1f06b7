"""``darkframe fetch``: download what a source reads, and compute nothing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darkframe.cli.failure import one_paragraph
from darkframe.cli.options import config_option, set_option, source_option
from darkframe.cli.state import debug_option

if TYPE_CHECKING:
    from darkframe.api.fetching import Fetching
    from darkframe.interfaces import Fetched


@click.command(name="fetch")
@source_option("Whose model, SAE and text to download.")
@click.option("--tokens", metavar="N|all", help="How many tokens of text to keep.  [default: the source's own]")
@set_option("Set a parameter of the source, such as source.revision; repeatable. 'darkframe describe' lists them.")
@config_option("TOML file, as for 'darkframe run'.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, on stdout.")
@debug_option
def command(source: str | None, tokens: str | None, settings: tuple[str, ...], config: Path | None, as_json: bool) -> None:
    r"""Download what a run on a source reads, into the Hugging Face cache; stopped, it goes on where it was.

    \b
    darkframe fetch --source gpt2-jb
    HF_HUB_OFFLINE=1 darkframe run --source gpt2-jb          not a single request
    """
    from darkframe.api.fetching import fetch
    from darkframe.cli import render

    with render.progress() as progress:
        fetched = fetch(source, tokens=tokens, set=settings, config=config, progress=progress)
    again = ["darkframe", "run", "--source", fetched.source, *(part for each in settings for part in ("--set", each))]
    lines = _lines(fetched, shlex.join([*again, *(["--tokens", tokens] if tokens else [])]))
    click.echo(fetched.json() if as_json else "\n".join(map(one_paragraph, lines)))


def _lines(fetched: Fetching, run: str) -> list[str]:
    if not fetched.parts:
        return [f"The source {fetched.source!r} downloads nothing: all that it reads is on this machine."]
    lines = [_line(part) for part in fetched.parts]
    carry = " and ".join(f"{folder} ({variable})" for variable, folder in fetched.carry.items())
    lines.append(f"{_size(fetched.bytes)} in all; to take it to another machine, copy {carry}.")
    return [*lines, f"No network is needed any more: HF_HUB_OFFLINE=1 {run}"]


def _line(part: Fetched) -> str:
    files = "1 file" if part.files == 1 else f"{part.files} files"
    commit = f" at {part.commit[:12]}" if part.commit else ""
    return f"{part.what}: {part.name}{commit}, {files}, {_size(part.bytes)}, in {part.folder}"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
