"""All plugins by kind and name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping

from darkframe.config.build import did_you_mean
from darkframe.errors import UnknownPluginError
from darkframe.registry.entry_points import Entry, find_entries, load, select
from darkframe.registry.hooks import Hooks
from darkframe.registry.records import Found, Problem

KINDS = ("source", "decomposer", "clusterer")
SELECTION = "DARKFRAME_PLUGINS"


class Registry:
    """The plugins of all installed distributions, and the problems found with them.

    Attributes:
        problems: One for each fault, in the order of distributions.
    """

    def __init__(self, found: Iterable[Found], problems: Iterable[Problem], *, selection: str | None = None) -> None:
        self._found = list(found)
        self.problems = list(problems)
        self._selection = selection

    @classmethod
    def discover(cls, environ: Mapping[str, str] | None = None) -> Registry:
        """Find the plugins of every installed distribution; a fault of one is a problem, never an exception.

        Args:
            environ: Instead of ``os.environ``. ``DARKFRAME_PLUGINS`` there selects plugins: comma-separated entry-point names,
                distributions (``darkframe`` has the built-in ones) or ``distribution:entry-point``; empty: none at all.
        """
        selection = (os.environ if environ is None else environ).get(SELECTION)
        results: list[Found | Problem] = []
        entries: list[Entry] = []
        for item in find_entries():
            results.append(item) if isinstance(item, Problem) else entries.append(item)
        chosen, unknown = select(entries, selection)
        results += unknown
        hooks = Hooks()
        for entry in chosen:
            plugin, problems = load(entry)
            results += problems
            results += [] if any(problem.fatal for problem in problems) else hooks.add(entry, plugin)
        found, every = _unique(results)
        return cls(found, every, selection=selection)

    def plugins(self, kind: str | None = None) -> list[Found]:
        """Plugins of one kind, or of all, by kind and name; clashing ones are all there."""
        chosen = [found for found in self._found if kind in (None, found.kind)]
        return sorted(chosen, key=lambda found: (KINDS.index(found.kind), found.name, found.distribution))

    def clashes(self, found: Found) -> bool:
        """Whether another distribution offers the same kind under the same name, so that only ``distribution:name`` will do."""
        return Counter((other.kind, other.name) for other in self._found)[found.kind, found.name] > 1

    def get(self, kind: str, name: str) -> Found:
        """The plugin of that kind with that name, or with that ``distribution:name``.

        Raises:
            UnknownPluginError: There is none (with the nearest names), or several distributions offer it.
        """
        same_kind = self.plugins(kind)
        matching = [found for found in same_kind if name in (found.name, found.qualified)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            offers = " or ".join(f"{found.qualified} ({found.version})" for found in matching)
            raise UnknownPluginError(f"Several distributions offer a {kind} {name!r}; say which: {offers}.")
        raise UnknownPluginError(self._unknown(kind, name, same_kind), hint=f"See 'darkframe list-plugins --kind {kind}'.")

    def _unknown(self, kind: str, name: str, same_kind: list[Found]) -> str:
        for problem in self.problems:
            if problem.fatal and name in (
                problem.entry_point,
                problem.distribution,
                f"{problem.distribution}:{problem.entry_point}",
            ):
                return f"There is no {kind} {name!r}: what {problem.origin} offers cannot be used. {problem.reason}"
        names = sorted({found.name for found in same_kind} | {found.qualified for found in same_kind if self.clashes(found)})
        installed = f"Installed: {', '.join(names)}." if names else f"No {kind}s are installed."
        words = [f"Unknown {kind} {name!r}.{did_you_mean(name, names)} {installed}"]
        if self._selection is not None:
            words.append(f"{SELECTION}={self._selection!r} leaves out others.")
        if fatal := sum(problem.fatal for problem in self.problems):
            words.append(f"{fatal} plugin{'s' if fatal > 1 else ''} could not be used.")
        return " ".join(words)


def _unique(results: Iterable[Found | Problem]) -> tuple[list[Found], list[Problem]]:
    """Plugins and problems apart; what one distribution declares twice is a problem."""
    found: dict[tuple[str, str, str], Found] = {}
    problems = []
    for item in results:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        first = found.setdefault((item.distribution, item.kind, item.name), item)
        if first is not item:
            reason = (
                f"It declares the {item.kind} {item.name!r} a second time; the one of entry point {first.entry_point!r} is used."
            )
            problems.append(Problem(item.distribution, item.version, item.entry_point, reason))
    return list(found.values()), problems
