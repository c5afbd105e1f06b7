"""The studies from Python: ``run`` one, ``load`` a finished one. The command line is a thin layer over this."""

from __future__ import annotations

from darkframe.api.doctoring import doctor
from darkframe.api.fetching import Fetching, fetch
from darkframe.api.loading import load
from darkframe.api.running import run, run_path_of
from darkframe.api.sweeping.result import SweepResult
from darkframe.api.sweeping.sweep import sweep
from darkframe.api.tracking.result import TrackResult, load_tracking
from darkframe.api.tracking.track import track
from darkframe.result import RunResult

__all__ = [
    "Fetching",
    "RunResult",
    "SweepResult",
    "TrackResult",
    "doctor",
    "fetch",
    "load",
    "load_tracking",
    "run",
    "run_path_of",
    "sweep",
    "track",
]
