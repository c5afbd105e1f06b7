"""Virtual environments for tests: empty but for the libraries darkframe depends on, which are those the tests run with."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

_DARKFRAME = ("darkframe-", "_darkframe.pth", "darkframe_")
_SHIM = """#!{python}
import sys
from {module} import {function} as main
sys.exit(main())
"""


class Venv:
    """A virtual environment.

    Args:
        path: Where to make it.
        darkframe: Whether the darkframe under test is in it, built-in plugins included; else nothing of it is.
    """

    def __init__(self, path: Path, *, darkframe: bool) -> None:
        self.path = path
        venv.EnvBuilder(with_pip=False, symlinks=True).create(path)
        self.python = path / "bin" / "python"
        [self.site] = (path / "lib").glob("python*/site-packages")
        libraries = Path(sysconfig.get_path("purelib"))
        if not darkframe:
            libraries = _without_darkframe(libraries, path / "libraries")
        (self.site / "libraries.pth").write_text(f"import site; site.addsitedir({str(libraries)!r})\n")
        self._shim("pip", "pip._internal.cli.main")
        self._shim("pytest", "pytest")
        if darkframe:
            self._shim("darkframe", "darkframe.cli")

    def environment(self, **extra: str) -> dict[str, str]:
        """Environment of a process in it: its commands come first, and pip asks no index and builds with what is there."""
        without = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DARKFRAME_PLUGINS")}
        path = f"{self.path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }  # 0: pip's way of saying yes
        return {**without, **offline, "PATH": path, "VIRTUAL_ENV": str(self.path), "COLUMNS": "120", **extra}

    def run(
        self, *command: str | Path, cwd: Path | None = None, check: bool = True, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, by name or path."""
        words = [str(word) for word in command]
        own = self.path / "bin" / words[0]
        words[0] = str(own) if own.exists() else words[0]
        done = subprocess.run(words, cwd=cwd, env=self.environment(**extra), capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, (
            f"{' '.join(words)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done

    def install(self, *what: str | Path) -> None:
        """``pip install`` wheels or folders, with their dependencies checked but not fetched."""
        self.run("pip", "install", "--quiet", *what)

    def _shim(self, name: str, module: str, function: str = "main") -> None:
        script = self.path / "bin" / name
        script.write_text(_SHIM.format(python=self.python, module=module, function=function))
        script.chmod(0o755)


def _without_darkframe(libraries: Path, into: Path) -> Path:
    into.mkdir()
    for entry in libraries.iterdir():
        if not entry.name.startswith(_DARKFRAME):
            (into / entry.name).symlink_to(entry)
    return into


def build_wheel(folder: Path, into: Path) -> Path:
    """Build the wheel of a project folder without network or build isolation."""
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "-w", str(into), str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    [wheel] = into.glob("*.whl")
    return wheel
