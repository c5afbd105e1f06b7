"""A folder of text files, written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from darkframe.disk import TEMPORARY, storage_error
from darkframe.errors import OutputError


def check_place(folder: Path) -> None:
    """See that a folder can be made.

    Raises:
        OutputError: Something is there already, or its parent is no folder that can be written to.
    """
    if os.path.lexists(folder):  # a dangling link counts: what it names is not ours to make
        what = "link" if folder.is_symlink() else "folder" if folder.is_dir() else "file"
        raise OutputError(f"There is a {what} {folder} already.", hint="Name another place with --out, or move that one away.")
    parent = folder.parent
    if not parent.is_dir():
        what = "is no folder" if os.path.lexists(parent) else "does not exist"
        raise OutputError(
            f"{folder} cannot be made: {parent} {what}.", hint="Make that folder first, or name another with --out."
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{folder} cannot be made: {parent} is not writable.", hint="Name another place with --out.")


def write_folder(folder: Path, files: Mapping[PurePosixPath, str]) -> None:
    """Write files (UTF-8) into a new folder, by way of a temporary one beside it.

    Raises:
        OutputError: ``check_place``; or the disk is full. Nothing is left then.
    """
    check_place(folder)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}{TEMPORARY}")
    try:
        temporary.mkdir()
        for path, text in files.items():
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        temporary.rename(folder)
    except OSError as error:
        raise storage_error(folder, error, OutputError) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
