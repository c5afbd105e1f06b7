"""What a new package says of darkframe: the versions it works with, taken from the darkframe that writes it."""

from __future__ import annotations

import re
from importlib import metadata

_LIBRARY = re.compile(r"[A-Za-z0-9._-]+")


def bounds(version: str) -> str:
    """This minor version and below the next, such as ``>=0.1,<0.2``; a pre-release is itself the lower bound."""
    major, minor = (int(part) for part in re.findall(r"\d+", version)[:2])
    public = version.partition("+")[0]
    lower = f"{major}.{minor}" if re.fullmatch(r"[\d.]+(\.?post\d+)?", public) else public
    return f">={lower},<{major}.{minor + 1}"


def darkframe_bounds() -> str:
    """Bounds on the installed darkframe."""
    return bounds(metadata.version("darkframe"))


def requires_python() -> str:
    """Versions of Python that darkframe asks for."""
    said = metadata.metadata("darkframe").get_all("Requires-Python") or [">=3.11"]
    return str(said[0])


def python_classifiers() -> tuple[str, ...]:
    """Which versions of Python darkframe names."""
    said = metadata.metadata("darkframe").get_all("Classifier") or []
    return tuple(each for each in said if each.startswith("Programming Language :: Python ::"))


def requirement(library: str) -> str:
    """A library with the bounds that darkframe has on it, such as ``numpy>=1.26``; without bounds where it has none."""
    for each in metadata.requires("darkframe") or []:
        name = _LIBRARY.match(each)
        if name and name[0] == library:
            return each.partition(";")[0].strip()
    return library
