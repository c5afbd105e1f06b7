"""``darkframe check`` on a terminal: one line a plugin as it goes, then what failed. All foreign text arrives as ``Text``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from darkframe.cli.render import RichProgress, console
from darkframe.report.text import seconds as duration
from darkframe.report.text import visible

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from darkframe.cli.check_bench import PluginReport
    from darkframe.cli.check_chosen import Chosen

_SIGNS = {"good": ("✓", "green"), "bad": ("✗", "bold red"), "left out": ("–", "yellow")}
_WIDEST = 24  # a column of names
_READABLE = 140  # columns of a table
_FEW = 3  # checks that end the same way, each with a row of its own
_REGISTRY = "What an entry point names can be imported and gives plugins."


class CheckView:
    """What the user sees of the checks; entering gives the progress to report to.

    Args:
        chosen: What is checked.
        quiet: Show the progress alone: the record goes to stdout.
        debug: Show tracebacks and what plugins printed.
    """

    def __init__(self, chosen: Chosen, *, quiet: bool, debug: bool) -> None:
        self._chosen, self._quiet, self._debug = chosen, quiet, debug
        self._out = console()
        bars = self._out if self._out.is_terminal and not quiet else console(stderr=True)
        self._progress = RichProgress(bars)
        self._name = min(max((len(visible(target.label)) for target in chosen.targets), default=0), _WIDEST)
        self._origin = min(max((len(visible(_origin(target.found))) for target in chosen.targets), default=0), _WIDEST)

    def __enter__(self) -> RichProgress:
        for note in self._chosen.notes:
            console(stderr=True).print(Text(visible(note)))
        return self._progress.__enter__()

    def __exit__(self, *exc: object) -> None:
        self._progress.__exit__(*exc)

    def tell(self, report: PluginReport) -> None:
        """One line of a plugin, and below it what is expected to fail, or why it is left out."""
        if self._quiet:
            return
        sign, style = _SIGNS["bad" if report.failures else "left out" if report.obstacle else "good"]
        found = report.target.found
        names = f"{found.kind:<10} {visible(report.target.label):<{self._name}}  {visible(_origin(found)):<{self._origin}}  "
        said = f"{_counts(report)}, {duration(report.seconds)}"
        self._out.print(Text.assemble((f"{sign} ", style), names, (said, style if style == "bold red" else "")))
        for line in _below(report):
            self._out.print(Text(_indented(line, self._out.width), style="dim"), soft_wrap=True)

    def conclude(self, reports: Sequence[PluginReport], *, interrupted: bool) -> None:
        """The table of failures, and what came of it all."""
        failures = _failures(self._chosen, reports, every=self._debug)
        for title, rows in failures.items():
            self._out.print()
            self._out.print(Text(visible(title), style="bold red"))
            self._out.print(_table(rows, self._out.width))
        if self._debug:
            self._details(reports)
        self._out.print()
        self._out.print(Text(_conclusion(self._chosen, reports, interrupted), style="bold"))
        if not self._debug and any(row.more for rows in failures.values() for row in rows):
            self._out.print(Text("--debug shows tracebacks, and what plugins printed.", style="dim"))

    def _details(self, reports: Sequence[PluginReport]) -> None:
        told = [(_title(report), result.name, result.details, result.output) for report in reports for result in report.failures]
        told += [(problem.origin, "", problem.details, "") for problem in self._chosen.problems]
        for title, check, details, output in told:
            if not details and not output:
                continue
            self._out.print()
            self._out.print(Text(visible(f"{title} {check}".strip()), style="bold"))
            printed = f"\nIt printed:\n{output}" if output.strip() and output not in details else ""
            for line in (details.rstrip() + printed).splitlines():
                self._out.print(Text(f"    | {visible(line)}"), soft_wrap=True)


class Row(NamedTuple):
    """A failure: the check's name, what it promises, what was found; and whether ``--debug`` has more to say."""

    check: str
    promise: str
    found: str
    more: bool


def _origin(found: object) -> str:
    return f"{getattr(found, 'distribution', '')} {getattr(found, 'version', '')}"


def _title(report: PluginReport) -> str:
    return f"{report.target.found.kind} {report.target.label}"


def _counts(report: PluginReport) -> str:
    if report.obstacle and not report.failures:
        return f"left out, {len(report.having('passed'))} passed"
    numbers = [(len(report.having("passed")), "passed"), (len(report.failures), "FAILED")]
    numbers += [(len(report.having("expected")), "expected"), (len(report.having("left out")), "left out")]
    told = [f"{number} {word}" for number, word in numbers if number or word == "passed"]
    return ", ".join(told if report.complete else [*told, "incomplete"])


def _below(report: PluginReport) -> Iterable[str]:
    if report.obstacle:
        yield report.obstacle
    if report.under_way:
        yield f"stopped in {report.under_way}"
    for status, words in (("expected", "expected to fail"), ("left out", "left out")):
        results = report.having(status)
        for reason in dict.fromkeys(result.reason for result in results):
            names = ", ".join(result.name for result in results if result.reason == reason)
            yield f"{words}: {names}: {reason}"


def _indented(line: str, width: int) -> str:
    layout: dict[str, Any] = {"initial_indent": " " * 4, "subsequent_indent": " " * 4}
    return textwrap.fill(visible(line), max(width, 40), break_on_hyphens=False, **layout)


def _failures(chosen: Chosen, reports: Sequence[PluginReport], *, every: bool) -> dict[str, list[Row]]:
    """Failures by what they are of; without ``every``, many checks of a plugin that end the same way share a row."""
    found: dict[str, list[Row]] = {}
    for report in reports:
        if report.failures:
            rows = [Row(r.name, r.summary, r.reason, bool(r.details or r.output)) for r in report.failures]
            found[f"{_title(report)} ({_origin(report.target.found)})"] = rows if every else list(_merged(rows))
    for problem in chosen.problems:
        found.setdefault(problem.origin, []).append(Row("discovery", _REGISTRY, problem.reason, bool(problem.details)))
    return found


def _merged(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows whose findings differ; one that stands for many says so."""
    for reason in dict.fromkeys(row.found for row in rows):
        same = [row for row in rows if row.found == reason]
        if len(same) <= _FEW:
            yield from same
        else:
            yield same[0]._replace(promise=f"{same[0].promise} (And {len(same) - 1} other checks.)")


def _table(rows: Sequence[Row], width: int) -> RichTable:
    """Failures within a width; names of checks break at their underscores."""
    from rich import box
    from rich.table import Table as RichTable

    layout: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "show_edge": False, "padding": (0, 1, 0, 0)}
    out = RichTable(header_style="bold", **layout)
    widths = _widths(rows, min(width, _READABLE))
    for title, cells in zip(("check", "what it promises", "what was found"), widths):
        out.add_column(title, width=cells, overflow="fold")
    for row in rows:
        out.add_row(_broken(visible(row.check), widths[0]), Text(_plain(row.promise), style="dim"), Text(_plain(row.found)))
    return out


def _plain(text: str) -> str:
    """Text on one line, without the marks of code in docstrings."""
    return visible(" ".join(text.replace("``", "").split()))


def _widths(rows: Sequence[Row], width: int) -> list[int]:
    """Columns for check, promise and finding: the first as narrow as its longest word allows, the last gets the most."""
    longest = max((len(word) + 1 for row in rows for word in visible(row.check).split("_")), default=0)
    first = min(max(longest, 10, min(max(len(row.check) for row in rows), 18)), 26)
    rest = max(width - first - 6, 20)  # what stands between columns
    return [first, rest * 2 // 5, rest - rest * 2 // 5]


def _broken(name: str, width: int) -> Text:
    """A check's name on lines of a width, broken behind underscores."""
    lines = [""]
    for part in name.replace("_", "_ ").split(" "):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return Text("\n".join(lines), style="bold")


def _conclusion(chosen: Chosen, reports: Sequence[PluginReport], interrupted: bool) -> str:
    """What came of it all, in a sentence or two."""
    checked = [report for report in reports if not report.obstacle]
    number = len(reports) - len(checked)
    failures = sum(len(report.failures) for report in reports)
    passed = sum(len(report.having("passed")) for report in reports)
    excused = sum(len(report.having("expected")) for report in reports)
    outcome = (
        f"{_several(passed, 'check')} passed{f', {excused} failed as expected' if excused else ''}, {failures or 'none'} failed"
    )
    told = [f"{_several(len(checked), 'plugin')} checked: {outcome}."]
    if number:
        told.append(f"{_several(number, 'source')} left out, for want of a file or a download ('darkframe fetch' downloads).")
    if chosen.problems:
        told.append(f"{_several(len(chosen.problems), 'problem')} with what is installed.")
    unreached = len(chosen.targets) - len(reports)
    if interrupted and unreached:
        told.append(f"{_several(unreached, 'plugin')} not reached.")
    return " ".join(told)


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
