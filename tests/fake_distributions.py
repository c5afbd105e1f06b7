"""Installed distributions for tests: real dist-info folders and modules in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent


class Site:
    """A folder like site-packages that tests install into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def install(
        self, distribution: str, entry_points: Mapping[str, str], files: Mapping[str, str] | None = None, *, version: str = "1.0"
    ) -> None:
        """Install a distribution: entry-point names to values of the group ``darkframe``, and files by path."""
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = "\n".join(f"{name} = {value}" for name, value in entry_points.items())
        (info / "entry_points.txt").write_text(f"[darkframe]\n{lines}\n")
        (info / "RECORD").write_text("")
        for name, text in (files or {}).items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))

    @contextmanager
    def active(self) -> Iterator[None]:
        """On ``sys.path`` inside; its modules are forgotten afterwards."""
        before = set(sys.modules)
        sys.path.insert(0, str(self.path))
        try:
            yield
        finally:
            sys.path.remove(str(self.path))
            for name in set(sys.modules) - before:
                file = getattr(sys.modules[name], "__file__", None) or ""
                if file.startswith(str(self.path)):
                    del sys.modules[name]

    def environment(self, **extra: str) -> dict[str, str]:
        """Environment of a subprocess that sees it."""
        return {**os.environ, "PYTHONPATH": str(self.path), "COLUMNS": "200", **extra}

    def command(self, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        """``darkframe ARGUMENTS`` in a process of its own that sees it."""
        command = [sys.executable, "-m", "darkframe", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment(**extra), cwd=cwd, check=False)


def decomposer_plugin(name: str, summary: str = "Splits.", target: str = "nowhere.at_all:Thing", extra: str = "") -> str:
    """Source of a plugin module with one decomposer."""
    return f"""
import darkframe

@darkframe.hookimpl
def darkframe_decomposers():
    yield darkframe.DecomposerInfo(name={name!r}, target={target!r}, summary={summary!r}{extra})
"""
