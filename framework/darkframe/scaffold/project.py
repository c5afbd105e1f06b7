"""A new plugin package: what goes into its files, and where they are written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from darkframe.errors import UserError
from darkframe.plugin import API_VERSION
from darkframe.scaffold import about
from darkframe.scaffold.licences import licence
from darkframe.scaffold.names import Names, checked_names
from darkframe.scaffold.rendering import fill, rendered
from darkframe.scaffold.writing import check_place, write_folder

SUMMARIES: Mapping[str, str] = {
    "clusterer": "k-means over scikit-learn: each vector goes to the nearest of n_clusters centres.",
    "decomposer": "Non-negative matrix factorisation of the residual, its two signs side by side.",
    "source": "Activations and an SAE from arrays on disk, or a small planted example.",
}
"""What a plugin of each kind does as it is written."""

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "clusterer": ("numpy", "scikit-learn", "threadpoolctl"),
    "decomposer": ("numpy", "scikit-learn"),
    "source": ("numpy", "safetensors", "torch"),
}
"""What a plugin of each kind imports as it is written, beside darkframe."""


@dataclass(frozen=True)
class NewPlugin:
    """A package that was written.

    Attributes:
        names: What it is called.
        folder: Where it is.
        files: Its files, by path in the folder, in order.
    """

    names: Names
    folder: Path
    files: tuple[PurePosixPath, ...]


def new_plugin(
    kind: str, name: str, folder: Path | None = None, *, licence_name: str = "MIT", author: str = "", summary: str = ""
) -> NewPlugin:
    """Write a complete plugin package: all of it or nothing.

    Args:
        kind: ``source``, ``decomposer`` or ``clusterer``.
        name: The plugin's name.
        folder: The new folder; None: ``darkframe-NAME`` here.
        licence_name: One of ``LICENCES``.
        author: Empty: who git says is at work here, or else the plugin's authors.
        summary: One line; empty: what the example does.

    Raises:
        UserError: A name that is none or is taken, an unknown licence, an author or a summary that is not one line.
        OutputError: The folder exists, or cannot be written.
    """
    names = checked_names(kind, name)
    folder = Path(names.distribution) if folder is None else folder
    check_place(folder)
    author = _one_line("author", author) or _git_user() or f"The authors of {names.distribution}"
    values = _values(names, licence_name, author, _one_line("summary", summary) or SUMMARIES[kind])
    files = dict(rendered(kind, values))
    if text := licence(licence_name, author).text:
        files[PurePosixPath("LICENSE")] = text
    files[PurePosixPath("src", names.package, "py.typed")] = ""
    files = dict(sorted(files.items()))
    write_folder(folder, files)
    return NewPlugin(names, folder, tuple(files))


def _values(names: Names, licence_name: str, author: str, summary: str) -> dict[str, str]:
    chosen = licence(licence_name, author)
    requirements = [f"darkframe{about.darkframe_bounds()}", *(about.requirement(each) for each in LIBRARIES[names.kind])]
    classifiers = ("Development Status :: 3 - Alpha", *chosen.classifiers, *about.python_classifiers(), "Typing :: Typed")
    values = {
        "kind": names.kind,
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "stem": names.stem,
        "author": author,
        "author_text": literal(author),
        "summary": summary,
        "summary_text": literal(summary),
        "api": str(API_VERSION),
        "licence_metadata": chosen.metadata,
        "licence_sentence": chosen.sentence,
        "requires_python": about.requires_python(),
        "requirements": _lines(requirements),
        "classifiers": _lines(classifiers),
    }
    return values | {"ending": fill("README-ending.md", values)}


def literal(text: str) -> str:
    """One line of text as both Python and TOML write it, in the quotes that ruff would choose."""
    if '"' in text and not set(text) & {"'", "\\"}:
        return f"'{text}'"  # TOML's literal string
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(items: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"    {literal(item)}," for item in items)


def _one_line(what: str, text: str) -> str:
    """Text without space around it.

    Raises:
        UserError: It holds line breaks or other characters that no file shows.
    """
    text = text.strip()
    if not text.isprintable():
        raise UserError(f"The {what} {text!r} is not one line of printable characters.", hint=f"Give one with --{what}.")
    return text


def _git_user() -> str:
    """Git's ``user.name`` as it holds here; empty where git is not there or has none."""
    try:
        done = subprocess.run(
            ["git", "config", "user.name"],
            capture_output=True,
            check=False,
            timeout=10,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
        name = done.stdout.decode("utf-8").strip()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return name if done.returncode == 0 and name.isprintable() else ""
