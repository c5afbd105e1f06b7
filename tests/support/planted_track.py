"""Checkpoints with known births, deaths and growth, the tracking of any, and a plain Fuzzy ART that goes on learning."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.planted_rows import RowsSource

from darkframe import Assignment, ClustererInfo, Clustering, Diagnostics, UserError
from darkframe.api.clusterers import Maker
from darkframe.api.plan import new_plan
from darkframe.config import merge, parse_set
from darkframe.config.tracking import TrackConfig
from darkframe.progress import QuietProgress
from darkframe.registry import Registry
from darkframe.store.run import RunDir
from darkframe.store.tracking import write_tracking
from darkframe.studies.tracking.run import run_tracking

DEAD = -1
"""In a plan: the feature's row is zero."""


class PlainART:
    """Fuzzy ART by its definition, in numpy: fast learning, one row against all categories."""

    def __init__(self, rho=0.8, alpha=0.01):
        self.rho, self.alpha = rho, alpha
        self.weights, self.bounds = [], None

    def fit(self, vectors, context):
        self.weights, self.bounds = [], None
        return self.partial_fit(vectors, context)

    def partial_fit(self, vectors, context):
        if self.bounds is None:
            self.bounds = context.bounds or (vectors.min(axis=0).astype(float), vectors.max(axis=0).astype(float))
        labels = np.array([[self._learn(row) for row in self._coded(vectors)]], np.int64)
        return Clustering(labels, (), Diagnostics(True, 1), clusters=(len(self.weights),), vigilance=(self.rho,))

    def _coded(self, vectors):
        low, high = self.bounds
        if vectors.shape[1] != len(low):
            raise UserError(f"{vectors.shape[1]} dimensions instead of {len(low)}.")
        spread = np.where(high > low, high - low, np.inf)
        x = np.clip((vectors.astype(float) - low) / spread, 0, 1)
        return np.concatenate([x, 1 - x], axis=1)

    def _candidates(self, row):
        d = len(row) / 2
        common = [np.minimum(row, w).sum() for w in self.weights]
        return [(c / (self.alpha + w.sum()), c / d) for c, w in zip(common, self.weights)]

    def _learn(self, row):
        passing = [(t, -j) for j, (t, m) in enumerate(self._candidates(row)) if m >= self.rho]
        if not passing:
            self.weights.append(row)
            return len(self.weights) - 1
        j = -max(passing)[1]
        self.weights[j] = np.minimum(self.weights[j], row)
        return j

    def predict(self, vectors):
        found = [self._candidates(row) for row in self._coded(vectors)]
        best = [max(range(len(each)), key=lambda j, each=each: (each[j][0], -j)) for each in found]
        match = np.array([[each[j][1] for each, j in zip(found, best)]])
        return Assignment(np.array([best]), match >= self.rho, match)

    def state(self):
        return {"weights": np.array(self.weights), "bounds": np.array(self.bounds)}

    def restore(self, state):
        self.weights, self.bounds = list(state["weights"]), tuple(state["bounds"])


class Uncopied:
    """A ``PlainART`` that only goes on learning: its model is neither kept nor copied, and it places nothing."""

    def __init__(self, **params):
        self._inner = PlainART(**params)

    def fit(self, vectors, context):
        return self._inner.fit(vectors, context)

    def partial_fit(self, vectors, context):
        return self._inner.partial_fit(vectors, context)


@dataclass
class Make:
    """Makes clusterers of a class, as the framework's own maker does; counts them."""

    kind: type
    params: dict[str, Any] = field(default_factory=dict)
    made: int = 0
    info: ClustererInfo = field(default_factory=lambda: ClustererInfo("plain", "nowhere:Plain", "Plain."))

    def __call__(self, **changed):
        self.made += 1
        return self.kind(**(self.params | changed))


def rows_of(plan, *, d=32, noise=0.02, seed=0):
    """(F, d) rows of one checkpoint: feature i near corner ``plan[i]`` of a cube, far from all others; zero where it is dead."""
    corners = np.random.default_rng(seed).integers(0, 2, (64, 8 * d)) - 0.5
    corners = corners[:, np.ptp(corners[:3], axis=0) > 0][:, :d]  # no dimension of the first three is noise alone
    shifts = np.random.default_rng([seed, len(plan)]).uniform(-noise, noise, (len(plan), d))
    return np.where(np.asarray(plan)[:, None] == DEAD, 0, corners[plan] + shifts).astype(np.float32)


def make_tracking(
    checkpoints, folder, *, clusterer="gpu-fuzzyart", params=(), make=None, start=None, head=None, texts=None, **taxonomy
):
    """Everything ``run_tracking`` takes, for these checkpoints' rows, in a folder that is new or was begun."""
    chosen = parse_set([f"clusterer.{name}={value}" for name, value in dict(params).items()])
    options = {"run": {"source": "tiny", "clusterer": clusterer}, "taxonomy": {"nulls": 1, **taxonomy}}
    plan = new_plan(merge({}, chosen, options), Registry.discover())
    config = TrackConfig(plan.config, "checkpoint", tuple(range(len(checkpoints))))
    begun = (Path(folder) / "manifest.json").exists()
    run = RunDir.open(Path(folder)) if begun else RunDir.create(Path(folder), config.record())
    make = make or Maker(plan.clusterer, plan.config.clustering.params, plan.registry)
    openers = [lambda rows=rows: RowsSource(rows, head, texts) for rows in checkpoints]
    return {"config": config, "openers": openers, "make": make, "run": run, "start": start, "progress": QuietProgress()}


def tracking(checkpoints, folder, **options):
    """Track these checkpoints: (results, run)."""
    given = make_tracking(checkpoints, folder, **options)
    run = given["run"]
    try:
        results = run_tracking(**given)
        write_tracking(run, results)
        run.update(status="done")
        return results, run
    finally:
        run.close()
