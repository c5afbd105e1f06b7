"""A sweep's worker process: takes cells from stdin, one JSON line each, and says on stdout how they go, in JSON lines too.

Its process group holds it and what it starts, nothing else. The group ends when the sweep's own process does, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

EVERY = 0.2  # seconds between two messages of one task


class Channel:
    """Where a worker speaks: one JSON object a line, from any thread."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()

    def say(self, event: str, **fields: Any) -> None:
        """Send one message; a reader that has gone is no error."""
        line = json.dumps({"event": event, **fields})
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._out.write(line + "\n")
            self._out.flush()


class _Task:
    """A task whose progress is sent now and then."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel, self._number = channel, number
        self._amount, self._note, self._said = 0.0, "", time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self._amount += float(amount)
        self._send()

    def note(self, text: str) -> None:
        self._note = str(text)
        self._send()

    def _send(self) -> None:
        if time.monotonic() - self._said >= EVERY:
            self._channel.say("advance", task=self._number, amount=self._amount, note=self._note)
            self._amount, self._said = 0.0, time.monotonic()


class ChannelProgress:
    """``darkframe.progress.Progress`` that goes to the sweep's process."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._tasks = channel, 0

    @contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[_Task]:
        """Open a task there."""
        self._tasks += 1
        number = self._tasks
        amount = None if total is None else float(total)
        self._channel.say("task", task=number, label=str(label), total=amount, unit=str(unit))
        try:
            yield _Task(self._channel, number)
        finally:
            self._channel.say("close", task=number)

    def step(self, name: str, text: str) -> None:
        """Say it there."""
        self._channel.say("step", name=str(name), text=str(text))


def main(alive: int) -> None:
    """Work until stdin ends; ``alive`` is the end of a pipe that ends with the sweep."""
    guard(alive)
    channel = Channel(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # whatever prints, prints to the log
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            _take(json.loads(line), channel)
            gc.collect()


def guard(alive: int) -> None:
    """Leave a process behind that ends the whole process group once the sweep is gone, whatever this one is busy with then."""
    if os.fork():
        os.close(alive)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for descriptor in (0, 1):  # the sweep must see this worker's end
        os.close(descriptor)
    while os.read(alive, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _take(job: dict[str, Any], channel: Channel) -> None:
    """Run one cell, and say how it ended."""
    started = time.monotonic()
    error, kind = "", ""
    try:
        _run(job, ChannelProgress(channel))
    except Exception as failure:
        error, kind = _sentence(failure), type(failure).__name__
        _note(Path(job["run"]), f"{kind}: {failure}")
    channel.say("end", number=job["number"], error=error, kind=kind, seconds=time.monotonic() - started)


def _run(job: dict[str, Any], progress: ChannelProgress) -> None:
    from darkframe.api.running import run
    from darkframe.store.run import RunDir

    path = Path(job["run"])
    if not (path / "manifest.json").is_file():
        made = RunDir.create(path, job["config"])
        made.update(shares=job["shares"])
        made.close()
    run(resume=path, force=job["force"], progress=progress)


def _sentence(error: Exception) -> str:
    from darkframe.errors import DarkframeError

    if isinstance(error, DarkframeError):
        return str(error)
    return f"darkframe failed unexpectedly: {type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


def _note(path: Path, error: str) -> None:
    """A run that could not even begin says so in its manifest."""
    from darkframe.store.run import RunDir

    with contextlib.suppress(Exception):
        run = RunDir.open(path)
        if run.manifest.get("status") == "running":
            run.update(status="failed", error=error)
        run.close()
