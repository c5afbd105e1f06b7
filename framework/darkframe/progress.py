"""What long work reports: tasks with a total, a unit and a rate. The terminal's view of it lives in ``cli/render.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: float = 1) -> None:
        """Say that ``amount`` more units are done."""

    def note(self, text: str) -> None:
        """Say in a few words what is happening now (plain text, never markup)."""


class Progress(Protocol):
    """Receives the progress of a study; entering ``task`` shows it, leaving removes it."""

    def task(self, label: str, total: float | None, unit: str) -> AbstractContextManager[Task]:
        """Open a task of ``total`` units (``None``: unknown)."""

    def step(self, name: str, text: str) -> None:
        """Say one line that stays: the outcome of a finished step."""


class _QuietTask:
    def advance(self, amount: float = 1) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


class QuietProgress:
    """Progress that is not shown."""

    @contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[Task]:
        """Open a task that nobody sees."""
        yield _QuietTask()

    def step(self, name: str, text: str) -> None:
        """Do nothing."""
