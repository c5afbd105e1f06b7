"""Where things go: the cache, and runs that are not told where."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from darkframe.config import RunConfig
from darkframe.errors import OutputError
from darkframe.store.manifest import ManifestDir
from darkframe.store.run import RunDir

Made = TypeVar("Made", bound=ManifestDir)


def cache_root(environ: Mapping[str, str] | None = None) -> Path:
    """``DARKFRAME_CACHE``, or the user's cache folder."""
    chosen = (os.environ if environ is None else environ).get("DARKFRAME_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("darkframe"))


def refuse_used(out: Path) -> None:
    """See that ``out`` can become a run directory, before anything expensive is begun.

    Raises:
        OutputError: It is a file, or a folder that is not empty.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} exists and is not a folder.", hint="Choose another folder with --out.")
    if out.is_dir() and any(out.iterdir()):
        raise OutputError(
            f"{out} exists already and is not empty.", hint="Choose another folder with --out, or go on with --resume."
        )


def run_stem(config: RunConfig) -> str:
    """What the folder of such a run is called, but for its number: ``dark-matter-tiny-fastica``, ``taxonomy-tiny-smart``."""
    names = [choice.name for choice in (config.source, config.decomposer, config.clusterer) if choice is not None]
    return "-".join(["both" if len(config.studies) > 1 else config.studies[0], *names])


def new_run(config: RunConfig, out: Path | None) -> RunDir:
    """A new run in ``out``, or in the first free ``runs/<study>-<source>-<plugins>-<n>``.

    Raises:
        OutputError: The folder exists and is not empty, or cannot be written.
    """
    return numbered_run(run_stem(config), config.record(), out)


def numbered_run(stem: str, record: Mapping[str, Any], out: Path | None) -> RunDir:
    """A new run directory in ``out``, or in the first free ``runs/<stem>-<n>``.

    Args:
        stem: What its folder is called, but for its number.
        record: Its configuration.
        out: Where the user wants it.

    Raises:
        OutputError: The folder exists and is not empty, or cannot be written.
    """
    return numbered("runs", stem, out, lambda path: RunDir.create(path, record))


def numbered(folder: str, stem: str, out: Path | None, create: Callable[[Path], Made]) -> Made:
    """What ``create`` makes in ``out``, or in the first free ``<folder>/<stem>-<n>``.

    Raises:
        OutputError: The folder exists and is not empty, or cannot be written.
    """
    if out is not None:
        return create(out)
    n = 1
    while True:
        path = Path(folder) / f"{stem}-{n}"
        if not path.exists():
            try:
                return create(path)
            except OutputError:
                if not path.exists():  # not another process's, begun at the same moment
                    raise
        n += 1
