"""The studies from Python: ``run`` one, ``load`` a finished one. The command line is a thin layer over this."""

from __future__ import annotations

from darkframe.api.doctoring import doctor
from darkframe.api.running import run, run_path_of
from darkframe.result import RunResult, load

__all__ = ["RunResult", "doctor", "load", "run", "run_path_of"]
