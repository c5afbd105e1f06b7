"""A plugin on the bench: what it declares, its parameters, and fresh instances of it."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from darkframe.api.clusterers import Maker
from darkframe.config import build, to_record
from darkframe.errors import HubError, PluginError, UserError
from darkframe.interfaces import ClusterContext, FitContext, Partial, SourceCard, SourceContext
from darkframe.registry import Found, Registry
from darkframe.testing.capabilities import CAPABILITIES, PARTS

SEED = 42

T = TypeVar("T")


class Subject:
    """A plugin with certain parameters, as the checks of the conformance kit see it.

    Attributes:
        found: The plugin as it is installed.
        params: Its parameters, an instance of ``found.info.params``.
        registry: The installed plugins, for those that build on another one.
    """

    def __init__(self, found: Found, params: Any, registry: Registry) -> None:
        self.found, self.params, self.registry = found, params, registry

    @property
    def kind(self) -> str:
        """``source``, ``decomposer`` or ``clusterer``."""
        return self.found.kind

    @property
    def name(self) -> str:
        """Its name, qualified by its distribution where another one offers the same."""
        return self.found.qualified if self.registry.clashes(self.found) else self.found.name

    @cached_property
    def target(self) -> type[Any]:
        """The class that does the work.

        Raises:
            PluginError: It cannot be loaded.
        """
        return self.found.load()

    def make(self, **changed: Any) -> Any:
        """A fresh instance, unguarded, with some parameters changed."""
        params = self.params
        if changed:
            owner = f"{self.kind} {self.found.name!r}"
            params = build(self.found.info.params, to_record(params) | changed, kind=self.kind, owner=owner)
        if self.kind == "source":
            return self.target(params, self.context())
        made = self.target(params)
        if self.kind == "clusterer" and hasattr(made, "opener"):
            made.opener = self._open
        return made

    def context(self, **values: Any) -> Any:
        """What a fit or a source is given: its context with seed 42 and some values changed."""
        if self.kind == "source":
            return dataclasses.replace(SourceContext(seed=SEED, cache=self.scratch), **values)
        if self.kind == "clusterer":
            return dataclasses.replace(ClusterContext(seed=SEED, open=self._open), **values)
        return dataclasses.replace(FitContext(seed=SEED), **values)

    def open(self, **context: Any) -> Any:
        """A source opened afresh, with some values of its context changed."""
        return self.target(self.params, self.context(**context))

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once for all checks that only look at it; a failure is not kept."""
        if key not in self._kept:
            self._kept[key] = make()
        made: T = self._kept[key]
        return made

    @cached_property
    def _kept(self) -> dict[str, Any]:
        return {}

    @cached_property
    def source(self) -> Any:
        """The source, opened once for all checks that only read it."""
        return self.make()

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """Which of ``CAPABILITIES[kind]`` it has; none where it cannot be loaded or opened."""
        try:
            return frozenset(self._capabilities())
        except (Exception, SystemExit):  # the check that loads and opens it says why
            return frozenset()

    @cached_property
    def obstacle(self) -> str:
        """Why the source cannot be opened as it is set on this machine; else empty.

        That is a parameter to be named, a download, or a package to be installed (a ``PluginError`` with a hint).

        Other kinds need nothing but themselves.
        """
        if self.kind != "source":
            return ""
        try:
            self.source.card()
        except (UserError, HubError) as error:
            return str(error)
        except PluginError as error:
            return str(error) if error.hint else ""
        except (Exception, SystemExit):  # a fault, not an obstacle: the check that opens it says so
            return ""
        return ""

    @cached_property
    def scratch(self) -> Path:
        """A folder of its own, removed at the end of the process."""
        path = Path(tempfile.mkdtemp(prefix="darkframe-check-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        return path

    def _capabilities(self) -> Collection[str]:
        known = CAPABILITIES[self.kind]
        if self.kind != "source":
            made = self.make()  # some have a method only where their parameters say so
            return [name for name in known if callable(getattr(made, name, None))]
        if not isinstance(self.source.card(), SourceCard):
            return ()
        lacking = set(self.source.lacks()) if isinstance(self.source, Partial) else set()
        has = {name for name in known if name not in PARTS and callable(getattr(self.source, name, None))}  # optional methods
        parts = set(getattr(self.found.info, "capabilities", ())) - lacking
        if "dictionary" in parts and "encoder" not in lacking:
            parts.add("encoder")
        return has | (parts & set(known))

    def _open(self, name: str) -> Maker:
        return Maker(self.found, self.params, self.registry).open(name)

    def __repr__(self) -> str:
        return f"{self.kind} {self.name!r}"


def subject(kind: str, name: str, /, **parameters: Any) -> Subject:
    """An installed plugin, to be checked.

    Args:
        kind: ``source``, ``decomposer`` or ``clusterer``.
        name: Its name, or ``distribution:name``.
        parameters: Its own parameters, checked as ``--set`` is; the others keep their defaults.

    Raises:
        UnknownPluginError: No plugin of that kind has that name.
        ParameterError: It has no such parameter, or does not take that value.
    """
    registry = Registry.discover()
    found = registry.get(kind, name)
    return Subject(found, build(found.info.params, parameters, kind=kind, owner=f"{kind} {name!r}"), registry)
