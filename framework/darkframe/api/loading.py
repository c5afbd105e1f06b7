"""``darkframe.load``: whatever a run directory holds."""

from __future__ import annotations

from pathlib import Path

from darkframe.api.tracking.result import TrackResult, load_tracking
from darkframe.result import RunResult
from darkframe.result import load as load_run
from darkframe.store.run import RunDir
from darkframe.store.tracking import is_tracking


def load(path: str | Path) -> RunResult | TrackResult:
    """A finished run, or a finished tracking, from its directory.

    Raises:
        OutputError: The folder is missing or is not a run.
        UserError: The run has not finished; says how to go on with it.
        StoreError: It is damaged, or of another version.
    """
    return load_tracking(path) if is_tracking(RunDir.open(Path(path))) else load_run(path)
