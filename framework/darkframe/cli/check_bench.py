"""Plugins put through the conformance kit in a process of their own, and what became of each check."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from darkframe.api.sweeping.pool import Pool
from darkframe.cli.check_chosen import Target
from darkframe.progress import Progress, Task

_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}  # nothing is downloaded
_DEATHS = 3
"""Checks of one plugin that may end the process before the others are given up."""
_PRINTED = 4000
"""Characters that are kept of what a plugin prints during one check."""


@dataclass(frozen=True)
class Result:
    """What became of one check; see ``darkframe.testing.Outcome``.

    Attributes:
        name, summary: The check's name, and what it promises.
        status, reason, details: Its outcome.
        output: What the plugin printed meanwhile (its end, if that is long).
        seconds: How long it took.
    """

    name: str
    summary: str
    status: str
    reason: str = ""
    details: str = ""
    output: str = ""
    seconds: float = 0.0


@dataclass
class PluginReport:
    """What became of one plugin.

    Attributes:
        target: The plugin.
        obstacle: Why it cannot be opened here as it is set; else empty.
        capabilities: What it was found to have beyond what its kind must.
        expected: How many checks apply to it; 0 until that is known.
        results: Those that were made, in order.
        seconds: How long all of it took.
        complete: Whether every check was made.
        under_way: The check that is being made.
    """

    target: Target
    obstacle: str = ""
    capabilities: tuple[str, ...] = ()
    expected: int = 0
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = False
    under_way: str = ""

    def having(self, *statuses: str) -> list[Result]:
        """Results with one of these statuses."""
        return [result for result in self.results if result.status in statuses]

    @property
    def failures(self) -> list[Result]:
        """Checks that failed, and those that passed though they are declared to fail."""
        return self.having("failed", "unexpected")


class Bench:
    """Makes the checks in a worker process, which is replaced where a check ends it; leaving the block ends it.

    Args:
        progress: Where to report.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._folder = tempfile.TemporaryDirectory(prefix="darkframe-check-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name) / "printed.txt"
        self._pool = Pool(1, self._log, worker="darkframe.testing.worker", environment=_OFFLINE)
        self.under_way: PluginReport | None = None
        """The plugin whose checks are being made."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._pool.__exit__(kind, error, trace)
        finally:
            self._folder.cleanup()

    def check(self, targets: Sequence[Target]) -> Iterator[PluginReport]:
        """Check plugins one after another; each report comes when it is complete."""
        with self._progress.task("check", len(targets), "plugins") as task:
            for target in targets:
                report = self.under_way = PluginReport(target)
                self._put_through(report)
                self.under_way = None
                task.advance()
                yield report

    def _put_through(self, report: PluginReport) -> None:
        started, deaths = time.monotonic(), 0
        try:
            while not report.complete and deaths < _DEATHS:
                with _Listener(report, self._log, self._progress) as listener:
                    for _, message in self._pool.run([_job(report)]):
                        listener.hear(message)
                deaths += not report.complete
                if not listener.opened:
                    break
            report.complete = report.complete or (report.expected > 0 and len(report.results) >= report.expected)
        finally:
            report.seconds = time.monotonic() - started


def _job(report: PluginReport) -> dict[str, Any]:
    found = report.target.found
    done = [result.name for result in report.results]
    return {"number": 0, "kind": found.kind, "name": found.qualified, "values": dict(report.target.values), "done": done}


class _Listener:
    """Writes what a worker says of one plugin into its report, and shows how far it is."""

    def __init__(self, report: PluginReport, log: Path, progress: Progress) -> None:
        self._report, self._log, self._progress = report, log, progress
        self._stack = ExitStack()
        self._task: Task | None = None
        self._check, self._at, self._began = "it_can_be_opened", 0, time.monotonic()
        self._promises = {"it_can_be_opened": "It can be made with the parameters that are set."}
        self.opened = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take one message."""
        event = message["event"]
        if event == "opening":
            self._at, self._report.under_way = message["at"], self._check
        elif event == "plugin":
            self._open(message)
        elif event == "check":
            self._check, self._at, self._began = message["name"], message["at"], time.monotonic()
            self._report.under_way = self._check
            if self._task is not None:
                self._task.note(self._check)
        elif event == "outcome":
            self._add(message)
        elif event == "end":
            self._end(message)

    def _open(self, message: Mapping[str, Any]) -> None:
        self.opened = True
        self._promises |= dict(message["checks"])
        report = self._report
        report.obstacle, report.capabilities = message["obstacle"], tuple(message["capabilities"])
        report.expected = len(message["checks"])
        label = f"{report.target.found.kind} {report.target.label}"
        self._task = self._stack.enter_context(self._progress.task(label, report.expected, "checks"))
        self._task.advance(len(report.results))

    def _add(self, message: Mapping[str, Any]) -> None:
        said = {name: message[name] for name in ("name", "status", "reason", "details", "seconds")}
        output = self._printed(message["until"])
        self._report.results.append(Result(**said, summary=self._promises.get(said["name"], ""), output=output))
        self._check = self._report.under_way = ""
        if self._task is not None:
            self._task.advance()

    def _end(self, message: Mapping[str, Any]) -> None:
        if message.get("kind") != "killed":
            self._report.complete = True
            return
        printed, self._report.under_way = self._printed(None), ""
        name = self._check or "it_can_be_opened"
        seconds = time.monotonic() - self._began
        promise = self._promises.get(name, "")
        self._report.results.append(Result(name, promise, "failed", _how(message["code"]), printed, printed, seconds))

    def _printed(self, until: int | None) -> str:
        """What was printed since the check began."""
        with self._log.open("rb") as file:
            file.seek(self._at)
            printed = file.read() if until is None else file.read(max(until - self._at, 0))
        return printed.decode("utf-8", "replace")[-_PRINTED:]


def _how(code: int) -> str:
    """How the process ended that made the check."""
    if code >= 0:
        return f"It ended the whole process, with exit code {code}."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    memory = ", most likely because memory ran out" if -code == signal.SIGKILL else ""
    return f"The process was ended by {name} in it{memory}."
