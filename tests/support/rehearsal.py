"""A source whose runs are rehearsed: the processes, folders and messages of real ones, with made-up results in no time.

Its target module, which only the processes that run it import, replaces the studies. So the machinery around them can be tried
where it hurts: runs that fail, crash, hang, are killed, or leave children.
"""

from dataclasses import dataclass

import darkframe


@dataclass(frozen=True)
class RehearsalParams:
    faults: tuple[str, ...] = darkframe.param((), help="What goes wrong, and where: 3-kill is at decomposer.n_components=3.")
    cured: str = darkframe.param("", help="File from whose existence on nothing goes wrong.")
    notes: str = darkframe.param("", help="Folder that takes a file for each process and each step that was computed.")


@darkframe.hookimpl
def darkframe_sources():
    yield darkframe.SourceInfo(
        name="rehearsal", target="rehearsal_study:Source", summary="Rehearses runs.", params=RehearsalParams, default_tokens=10
    )
