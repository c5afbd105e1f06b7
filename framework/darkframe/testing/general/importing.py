"""What importing a plugin costs and says, seen in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from darkframe.errors import PluginError
from darkframe.testing.subject import Subject

_CHILD = """
import importlib, json, os, sys, tempfile

def imported(name):
    file = tempfile.TemporaryFile()
    kept = os.dup(1), os.dup(2)
    os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
    fault = ""
    try:
        importlib.import_module(name)
    except BaseException as error:
        fault = f"{type(error).__name__}: {error}"
    sys.stdout.flush(), sys.stderr.flush()
    os.dup2(kept[0], 1), os.dup2(kept[1], 2)
    file.seek(0)
    return {"said": file.read().decode("utf-8", "replace"), "fault": fault}

request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
before = set(sys.modules)
module = {}
for name in request["modules"]:
    module = imported(name)
    if not module["fault"]:
        break
pulled = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
targets = {name: imported(name) for name in request["targets"]}
with open(sys.argv[2], "w", encoding="utf-8") as answer:
    json.dump({"module": {**module, "name": name, "pulled": pulled}, "targets": targets}, answer)
"""


@dataclass(frozen=True)
class Import:
    """What became of importing one module.

    Attributes:
        name: The module's.
        said: What it printed, warnings that are shown included.
        fault: The exception it ended in; empty if it did not.
        pulled: Top-level packages that came with it.
    """

    name: str
    said: str
    fault: str
    pulled: tuple[str, ...] = ()


def entry_import(plugin: Subject) -> Import:
    """Importing the module that holds the plugin's hooks, first thing in a new process."""
    return _seen(plugin)[0]


def target_import(plugin: Subject) -> Import:
    """Importing the module of its target afterwards; where another plugin of its module shares imports, that one came first."""
    return _seen(plugin)[1][_target(plugin.found)]


def _target(found: Any) -> str:
    return str(found.info.target.partition(":")[0])


def _seen(plugin: Subject) -> tuple[Import, dict[str, Import]]:
    """One process serves every plugin of an entry point's module: targets tend to import the same libraries."""
    found, own = plugin.found, _target(plugin.found)
    package = own.rpartition(".")[0] or own
    modules = (found.module,) if found.module else (f"{package}.plugin", package)
    others = (other for other in plugin.registry.plugins() if found.module and other.module == found.module)
    return _import(modules, tuple(sorted({_target(other) for other in others} | {own})), tuple(sys.path))


@lru_cache(maxsize=64)
def _import(modules: tuple[str, ...], targets: tuple[str, ...], path: tuple[str, ...]) -> tuple[Import, dict[str, Import]]:
    request = json.dumps({"modules": modules, "targets": targets, "path": path})
    with tempfile.TemporaryDirectory(prefix="darkframe-check-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-c", _CHILD, request, str(answer)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if not answer.is_file():
            said = " ".join(f"{done.stdout} {done.stderr}".split())[-300:]
            raise PluginError(
                f"Importing {modules[0]} and {', '.join(targets)} ended the process (exit {done.returncode}): {said}."
            )
        told = json.loads(answer.read_text(encoding="utf-8"))
    entry = told["module"]
    seen = {name: Import(name, each["said"], each["fault"]) for name, each in told["targets"].items()}
    return Import(entry["name"], entry["said"], entry["fault"], tuple(entry["pulled"])), seen
