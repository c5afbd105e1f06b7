"""The templates: files of ``templates/``, each with ``$names`` that are filled in when a package is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from string import Template

FOLDER = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"
_PACKAGE = "PACKAGE"  # stands for the package's folder


def fill(path: str, values: Mapping[str, str]) -> str:
    """One template, by its path in ``templates/``, with its names filled in."""
    return Template((FOLDER / path).read_text(encoding="utf-8")).substitute(values)


def rendered(kind: str, values: Mapping[str, str]) -> Iterator[tuple[PurePosixPath, str]]:
    """The files of a package, by path in its folder: those of every plugin, then those of its kind."""
    for folder in ("common", kind):
        for file in sorted((FOLDER / folder).rglob(f"*{_SUFFIX}")):
            inner = file.relative_to(FOLDER / folder).as_posix().removesuffix(_SUFFIX)
            yield PurePosixPath(inner.replace(_PACKAGE, values["package"])), fill(f"{folder}/{inner}{_SUFFIX}", values)
