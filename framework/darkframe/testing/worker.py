"""The process that ``darkframe check`` makes checks in: it takes plugins from stdin and says on stdout what becomes of them.

Both are JSON lines. A check that ends the process ends nothing else, one that hangs can be stopped whatever it is busy with, and
what plugins print goes to the file that stderr is.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from darkframe.api.sweeping.worker import Channel, guard
from darkframe.config import build
from darkframe.errors import DarkframeError
from darkframe.registry import Registry
from darkframe.testing.kit import GENERAL, BoundCheck, Outcome, checks_for, checks_of, run
from darkframe.testing.subject import Subject


def main(alive: int) -> None:
    """Work until stdin ends; ``alive`` is the end of a pipe that ends with the command."""
    guard(alive)
    jobs, channel = _apart()
    faulthandler.enable()
    with contextlib.suppress(KeyboardInterrupt):
        registry = Registry.discover()
        for line in jobs:
            _take(json.loads(line), channel, registry)
            gc.collect()


def _apart() -> tuple[TextIO, Channel]:
    """Stdin and stdout, out of the plugins' reach: what they read is empty, what they print goes to stderr's file."""
    jobs, events = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return jobs, Channel(events)


def _take(job: Mapping[str, Any], channel: Channel, registry: Registry) -> None:
    """Check one plugin, but for the checks that are done, and say what becomes of each."""
    started = time.monotonic()
    channel.say("opening", at=_printed())
    try:
        subject, checks = _opened(job, registry)
    except (Exception, SystemExit) as error:
        _say_outcome(channel, _fault("it_can_be_opened", error), started)
        channel.say("end", number=job["number"])
        return
    told = [[check.name, check.check.summary] for check in checks]
    channel.say("plugin", obstacle=subject.obstacle, capabilities=sorted(subject.capabilities), checks=told)
    fault = _wrong_expectation(subject)
    if fault is not None and fault.name not in job["done"]:
        _say_outcome(channel, fault, started)
    for check in checks:
        if check.name not in job["done"]:
            channel.say("check", name=check.name, at=_printed())
            started = time.monotonic()
            _say_outcome(channel, _made(check), started)
    channel.say("end", number=job["number"])


def _opened(job: Mapping[str, Any], registry: Registry) -> tuple[Subject, list[BoundCheck]]:
    kind, name = job["kind"], job["name"]
    found = registry.get(kind, name)
    subject = Subject(found, build(found.info.params, job["values"], kind=kind, owner=f"{kind} {name!r}"), registry)
    openable = not subject.obstacle  # else those remain that open nothing
    chosen = checks_for(kind, subject.capabilities) if openable else [check for check in GENERAL if not check.needs]
    return subject, [BoundCheck(check, subject) for check in chosen]


def _wrong_expectation(subject: Subject) -> Outcome | None:
    """What is wrong with the failures that a plugin declares, if anything is."""
    if subject.obstacle:
        return None
    try:
        checks_of(subject)
    except (Exception, SystemExit) as error:
        return _fault("expected_failures_are_declared_properly", error)
    return None


def _made(check: BoundCheck) -> Outcome:
    try:
        return run(check)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as pytest's own, out of a plugin's code
        return _fault(check.name, error)


def _fault(name: str, error: BaseException) -> Outcome:
    said = " ".join(str(error).split())
    reason = said if isinstance(error, DarkframeError) else f"It raised {type(error).__name__}{': ' + said if said else ''}."
    return Outcome(name, "failed", reason, "".join(traceback.format_exception(error)))


def _say_outcome(channel: Channel, outcome: Outcome, started: float) -> None:
    seconds = time.monotonic() - started
    channel.say("outcome", **vars(outcome), seconds=seconds, until=_printed())


def _printed() -> int:
    """How much has been printed so far, as a place in stderr's file."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    return os.fstat(2).st_size
