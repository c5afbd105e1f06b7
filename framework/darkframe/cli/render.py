"""Everything that rich draws: progress on stderr, results on stdout. All foreign text arrives as ``Text``, never as markup."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from darkframe.cli.streams import reserved_stdout
from darkframe.progress import QuietProgress
from darkframe.report.plain import fitting, shorten_cells, squeezed_widths
from darkframe.report.table import Column, Table
from darkframe.report.text import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.table import Table as RichTable

    from darkframe.progress import Task
    from darkframe.report.summary import Summary

_COLOURS = {
    "structure": "green",
    "persists": "green",
    "under-reconstruction": "cyan",
    "mixed": "yellow",
    "some": "yellow",
    "nothing": "magenta",
}
_NARROW, _WIDE = 60, 100  # columns of a terminal
_HEAD, _BESIDE = 30, 22  # what a turned table's first column, and each other one, takes of it


class Finished(Protocol):
    """What ``print_summary`` needs of a finished run; ``darkframe.result.RunResult`` is one."""

    def summaries(self) -> Sequence[Summary]: ...


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr: colour only on a terminal and without NO_COLOR; never fails on an encoding."""
    stream = sys.stderr if stderr else sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and (stream.encoding or "").lower().replace("-", "") != "utf8":
        reconfigure(errors="backslashreplace")
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class _BarTask:
    """One bar; what a study holds while it works."""

    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._task, amount)

    def note(self, text: str) -> None:
        self._bars.update(self._task, note=visible(text))


class RichProgress:
    """``darkframe.progress.Progress`` on a terminal: a bar, rate, elapsed and remaining time for each running task.

    Where the console is no terminal, only the lines of finished steps appear.
    """

    def __init__(self, out: Console) -> None:
        self._out = out
        self._bars = _bars(out) if out.is_terminal and not out.is_dumb_terminal else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[Task]:
        """Show a bar for as long as the work lasts."""
        if self._bars is None:
            with QuietProgress().task(label, total, unit) as quiet:
                yield quiet
            return
        task = self._bars.add_task(visible(label), total=total, unit=visible(unit), note="")
        try:
            yield _BarTask(self._bars, task)
        finally:
            self._bars.remove_task(task)

    def step(self, name: str, text: str) -> None:
        """Say one line that stays above the bars."""
        self._out.print(
            Text.assemble(("✓ ", "green"), (f"{visible(name):<10} ", "bold"), visible(text)), soft_wrap=self._bars is None
        )


def _bars(out: Console) -> Bars:
    from rich.progress import (
        BarColumn,
        ProgressColumn,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.progress import Task as BarState
    from rich.table import Column as BarCell

    class RateColumn(ProgressColumn):
        def render(self, task: BarState) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{rate(speed)} {task.fields['unit']}/s", style="cyan")

    class NoteColumn(ProgressColumn):
        def render(self, task: BarState) -> Text:
            return Text(task.fields["note"], style="dim", overflow="ellipsis", no_wrap=True)

    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}", markup=False, style="bold")]
    if out.width >= _NARROW:
        columns.append(BarColumn(bar_width=30 if out.width >= _WIDE else None))
    columns += [TaskProgressColumn(), RateColumn()]
    if out.width >= _NARROW:
        columns += [TimeElapsedColumn(), TimeRemainingColumn(compact=True)]
    if out.width >= _WIDE:
        columns.append(NoteColumn(table_column=BarCell(ratio=1)))
    return Bars(*columns, console=out, refresh_per_second=5, transient=True, expand=True)


def rate(speed: float) -> str:
    """A rate that stays short: 0.42, 8.1, 12,300."""
    return f"{speed:.2f}" if speed < 1 else f"{speed:.1f}" if speed < 10 else f"{speed:,.0f}"


@contextmanager
def progress() -> Iterator[RichProgress]:
    """Progress on stderr: bars on a terminal, only the lines of finished steps elsewhere. Stdout is kept for what follows."""
    with reserved_stdout(), RichProgress(console(stderr=True)) as shown:
        yield shown


def _lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())


def print_warning(text: str) -> None:
    """One line of warning on stderr."""
    console(stderr=True).print(Text.assemble(("warning: ", "bold yellow"), _lines(text)), soft_wrap=True)


def print_note(text: str) -> None:
    """One line on stderr that is neither result nor error."""
    console(stderr=True).print(Text(_lines(text)), soft_wrap=True)


def _style(column: Column, text: str) -> str:
    if text.startswith("NOT ") or text == "NO":
        return "bold yellow"
    if column.name in {"component", "name", "value", "file"}:
        return "bold"
    if column.name == "beats_null":
        return "green" if text == "yes" else "dim"
    return "dim" if column.name in {"chance", "formula", "reason", "holds"} else ""


def _rich_table(table: Table, width: int, wrap: bool) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable

    out = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    widths = squeezed_widths(table, width)
    for column, cells in zip(table.columns, widths):
        out.add_column(
            Text(column.title),
            justify="right" if column.is_numeric else "left",
            width=cells,
            overflow="fold",
        )
    for row in table.formatted():
        texts = row if wrap else [shorten_cells(cell, cells) for cell, cells in zip(row, widths)]
        out.add_row(*(Text(text, style=_style(column, text)) for column, text in zip(table.columns, texts)))
    return out


def print_table(table: Table, *, wrap: bool = True, title: bool = True, out: Console | None = None) -> None:
    """One table on stdout, its least important columns dropped where the terminal is narrow.

    Args:
        table: What to show.
        wrap: Wrap long text; else cut it, one line a row.
        title: Print the table's title above and its caption below.
        out: Another console.
    """
    out = out or console()
    if title:
        out.print(Text(visible(table.title), style="bold underline"))
    if table.rows:
        out.print(_rich_table(fitting(table, out.width), out.width, wrap))
    else:
        out.print(Text("nothing to show", style="dim"))
    if title and table.caption:
        out.print(Text(visible(table.caption), style="dim"))


def print_turned(table: Table) -> None:
    """A table with more columns than any terminal: a row for each, the rows side by side as far as the terminal is wide."""
    out = console()
    out.print(Text(visible(table.title), style="bold underline"))
    beside = max(1, (out.width - _HEAD) // _BESIDE)
    for start in range(0, len(table.rows), beside):
        print_table(table.turned(start, start + beside), title=False, out=out)
        out.print()


def print_summary(result: Finished) -> None:
    """What ``darkframe run`` ends with and ``darkframe show`` prints again, on stdout."""
    print_summaries(result.summaries(), console())


def print_summaries(summaries: Sequence[Summary], out: Console) -> None:
    """What each study of a run found, then where its files lie."""
    for summary in summaries:
        _print_study(summary, out)
    first = summaries[0]
    if first.files.rows:
        out.print()
        print_table(first.files, wrap=False, title=False, out=out)
    for summary in summaries:
        _print_places(summary, out)
    out.print(Text.assemble(("Run directory: ", "bold"), visible(str(first.path))), soft_wrap=True)


def _print_study(summary: Summary, out: Console) -> None:
    _print_finding(summary, out)
    for table in (summary.numbers, summary.highlights):
        if table.rows:
            out.print()
            print_table(_narrowed(table, out.width), wrap=table is summary.numbers, title=False, out=out)


def _print_finding(summary: Summary, out: Console) -> None:
    from rich.panel import Panel

    colour = _COLOURS.get(summary.finding, "white")
    body = Text.assemble((summary.headline, f"bold {colour}"), "\n", summary.text)
    for caution in summary.cautions:
        body.append(f"\n! {caution}", style="yellow")
    out.print()
    out.print(
        Panel(body, title=Text(shorten_cells(summary.title, max(out.width - 8, 8))), title_align="left", border_style=colour)
    )


def _narrowed(table: Table, width: int) -> Table:
    """Terminals under 60 columns get the numbers without the column beside them."""
    if width >= _NARROW or table.name != "summary":
        return table
    return table.only(["measure", "value"])


def _print_places(summary: Summary, out: Console) -> None:
    out.print()
    if summary.figures:
        out.print(Text.assemble(("Plots: ", "bold"), visible(str(summary.figures[0]))), soft_wrap=True)
        others = ", ".join(visible(path.stem) for path in summary.figures[1:])
        if others:
            out.print(Padding(Text(f"and beside it {others}", style="dim"), (0, 0, 0, 7)))
    for label, page in summary.labelled_pages():
        out.print(Text.assemble((f"{label} ", "bold"), visible(str(page))), soft_wrap=True)
