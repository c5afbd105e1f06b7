"""What a sweep shows while it works: one bar over all cells, the bars of what runs, and one line a finished cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from darkframe.api.sweeping.pool import Job
from darkframe.progress import Progress, Task
from darkframe.report.text import seconds as duration
from darkframe.results.sweep import Axis

STEPS = 10
"""Lines of finished steps a cell is thought to say, until one has ended."""


class Board:
    """Shows the messages of the workers.

    Args:
        progress: Where.
        axes: Of the sweep.
        total: Cells to run now.
        jobs: Cells that run at once.
    """

    def __init__(self, progress: Progress, axes: Sequence[Axis], total: int, jobs: int) -> None:
        self._progress, self._axes, self._total, self._jobs = progress, axes, total, jobs
        self._stack = ExitStack()
        self._running: dict[int, _Running] = {}
        self._ended, self._spent, self._steps = 0, 0.0, STEPS
        self._task: Task | None = None

    def __enter__(self) -> Board:
        self._task = self._stack.enter_context(self._progress.task("sweep", self._total, "cells"))
        return self

    def __exit__(self, *exc: object) -> None:
        for running in self._running.values():
            running.close()
        self._stack.close()

    def hear(self, job: Job | None, message: Mapping[str, Any]) -> None:
        """Show one message of ``Pool.run``, but for the end of a cell."""
        if job is None or self._task is None:
            return
        number, event = job["number"], message["event"]
        if event == "begin":
            self._running[number] = _Running(self._progress, number)
        elif event == "step":
            self._task.advance(self._running[number].step(message["name"], self._steps))
        else:
            self._running[number].hear(event, message)
        if event != "advance":
            self._task.note(self._note())

    def end(self, job: Job, values: Sequence[str], seconds: float, outcome: str) -> None:
        """Show that a cell has ended, in one line."""
        running = self._running.pop(job["number"])
        running.close()
        self._ended, self._spent, self._steps = self._ended + 1, self._spent + seconds, max(running.steps, 1)
        assert self._task is not None
        self._task.advance(1 - running.advanced)
        told = told_values(self._axes, values)
        self._progress.step(f"cell {job['number']}", f"{told}: {outcome}, {duration(seconds)}{self._left()}")
        self._task.note(self._note())

    def _left(self) -> str:
        """How long the rest will take, were it like the cells that have ended."""
        rest = self._total - self._ended
        if not rest:
            return ""
        guess = self._spent / self._ended * rest / min(self._jobs, rest)
        return f" ({self._ended} of {self._total}, about {duration(guess)} left)"

    def _note(self) -> str:
        return ", ".join(f"cell {running.number}{running.at}" for running in self._running.values())


class _Running:
    """One cell at work: its bars, and how far it is."""

    def __init__(self, progress: Progress, number: int) -> None:
        self.number, self.steps, self.advanced, self.at = number, 0, 0.0, ""
        self._progress = progress
        self._tasks: dict[int, tuple[ExitStack, Task]] = {}

    def step(self, name: str, expected: int) -> float:
        """A step has ended: the share of the cell that it is taken for."""
        self.steps, self.at = self.steps + 1, f" after {name}"
        share = min(1 / (expected + 1), 1 - self.advanced)
        self.advanced += share
        return share

    def hear(self, event: str, message: Mapping[str, Any]) -> None:
        number = message.get("task", 0)
        if event == "task":
            stack = ExitStack()
            label = f"{self.number}: {message['label']}"
            self._tasks[number] = stack, stack.enter_context(self._progress.task(label, message["total"], message["unit"]))
            self.at = f": {message['label']}"
        elif event == "close" and number in self._tasks:
            self._tasks.pop(number)[0].close()
        elif event == "advance" and number in self._tasks:
            task = self._tasks[number][1]
            task.advance(message["amount"])
            if message["note"]:
                task.note(message["note"])

    def close(self) -> None:
        for stack, _ in self._tasks.values():
            stack.close()
        self._tasks.clear()


def told_values(axes: Sequence[Axis], values: Sequence[str]) -> str:
    """A cell's values in words: ``pca_dims=64, rho=0.5``."""
    return ", ".join(f"{axis.title}={value}" for axis, value in zip(axes, values))
