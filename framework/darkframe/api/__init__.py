"""The studies from Python: ``run`` one, ``load`` a finished one. The command line is a thin layer over this."""

from __future__ import annotations

from darkframe.api.doctoring import doctor
from darkframe.api.fetching import Fetching, fetch
from darkframe.api.running import run, run_path_of
from darkframe.api.sweeping.result import SweepResult
from darkframe.api.sweeping.sweep import sweep
from darkframe.result import RunResult, load

__all__ = ["Fetching", "RunResult", "SweepResult", "doctor", "fetch", "load", "run", "run_path_of", "sweep"]
