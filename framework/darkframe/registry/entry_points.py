"""Entry points of the group ``darkframe`` over all distributions, each loaded on its own."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from darkframe.registry.contained import contained
from darkframe.registry.contract import unknown_field
from darkframe.registry.records import Problem, clipped, fault

GROUP = "darkframe"
_VALUE = re.compile(r"\s*[\w.]+\s*(:\s*[\w.]+\s*)?(\[.*\]\s*)?")


@dataclass(frozen=True)
class Entry:
    """One entry point of one distribution."""

    distribution: str
    version: str
    point: metadata.EntryPoint

    @property
    def key(self) -> str:
        """``distribution:entry-point``: two distributions may use one entry-point name."""
        return f"{self.distribution}:{self.point.name}"

    def problem(self, reason: str, details: str = "", *, fatal: bool = True) -> Problem:
        """A problem of this entry point."""
        return Problem(self.distribution, self.version, self.point.name, reason, details, fatal)


def find_entries() -> Iterator[Entry | Problem]:
    """Every entry point of the group, in the order of distribution and entry-point name; damaged metadata is a problem."""
    entries: dict[tuple[str, str], Entry] = {}
    problems = []
    for distribution in metadata.distributions():
        try:
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            for entry in _entries_of(distribution):
                entries.setdefault(
                    (entry.distribution, entry.point.name), entry
                )  # the first on the path is the one that is imported
        except Exception as error:
            place = getattr(distribution, "_path", "an installed distribution")
            problems.append(Problem(str(place), "", "", f"Its metadata cannot be read: {fault(error)}.", traceback.format_exc()))
    yield from (entries[key] for key in sorted(entries))
    yield from problems


def _entries_of(distribution: metadata.Distribution) -> Iterator[Entry]:
    points = [point for point in distribution.entry_points if point.group == GROUP]
    if points:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"] or ""
        if not isinstance(name, str):
            raise ValueError("it says no name")
        for point in points:
            yield Entry(name, version, point)


def select(entries: list[Entry], names: str | None) -> tuple[list[Entry], list[Problem]]:
    """The entries that ``DARKFRAME_PLUGINS`` names, and a problem for each name that no distribution offers.

    Args:
        entries: All of them.
        names: Comma-separated entry-point names, distributions, or ``distribution:entry-point``; None: all; empty: none.
    """
    if names is None:
        return entries, []
    wanted = {name.strip() for name in names.split(",")} - {""}
    chosen = [entry for entry in entries if wanted & _names(entry)]
    unknown = sorted(wanted - {name for entry in chosen for name in _names(entry)})
    reason = "DARKFRAME_PLUGINS selects it, but no installed distribution or entry point of the group 'darkframe' has that name."
    return chosen, [Problem(name, "", "", reason) for name in unknown]


def _names(entry: Entry) -> set[str]:
    return {entry.point.name, entry.distribution, entry.key}


def load(entry: Entry) -> tuple[Any, list[Problem]]:
    """What the entry point names, or None; and the problems of its import: one that is fatal comes first.

    What it prints is captured: a plugin that talks at import would break ``--json`` and shell completion.
    """
    if not _VALUE.fullmatch(entry.point.value):
        wanted = "'package.module', or 'package.module:object'"
        return None, [entry.problem(f"Its value reads {clipped(repr(entry.point.value))}, which is not {wanted}.")]
    loaded = None
    with contained(f"importing {entry.point.value} of {entry.distribution} {entry.version}".rstrip()) as conduct:
        loaded = entry.point.load()
    importing = f"Importing {entry.point.value}"
    if misfit := unknown_field(conduct.error):
        return None, [entry.problem(f"{importing} failed: it {misfit}", conduct.details)]
    if conduct.error is not None:
        return None, [entry.problem(f"{importing} failed: {fault(conduct.error)}.", conduct.details)]
    return loaded, [entry.problem(f"{importing} {what}.", conduct.details, fatal=False) for what in conduct.misdeeds()]
