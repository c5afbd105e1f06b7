"""Watching a plugin at work: what it reports, what it prints and warns of, and whether it can be interrupted."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from darkframe.progress import Task

_NOT_SHOWN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # by Python, unless it is asked to


@dataclass(eq=False)
class RecordedTask:
    """A task as it was reported.

    Attributes:
        label, total, unit: As it was opened.
        done: Sum of what it advanced by.
        notes: What it said, in order.
        closed: Whether it was left.
        faults: Sentences, one for each thing that does not fit.
    """

    label: str
    total: float | None
    unit: str
    done: float = 0
    notes: list[str] = field(default_factory=list)
    closed: bool = False
    faults: list[str] = field(default_factory=list)

    def advance(self, amount: float = 1) -> None:
        """Note that ``amount`` more units are done."""
        self._open("advances")
        if not amount >= 0:
            self.faults.append(f"The task {self.label!r} advances by {amount}, which is not a number from 0 up.")
            return
        self.done += amount
        if self.total is not None and self.done > self.total * (1 + 1e-9):
            self.faults.append(f"The task {self.label!r} is at {self.done:g} of {self.total:g} {self.unit}: more than there is.")

    def note(self, text: str) -> None:
        """Keep what was said."""
        self._open("says something")
        if not isinstance(text, str) or "\n" in text:
            self.faults.append(f"The task {self.label!r} says {text!r}, which is not one line of text.")
        self.notes.append(str(text))

    def _open(self, what: str) -> None:
        if self.closed:
            self.faults.append(f"The task {self.label!r} {what} after it was closed.")


class RecordingProgress:
    """Progress that keeps what is reported, and finds what does not fit.

    Attributes:
        tasks: Every task, in the order in which they were opened.
        steps: (name, text) of every line that stays.
    """

    def __init__(self) -> None:
        self.tasks: list[RecordedTask] = []
        self.steps: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[Task]:
        """Open a task and watch it."""
        task = RecordedTask(label, total, unit)
        for name, text in {"label": label, "unit": unit}.items():  # no unit: what has no total is not counted in any
            if not isinstance(text, str) or "\n" in text or not (text.strip() or (name == "unit" and total is None)):
                task.faults.append(f"A task's {name} is {text!r}, which is not a word of text.")
        if total is not None and not total >= 0:
            task.faults.append(f"The task {label!r} has a total of {total}, which is not a number from 0 up.")
        self.tasks.append(task)
        try:
            yield task
        finally:
            task.closed = True

    def step(self, name: str, text: str) -> None:
        """Keep the line."""
        self.steps.append((name, text))

    @property
    def faults(self) -> list[str]:
        """What does not fit: negative steps, more than the total, tasks that were left open or used after they were closed."""
        found = [fault for task in self.tasks for fault in task.faults]
        found += [f"The task {task.label!r} was never closed." for task in self.tasks if not task.closed]
        return list(dict.fromkeys(found))


class InterruptingProgress(RecordingProgress):
    """Progress at which the user presses Ctrl-C: the ``at``-th thing that is reported raises ``KeyboardInterrupt``.

    Attributes:
        heard: How many things were reported (tasks opened, advances, notes and steps).
        interrupted: Whether it was raised; not, where less was reported.
    """

    def __init__(self, at: int = 1) -> None:
        super().__init__()
        self.at, self.heard, self.interrupted = at, 0, False

    @contextlib.contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[Task]:
        """Open a task that may interrupt."""
        self._hear()
        with super().task(label, total, unit) as task:
            yield _InterruptingTask(task, self)

    def step(self, name: str, text: str) -> None:
        """Keep the line, or interrupt."""
        self._hear()
        super().step(name, text)

    def _hear(self) -> None:
        self.heard += 1
        if self.heard == self.at:
            self.interrupted = True
            raise KeyboardInterrupt


class _InterruptingTask:
    def __init__(self, task: Task, progress: InterruptingProgress) -> None:
        self._task, self._progress = task, progress

    def advance(self, amount: float = 1) -> None:
        self._progress._hear()
        self._task.advance(amount)

    def note(self, text: str) -> None:
        self._progress._hear()
        self._task.note(text)


@dataclass
class Said:
    """What was said inside ``silent``; known once it is left.

    Attributes:
        printed: What went to standard output or standard error.
        warnings: The warnings that a user would see, as ``Category: text``, each once.
    """

    printed: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All of it on one line, shortened; empty where nothing was said."""
        told = " ".join(" ".join([self.printed, *self.warnings]).split())
        return told if len(told) <= 200 else f"{told[:199]}…"


@contextlib.contextmanager
def silent() -> Iterator[Said]:
    """Keep everything that is said inside from the terminal, and tell it.

    Both the file descriptors 1 and 2 (what a compiled library writes) and Python's ``sys.stdout`` and ``sys.stderr`` are taken.
    Warnings are those that Python shows to a user: of other categories than deprecations, imports and resources.

    Example:
        ```python
        with silent() as said:
            model.fit(rows)
        assert not said.words
        ```
    """
    said = Said()
    with tempfile.TemporaryFile() as file, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for category in _NOT_SHOWN:
            warnings.simplefilter("ignore", category)
        try:
            with _descriptors(file), _streams(file):
                yield said
        finally:
            file.seek(0)
            said.printed = file.read().decode("utf-8", "replace")
            told = (f"{warning.category.__name__}: {' '.join(str(warning.message).split())}" for warning in caught)
            said.warnings += dict.fromkeys(told)


@contextlib.contextmanager
def _descriptors(file: IO[bytes]) -> Iterator[None]:
    """Let the file descriptors 1 and 2, as far as they are open, lead to a file."""
    kept: dict[int, int] = {}
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            kept[descriptor] = os.dup(descriptor)
    _flush()
    try:
        for descriptor in kept:
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        _flush()
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)


@contextlib.contextmanager
def _streams(file: IO[bytes]) -> Iterator[None]:
    with (
        os.fdopen(os.dup(file.fileno()), "w", buffering=1, encoding="utf-8", errors="replace") as text,
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
    ):
        yield


def _flush() -> None:
    """Write out what the interpreter's own streams still hold, so that it goes where it was meant to."""
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()  # type: ignore[union-attr]
