"""Worker processes of a sweep: started, given cells, listened to, and ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from darkframe.errors import StoreError

GRACE = 3.0
"""Seconds workers have to leave what they are doing before they are killed."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What numerical libraries ask how many threads they may use."""

_BEGIN = """
import json, sys
alive, sys.path[:] = json.loads(sys.argv[1])
from importlib import import_module
import_module(sys.argv[2]).main(alive)
"""

WORKER = "darkframe.api.sweeping.worker"
"""The module whose ``main`` takes the cells of a sweep."""

Job = Mapping[str, Any]
"""``number`` of a cell, the directory ``run`` it goes to, and its ``config``; whatever other workers take."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of_each(jobs: int) -> int:
    """Threads of each of so many workers: its share of the cores, or what the user's own ``OMP_NUM_THREADS`` allows, if less."""
    share = max(cores() // jobs, 1)
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(allowed)) if allowed.isdigit() and int(allowed) > 0 else share


@dataclass(eq=False)
class _Worker:
    """One process and the cell it is at; ``alive`` is the end of a pipe that the system closes when this process is gone."""

    process: subprocess.Popen[bytes]
    alive: int
    job: Job | None = None
    started: float = 0.0
    pending: bytes = b""
    lines: list[str] = field(default_factory=list)

    def give(self, job: Job) -> None:
        self.job, self.started = job, time.monotonic()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died: which its stdout tells, too
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()

    def read(self) -> list[dict[str, Any]] | None:
        """Messages that have come; None once it has ended."""
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            return None
        *whole, self.pending = (self.pending + data).split(b"\n")
        return [json.loads(line) for line in whole if line]


class Pool:
    """Up to ``jobs`` workers; leaving the block ends them all.

    Args:
        jobs: Workers at most.
        log: File that takes what they and their libraries print.
        worker: The module whose ``main`` they run.
        environment: What they see in the environment beside what is there.
    """

    def __init__(
        self, jobs: int, log: Path, *, worker: str = WORKER, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._jobs, self._log, self._worker, self._environment = jobs, log, worker, environment
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()
        self._selector.close()

    def run(self, work: Sequence[Job]) -> Iterator[tuple[Job | None, dict[str, Any]]]:
        """Do all the work, in order, and give what the workers say of it: (the cell, message).

        Messages have an ``event``: ``begin``, ``task``, ``advance``, ``close``, ``step`` and ``end``, the last with ``error`` and
        ``seconds``. A worker that is killed ends its cell with an error (and the process's exit ``code``), and another takes its
        place. Once in a while there is a message ``tick`` of no cell.
        """
        waiting = list(work)
        while waiting or any(worker.job for worker in self._workers):
            yield from self._hand_out(waiting)
            for key, _ in self._selector.select(timeout=0.5):
                yield from self._heard(key.data)
            yield None, {"event": "tick"}

    def _hand_out(self, waiting: list[Job]) -> Iterator[tuple[Job | None, dict[str, Any]]]:
        while waiting:
            idle = next((worker for worker in self._workers if worker.job is None), None)
            if idle is None and len(self._workers) < self._jobs:
                idle = self._start()
            if idle is None:
                return
            job = waiting.pop(0)
            idle.give(job)
            yield job, {"event": "begin"}

    def _start(self) -> _Worker:
        limits = dict.fromkeys(THREADS, str(threads_of_each(self._jobs)))
        with self._log.open("ab") as log:
            worker = _spawn(self._worker, {**os.environ, **limits, **self._environment}, log)
        self._workers.append(worker)
        self._selector.register(worker.process.stdout or 0, selectors.EVENT_READ, worker)
        return worker

    def _heard(self, worker: _Worker) -> Iterator[tuple[Job | None, dict[str, Any]]]:
        messages = worker.read()
        if messages is None:
            yield from self._ended(worker)
            return
        for message in messages:
            job = worker.job
            if message["event"] == "end":
                worker.job = None
            yield job, message

    def _ended(self, worker: _Worker) -> Iterator[tuple[Job | None, dict[str, Any]]]:
        self._selector.unregister(worker.process.stdout or 0)
        self._workers.remove(worker)
        code = worker.process.wait()
        _end(worker)
        if worker.job is not None:
            seconds = time.monotonic() - worker.started
            yield worker.job, {"event": "end", "error": _how(code), "kind": "killed", "code": code, "seconds": seconds}

    def _stop(self) -> None:
        """End every worker: ask, wait a little, and then kill whatever is left of its process group."""
        try:
            for worker in self._workers:
                with contextlib.suppress(OSError):
                    worker.process.send_signal(signal.SIGINT)
            deadline = time.monotonic() + (GRACE if any(worker.job for worker in self._workers) else 0)
            for worker in self._workers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.process.wait(max(deadline - time.monotonic(), 0))
        finally:
            for worker in self._workers:
                _end(worker)
            self._workers.clear()


def _spawn(module: str, environment: Mapping[str, str], log: IO[bytes]) -> _Worker:
    """A worker in a session of its own, so that Ctrl-C in the terminal reaches the sweep alone.

    Raises:
        StoreError: The system starts no more processes.
    """
    given, alive = os.pipe()
    command = [sys.executable, "-c", _BEGIN, json.dumps([given, sys.path]), module]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "pass_fds": (given,)}
    try:
        return _Worker(subprocess.Popen(command, env=environment, start_new_session=True, **pipes), alive)
    except OSError as error:
        os.close(alive)
        raise StoreError(f"A worker process could not be started: {error.strerror}.", hint="Lower --jobs.") from error
    finally:
        os.close(given)


def _end(worker: _Worker) -> None:
    """Kill whatever is left of a worker's process group, and close the pipes."""
    with contextlib.suppress(OSError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    os.close(worker.alive)
    for pipe in (worker.process.stdin, worker.process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _how(code: int) -> str:
    """How a worker ended that was not asked to, in a sentence."""
    if code >= 0:
        return f"Its process ended by itself with exit code {code}; the sweep's log says what it printed."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if -code == signal.SIGKILL:
        return f"Its process was killed ({name}), most likely because memory ran out: lower --jobs, or make the cell smaller."
    return f"Its process was ended by {name}; the sweep's log says what it printed."
