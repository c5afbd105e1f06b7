"""The tracking of planted checkpoints, for ``killing``: starts in an empty folder, or goes on with what it finds there."""

import tempfile
from pathlib import Path

from support.planted_track import rows_of, tracking

from darkframe.store.atomic import write_json

PLAN = ([0] * 6 + [1] * 4, [0] * 3 + [2] * 3 + [1] * 4, [0] * 5 + [2] * 5)


def track_job(folder):
    """Track three checkpoints, and leave the results where they are compared."""
    results, run = tracking([rows_of(plan) for plan in PLAN], Path(folder) / "run", params={"rho": 0.8})
    write_json(run.path / "results.json", results)


with tempfile.TemporaryDirectory() as warm:  # compiled kernels are loaded once, before the forks
    track_job(warm)
