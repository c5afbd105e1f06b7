"""``darkframe.load``: whatever a run directory holds."""

from __future__ import annotations

from pathlib import Path

from darkframe.api.sweeping.result import SweepResult
from darkframe.api.tracking.result import TrackResult, load_tracking
from darkframe.result import RunResult
from darkframe.result import load as load_run
from darkframe.store.run import RunDir
from darkframe.store.sweep import SweepDir, is_sweep
from darkframe.store.tracking import is_tracking


def load(path: str | Path) -> RunResult | TrackResult | SweepResult:
    """A finished run, a finished tracking, or a sweep (finished or not), from its directory.

    Raises:
        OutputError: The folder is missing or is none of these.
        UserError: The run has not finished; says how to go on with it.
        StoreError: It is damaged, or of another version.
    """
    if is_sweep(Path(path)):
        return SweepResult(SweepDir.open(Path(path)))
    return load_tracking(path) if is_tracking(RunDir.open(Path(path))) else load_run(path)
