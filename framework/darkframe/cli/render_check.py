"""``darkframe check`` on a terminal: one line a plugin as it goes, then what failed. All foreign text arrives as ``Text``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from darkframe.cli.render import RichProgress, console
from darkframe.report.text import seconds as duration
from darkframe.report.text import visible

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from darkframe.cli.check_bench import PluginReport, Result
    from darkframe.cli.check_chosen import Chosen

_SIGNS = {"good": ("✓", "green"), "bad": ("✗", "bold red"), "left out": ("–", "yellow")}
_WIDEST = 24  # a column of names
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
            self._out.print(Padding(Text(visible(line), style="dim"), (0, 0, 0, 4), expand=False))

    def conclude(self, reports: Sequence[PluginReport], *, interrupted: bool) -> None:
        """The table of failures, and what came of it all."""
        rows = [*_failures(reports), *_problems(self._chosen)]
        if rows:
            self._out.print()
            self._out.print(_table(rows, self._out.width))
        if self._debug:
            self._details(reports)
        self._out.print()
        self._out.print(Text(_conclusion(self._chosen, reports, interrupted), style="bold"))
        if any(row[4] for row in rows) and not self._debug:
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


Row = tuple[str, str, str, str, str]
"""Plugin, check, promise, what was found, details."""


def _origin(found: object) -> str:
    return f"{getattr(found, 'distribution', '')} {getattr(found, 'version', '')}"


def _title(report: PluginReport) -> str:
    return f"{report.target.found.kind} {report.target.label}"


def _counts(report: PluginReport) -> str:
    if report.obstacle and not report.failures:
        return f"left out, {len(report.having('passed'))} passed"
    numbers = [(len(report.having("passed")), "passed"), (len(report.failures), "FAILED")]
    numbers += [(len(report.having("expected")), "failed as expected"), (len(report.having("left out")), "left out")]
    told = [f"{number} {word}" for number, word in numbers if number or word == "passed"]
    return ", ".join(told if report.complete else [*told, "not all made"])


def _below(report: PluginReport) -> Iterable[str]:
    if report.obstacle:
        yield report.obstacle
    for result in report.having("expected"):
        yield f"{result.name} fails as expected: {result.reason}"
    reasons = dict.fromkeys(result.reason for result in report.having("left out"))
    for reason in reasons:
        names = ", ".join(result.name for result in report.having("left out") if result.reason == reason)
        yield f"left out: {names}: {reason}"


def _failures(reports: Sequence[PluginReport]) -> Iterable[Row]:
    for report in reports:
        for result in report.failures:
            yield _title(report), result.name, result.summary, _found(result), result.details or result.output


def _found(result: Result) -> str:
    return " ".join(result.reason.split())


def _problems(chosen: Chosen) -> Iterable[Row]:
    for problem in chosen.problems:
        yield problem.origin, "", _REGISTRY, problem.reason, problem.details


def _table(rows: Sequence[Row], width: int) -> RichTable:
    """The failures, within a width; names of checks break at their underscores."""
    from rich import box
    from rich.table import Table as RichTable

    widths = _widths(rows, min(width, 160))
    out = RichTable(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0), show_lines=True
    )
    for title, cells in zip(("plugin", "check", "what it promises", "what was found"), widths):
        out.add_column(title, width=cells, overflow="fold")
    for plugin, check, promise, found, _ in rows:
        broken = _broken(visible(check), widths[1])
        out.add_row(Text(visible(plugin), style="bold"), Text(broken), Text(visible(promise), style="dim"), Text(visible(found)))
    return out


def _widths(rows: Sequence[Row], width: int) -> list[int]:
    """Columns for plugin, check, promise and finding: the first two as narrow as their longest word, the last gets the most."""
    words = [max((len(word) for row in rows for word in visible(row[0]).split()), default=6)]
    words.append(max((len(word) for row in rows for word in visible(row[1]).split("_")), default=5))
    first = min(max(words[0], 10), 20)
    second = min(max(words[1] + 1, 16), 20)
    rest = max(width - first - second - 4, 20)
    return [first, second, rest * 2 // 5, rest - rest * 2 // 5]


def _broken(name: str, width: int) -> str:
    """A check's name on lines of a width, broken behind underscores."""
    lines = [""]
    for part in name.replace("_", "_ ").split(" "):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _conclusion(chosen: Chosen, reports: Sequence[PluginReport], interrupted: bool) -> str:
    """What came of it all, in a sentence or two."""
    checked = [report for report in reports if not report.obstacle]
    number = len(reports) - len(checked)
    failures = sum(len(report.failures) for report in reports)
    passed = sum(len(report.having("passed")) for report in reports)
    told = [f"{_several(len(checked), 'plugin')} checked: {_several(passed, 'check')} passed, {failures or 'none'} failed."]
    if number:
        told.append(f"{_several(number, 'source')} left out, for want of a file or a download ('darkframe fetch' downloads).")
    if chosen.problems:
        told.append(f"{_several(len(chosen.problems), 'problem')} with what is installed.")
    if interrupted:
        told.append(f"{_several(len(chosen.targets) - len(reports), 'plugin')} not reached.")
    return " ".join(told)


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
