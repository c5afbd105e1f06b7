"""Pieces of work for ``killing``: each starts in an empty folder, or goes on with what it finds there."""

import tempfile

from synthetic import SyntheticParams, SyntheticSource

from darkframe.config import StudyParams
from darkframe.progress import QuietProgress
from darkframe.studies import passing
from darkframe.studies.collect import collect


def collect_job(folder, *, segment=400, pilot=600, **params):
    """Collect the synthetic source with tiny segments."""
    passing.SEGMENT_TOKENS, passing.PILOT_TOKENS = segment, pilot
    source = SyntheticSource(SyntheticParams(**params))
    collect(source, tokens=None, study=StudyParams(), strict=False, cache=folder, progress=QuietProgress())


with tempfile.TemporaryDirectory() as warm:  # compiled kernels are loaded once, before the forks
    collect_job(warm, held=100, massive=0.1)
