"""Pieces of work for ``killing``: each starts in an empty folder, or goes on with what it finds there."""

import tempfile
from pathlib import Path

from synthetic import SyntheticParams, SyntheticSource

from darkframe.config import PluginChoice, RunConfig, StudyParams
from darkframe.progress import QuietProgress
from darkframe.store.run import RunDir
from darkframe.studies import passing
from darkframe.studies.collect import collect
from darkframe.studies.dark_matter import run_dark_matter
from darkframe_fastica.fastica import FastICA
from darkframe_fastica.plugin import FastICAParams


def collect_job(folder, *, segment=400, pilot=600, **params):
    """Collect the synthetic source with tiny segments."""
    passing.SEGMENT_TOKENS, passing.PILOT_TOKENS = segment, pilot
    source = SyntheticSource(SyntheticParams(**params))
    collect(source, tokens=None, study=StudyParams(), strict=False, cache=folder, progress=QuietProgress())


def study_job(folder, *, segment=400, pilot=600, components=4, **params):
    """The whole dark-matter study of the synthetic source, with the shipped FastICA."""
    passing.SEGMENT_TOKENS, passing.PILOT_TOKENS = segment, pilot
    folder = Path(folder)
    source, fastica = SyntheticParams(**params), FastICAParams(n_components=components, max_iter=20)
    config = RunConfig(
        source=PluginChoice("source", "synthetic", "synthetic", "1.0", source),
        decomposer=PluginChoice("decomposer", "fastica", "darkframe", "0", fastica),
        study=StudyParams(seeds=(42, 1), nulls=1, null_directions=20, interpret=2, examples=3),
        tokens=None,
        seed=42,
        device="cpu",
    )
    started = (folder / "run" / "manifest.json").is_file()
    run = RunDir.open(folder / "run") if started else RunDir.create(folder / "run", {})
    run_dark_matter(
        config, SyntheticSource(source), lambda: FastICA(fastica), run, cache=folder / "cache", progress=QuietProgress()
    )
    run.close()


with tempfile.TemporaryDirectory() as warm:  # compiled kernels are loaded once, before the forks
    study_job(warm, held=700, massive=0.1)
