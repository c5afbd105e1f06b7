"""Each side of a comparison in a process of its own: CPU seconds with all threads', and peak resident memory."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
GIB = 2**30


def cpu() -> float:
    """CPU seconds of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak() -> int:
    """Peak resident bytes of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available() -> int:
    """Bytes of memory that could be had now."""
    import psutil

    return int(psutil.virtual_memory().available)


class Clock:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}

    def __call__(self, name: str, work: Callable, *args):
        start = cpu()
        result = work(*args)
        self.steps[name] = self.steps.get(name, 0.0) + cpu() - start
        return result


def run_side(module: str, side: str, *arguments: object) -> dict:
    """Run ``python -m benchmarks.MODULE --side SIDE …`` and read the JSON of its last line."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--side", side, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])
