"""Paths among the settings: made absolute where they are given, so that a run can go on from another working folder.

A relative path starts from the working folder; in a config file, from the folder of that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_WRITTEN = (".", "~", "/")
_WILD = set("*?[")


class Anchored(str):
    """Text of a config file.

    Attributes:
        folder: Where relative paths in it start from.
    """

    folder: Path

    @classmethod
    def of(cls, text: str, folder: Path) -> Anchored:
        """The text, with its folder."""
        anchored = cls(text)
        anchored.folder = folder
        return anchored


def anchor(value: Any, folder: Path) -> Any:
    """A setting of a config file, all text in it anchored."""
    if isinstance(value, str):
        return Anchored.of(value, folder)
    if isinstance(value, dict):
        return {key: anchor(part, folder) for key, part in value.items()}
    return [anchor(part, folder) for part in value] if isinstance(value, list) else value


def split(text: str) -> list[str]:
    """Comma-separated parts, anchored as the whole is."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    return [Anchored.of(part, text.folder) for part in parts] if isinstance(text, Anchored) else parts


def absolute(value: str | Path) -> Path:
    """Absolute path of a setting; its ``..`` and links stay as they are.

    Raises:
        RuntimeError: ``~nobody``.
    """
    path = Path(value).expanduser()
    return (value.folder / path if isinstance(value, Anchored) else path).absolute()


def absolute_if_path(text: str, *, folders: bool) -> str:
    r"""Text that may be a path or a name: absolute where it is a path, else as it is.

    A path is what is written as one (``./x``, ``../x``, ``~/x``, ``/x``, ``x/y/z``, ``a\b``, ``x-*.parquet``), an existing file,
    and, with ``folders``, an existing folder. A bare word, such as ``gpt2``, is always a name; without ``folders`` so is
    ``owner/name``, even where a folder of that name lies here.
    """
    if not any(letter in text for letter in "/\\.~*?["):
        return str(text)
    path = absolute(text)
    written = text.startswith(_WRITTEN) or text.count("/") > 1 or "\\" in text or bool(_WILD & set(text))
    return str(path) if written or path.is_file() or (folders and path.is_dir()) else str(text)
