"""The fitted model of a finished taxonomy run, to begin from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import UserError
from darkframe.results import TrackedModel
from darkframe.store.run import RunDir

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64

MODEL = "model_"


@dataclass(frozen=True, eq=False)
class Start:
    """A fitted model, and what it was fitted on.

    Attributes:
        record: For the results.
        share: Of the variance of its rows in its axes.
        features: (n,) ids of the features it was fitted on, in order.
        labels: (levels, n) their clusters.
        clusters: Clusters of each level, those without members included.
        axes, mean: Of its PCA; (0, d) and zeros without.
        lower, upper: (dims,) float64, its bounds.
        state: Its arrays, as the clusterer's ``restore`` takes them.
    """

    record: TrackedModel
    share: float
    features: I64
    labels: I64
    clusters: tuple[int, ...]
    axes: F64
    mean: F64
    lower: F64
    upper: F64
    state: Mapping[str, NDArray[Any]]


def start_from(path: Path) -> Start:
    """Read the model that a finished taxonomy run keeps.

    Raises:
        OutputError: There is no run.
        UserError: The run has no taxonomy, has not finished, or kept no model.
        StoreError: It is damaged.
    """
    run = RunDir.open(path)
    results = run.taxonomy()
    if results is None:
        raise UserError(
            f"The run {path} has no finished taxonomy study, so that it has no model to begin from.",
            hint="Give --model the directory of a run that was made with --clusterer.",
        )
    names = {key.split("/", 1)[1]: key for key in run.arrays()}
    state = {name.removeprefix(MODEL): np.array(run.array(key)) for name, key in names.items() if name.startswith(MODEL)}
    if not state:
        raise UserError(
            f"The run {path} kept no model to begin from.",
            hint="Run it again with taxonomy.keep_model=true, and a clusterer whose model can be kept.",
        )
    arrays = {
        name: np.array(run.array(f"taxonomy_{name}")) for name in ("features", "labels", "axes", "axes_mean", "lower", "upper")
    }
    dims = len(arrays["lower"])
    source = str(results.source.get("dictionary", results.source.get("name", "?")))
    return Start(
        record=TrackedModel(str(run.path), source, len(arrays["features"]), dims),
        share=results.pca.share,
        features=arrays["features"],
        labels=arrays["labels"],
        clusters=tuple(
            int(count) for count in np.bincount(np.array(run.array("cluster_level")), minlength=len(arrays["labels"]))
        ),
        axes=arrays["axes"],
        mean=arrays["axes_mean"],
        lower=arrays["lower"],
        upper=arrays["upper"],
        state=state,
    )


def check_fits(start: Start, shape: tuple[int, int], name: str) -> None:
    """See that a model was fitted on features such as these.

    Args:
        start: The model.
        shape: (F, d) of the checkpoints.
        name: What to call the first of them.

    Raises:
        UserError: Its dimensions are others, or its features are not among them.
    """
    d, highest = len(start.mean), int(start.features.max(initial=-1))
    if d != shape[1]:
        raise UserError(
            f"The model in {start.record.run} was fitted on {d:,} dimensions, but {name} has {shape[1]:,}.",
            hint="Begin from a taxonomy of the same site, or leave --model out.",
        )
    if highest >= shape[0]:
        raise UserError(
            f"The model in {start.record.run} was fitted on features up to number {highest:,}, but {name} has only {shape[0]:,}.",
            hint="Begin from a taxonomy of the same SAE, or leave --model out.",
        )
