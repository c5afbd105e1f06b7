"""What a new plugin and everything in its package are called, and which names cannot be taken."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from importlib import metadata

from darkframe.errors import UserError
from darkframe.registry import KINDS, Registry

PREFIX = "darkframe-"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """Names that a package is written with.

    Attributes:
        kind: ``source``, ``decomposer`` or ``clusterer``.
        name: The plugin's, such as ``my-kmeans``.
    """

    kind: str
    name: str

    @property
    def distribution(self) -> str:
        """What is installed and published, such as ``darkframe-my-kmeans``."""
        return PREFIX + self.name

    @property
    def package(self) -> str:
        """What is imported, such as ``darkframe_my_kmeans``."""
        return self.distribution.replace("-", "_")

    @property
    def stem(self) -> str:
        """How the names of its classes begin, such as ``MyKmeans``; they end with what they are, so that any name will do."""
        stem = "".join(word.capitalize() for word in self.name.split("-"))
        return f"Plugin{stem}" if stem[0].isdigit() else stem


def checked_names(kind: str, name: str) -> Names:
    """The names of a new plugin.

    Raises:
        UserError: There is no such kind; the name is none; or something that is installed has it already.
    """
    if kind not in KINDS:
        raise UserError(f"There is no kind {kind!r} of plugin.", hint=f"Choose one of {', '.join(KINDS)}.")
    if name.startswith(PREFIX):
        hint = f"Leave it out: {name.removeprefix(PREFIX) or 'my-' + kind!s}."
        raise UserError(f"The plugin name {name!r} begins with {PREFIX!r}, which its distribution is given by itself.", hint=hint)
    if not _NAME.fullmatch(name):
        raise UserError(
            f"The plugin name {name!r} is not made of lower-case letters, digits and single hyphens.", hint=_better(name)
        )
    names = Names(kind, name)
    _refuse_taken(names)
    return names


def _better(name: str) -> str:
    near = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-")
    return f"Try {near.removeprefix(PREFIX)}." if near.removeprefix(PREFIX) else "Try a name such as my-kmeans."


def _refuse_taken(names: Names) -> None:
    for found in Registry.discover(environ={}).plugins(names.kind):  # no selection: what is installed, not what is switched on
        if found.name == names.name:
            raise UserError(
                f"There is a {names.kind} {names.name!r} already: {found.distribution} {found.version} offers it.",
                hint=_ANOTHER,
            )
    version = _installed(names.distribution)
    if version:
        raise UserError(f"There is a distribution {names.distribution} already ({version} is installed).", hint=_ANOTHER)
    if importlib.util.find_spec(names.package) is not None:
        raise UserError(f"There is a module {names.package} already: it can be imported here.", hint=_ANOTHER)


_ANOTHER = "Choose another name, or uninstall that one first."


def _installed(distribution: str) -> str:
    """Its version; empty where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
