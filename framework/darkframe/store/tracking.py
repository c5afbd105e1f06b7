"""A tracking's results in its run directory: ``tracking.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darkframe.errors import OutputError
from darkframe.results import TrackingResults
from darkframe.store.atomic import read_json, write_json
from darkframe.store.records import record_from_plain

if TYPE_CHECKING:
    from darkframe.store.run import RunDir

NAME = "tracking.json"


def is_tracking(run: RunDir) -> bool:
    """Whether a run directory is one of ``darkframe track``."""
    return "track" in (run.manifest.get("config") or {})


def write_tracking(run: RunDir, results: TrackingResults) -> None:
    """Write ``tracking.json``."""
    run.own()
    write_json(run.path / NAME, results)


def read_tracking(run: RunDir) -> TrackingResults:
    """Read ``tracking.json``.

    Raises:
        OutputError: The tracking has not finished.
        StoreError: The file is damaged or of another version.
    """
    path = run.path / NAME
    if not path.is_file():
        raise OutputError(f"{run.path} has no results yet.", hint=f"Finish it with `darkframe track --resume {run.path}`.")
    return record_from_plain(TrackingResults, read_json(path))
