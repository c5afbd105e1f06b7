"""Which features are tracked, in which order, in which dimensions and bounds: settled once, for all steps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError, ParameterError
from darkframe.numerics.pooled import pooled_axes
from darkframe.numerics.spread import Axes, mean_and_covariance
from darkframe.results import JunkRecord, OrderRecord, TrackedAxes
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import take_step
from darkframe.studies.taxonomy.lens import Lens, lens, open_lens
from darkframe.studies.taxonomy.rows import ordered
from darkframe.studies.tracking.base import VERSION, Tracking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64, Bool
    from darkframe.studies.tracking.start import Start
    from darkframe.studies.tracking.survey import Surveyed


_AS_THE_MODEL = "The features are those that the model was fitted on, in its order; no other junk filter was applied."


@dataclass(frozen=True, eq=False)
class Tracked:
    """What is tracked.

    Attributes:
        key: Of the step that settled it.
        features: (n,) ids in the order they are presented in, the same at every step.
        alive: (steps, n) bool: whose row is not zero.
        lower, upper: (dims,) float64 bounds that rows are scaled by.
        axes, mean: Of the PCA; (0, d) and zeros without.
        shares: For each step, the share of its rows' variance in the axes.
        junk, order, pca: The records.
        reader: The last checkpoint's logit lens, or None.
        seconds: What settling it took.
    """

    key: str
    features: I64
    alive: Bool
    lower: F64
    upper: F64
    axes: F64
    mean: F64
    shares: tuple[float, ...]
    junk: JunkRecord
    order: OrderRecord
    pca: TrackedAxes
    reader: Lens | None
    seconds: float

    def rows(self, tracking: Tracking, step: int) -> F32:
        """(m, d) float32 decoder rows of the features alive at a step."""
        out: F32 = tracking.decoder(step)[self.features[self.alive[step]]]
        return out

    def vectors(self, tracking: Tracking, step: int) -> F32:
        """(m, dims) what the clusterer gets at a step: the rows, or their coordinates along the axes."""
        return projected(self.rows(tracking, step), self.axes, self.mean)


def projected(rows: F32, axes: F64, mean: F64) -> F32:
    """Coordinates along the axes; the rows themselves without."""
    return rows if not len(axes) else Axes(mean, np.empty(0), axes, 0).project(rows, len(axes))


def settle(tracking: Tracking, found: Sequence[Surveyed]) -> Tracked:
    """Choose and order the features, and fit axes and bounds to the rows of all checkpoints.

    With a model to begin from, features, order, axes and bounds are those that it was fitted with.

    Raises:
        UserError: Every feature is junk, fewer than two are left, or a checkpoint has none of them alive.
        ParameterError: More PCA dimensions than there can be.
    """
    alive = np.stack([each.alive for each in found])
    reader = open_lens(tracking.last)
    junk, features, order = _chosen(tracking, alive, reader)
    own = alive[:, features]
    for step in tracking.steps:
        if not own[step].any():
            raise DataError(
                f"{tracking.name(step)}: the decoder rows of all tracked features are zero: there is nothing to learn."
            )
    inputs = {"version": VERSION, "dictionaries": [each.sha256 for each in found], "pca_dims": tracking.params.pca_dims}
    inputs |= {"features": _digest(features), "start": None if tracking.start is None else _of(tracking.start)}

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return _fitted(tracking, features, own)

    outcome = take_step(tracking.run, "track-rows", inputs, compute)
    arrays = {name: np.asarray(array) for name, array in outcome.arrays.items()}
    tracked = Tracked(
        key=outcome.key,
        features=features,
        alive=own,
        lower=arrays["track_lower"],
        upper=arrays["track_upper"],
        axes=arrays["track_axes"],
        mean=arrays["track_axes_mean"],
        shares=tuple(outcome.record["shares"]),
        junk=junk,
        order=order,
        pca=record_from_plain(TrackedAxes, outcome.record["pca"]),
        reader=reader,
        seconds=outcome.seconds,
    )
    tracking.progress.step("features", _told(tracked))
    return tracked


def _chosen(tracking: Tracking, alive: Bool, reader: Lens | None) -> tuple[JunkRecord, I64, OrderRecord]:
    """The junk record of the last checkpoint; ids of the features in order; how they were ordered."""
    live = np.flatnonzero(alive[-1]).astype(np.int64)
    if not len(live):
        name = tracking.name(len(alive) - 1)
        raise DataError(f"{name}: every decoder row of the dictionary is zero: there are no directions to follow.")
    seed, params = tracking.config.run.seed, tracking.params
    if (start := tracking.start) is not None:
        junk = JunkRecord(
            False, _AS_THE_MODEL, params.lens_tokens, params.junk_tokens, alive.shape[1], len(start.features), 0, ()
        )
        return junk, start.features, OrderRecord(seed, len(start.features), len(start.features), sampled=False)
    junk, kept, _ = lens(tracking.last, live, reader)
    gone = np.flatnonzero(alive.any(axis=0) & ~alive[-1])  # dead at the last checkpoint: nothing says that they are junk
    candidates = np.sort(np.concatenate([kept, gone])).astype(np.int64)
    if len(candidates) < 2:
        raise DataError("Only one feature of the dictionaries is left to track; a taxonomy needs two or more.")
    features = ordered(candidates, params.sample, seed)
    return junk, features, OrderRecord(seed, len(candidates), len(features), len(features) < len(candidates))


def _fitted(tracking: Tracking, features: I64, alive: Bool) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Axes, bounds and shares of variance, over the rows of all checkpoints or as the model has them."""
    start = tracking.start
    spread = [mean_and_covariance(tracking.decoder(step)[features[alive[step]]]) for step in tracking.steps]
    if start is not None:
        axes, mean, dims = start.axes, start.mean, len(start.axes) or None
        pca = TrackedAxes(dims, start.share, "the model" if dims else "")
    else:
        axes, mean, pca = _pca(tracking, spread, [int(of.sum()) for of in alive])
    lower, upper = (start.lower, start.upper) if start is not None else _bounds(tracking, features, alive, axes, mean)
    shares = [_share(covariance, axes) for _, covariance in spread]
    arrays = {"track_axes": axes, "track_axes_mean": mean, "track_lower": lower, "track_upper": upper}
    return {"pca": pca, "shares": shares}, arrays


def _pca(tracking: Tracking, spread: Sequence[tuple[F64, F64]], rows: Sequence[int]) -> tuple[F64, F64, TrackedAxes]:
    """Axes of the rows of all checkpoints together, so that no step's directions are lost to another's."""
    dims, d = tracking.params.pca_dims, len(spread[0][0])
    if dims is None:
        return np.zeros((0, d)), np.zeros(d), TrackedAxes(None, 1.0, "")
    whole = pooled_axes((n, mean, covariance) for n, (mean, covariance) in zip(rows, spread))
    if dims > whole.of:
        raise ParameterError(
            f"taxonomy.pca_dims is {dims:,}, but {sum(rows):,} rows of {d:,} dimensions have at most {whole.of:,} "
            "principal axes.",
            hint=f"Set taxonomy.pca_dims to {whole.of:,} or fewer.",
        )
    return whole.components[:dims], whole.mean, TrackedAxes(dims, whole.share(dims), "all checkpoints")


def _bounds(tracking: Tracking, features: I64, alive: Bool, axes: F64, mean: F64) -> tuple[F64, F64]:
    """Least and greatest value of each dimension over all checkpoints, so that no step is clipped."""
    lows, highs = [], []
    for step in tracking.steps:
        vectors = projected(tracking.decoder(step)[features[alive[step]]], axes, mean)
        lows.append(vectors.min(axis=0).astype(np.float64))
        highs.append(vectors.max(axis=0).astype(np.float64))
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _share(covariance: F64, axes: F64) -> float:
    """Share of a covariance's variance along orthonormal axes; 1 without axes, or where nothing varies."""
    total = float(np.trace(covariance))
    return float(np.einsum("ij,jk,ik->", axes, covariance, axes)) / total if len(axes) and total > 0 else 1.0


def _of(start: Start) -> str:
    """What a model is known by."""
    made = hashlib.sha256()
    for name, array in sorted(start.state.items()):
        made.update(name.encode())
        made.update(np.ascontiguousarray(array).tobytes())
    made.update(np.ascontiguousarray(start.axes).tobytes())
    return made.hexdigest()


def _digest(ids: I64) -> str:
    return hashlib.sha256(np.ascontiguousarray(ids, np.int64).tobytes()).hexdigest()


def _told(tracked: Tracked) -> str:
    order, pca = tracked.order, tracked.pca
    which = f"{order.n:,} drawn of {order.kept:,}" if order.sampled else f"{order.n:,}, in the same order at every step"
    if pca.dims is None:
        return f"{which}; {len(tracked.lower):,} dimensions"
    return f"{which}; {pca.dims:,} of {len(tracked.mean):,} dimensions by PCA of {pca.of}, {pca.share:.1%} of the variance"
