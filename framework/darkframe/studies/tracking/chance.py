"""What unrelated rows do at a step: would anything else have passed the categories' vigilance?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from darkframe.numerics.null_rows import CovarianceNull, isotropic_rows, row_lengths
from darkframe.numerics.tracking import passed, received
from darkframe.results import TrackedNull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darkframe.interfaces import I64, Clustering
    from darkframe.studies.tracking.base import Tracking
    from darkframe.studies.tracking.learning import Copies

NAMES = ("isotropic", "covariance")


class Chance(NamedTuple):
    """The nulls of one step.

    Attributes:
        rows: Rows of each draw.
        real: For each level, ``passed`` of so many of the real rows; None where they are all.
        nulls: For each level, what the draws of each null did.
    """

    rows: int
    real: tuple[float, ...] | None
    nulls: tuple[tuple[TrackedNull, ...], ...]


def chance(tracking: Tracking, step: int, vectors: NDArray[Any], known: Sequence[int], copies: Copies) -> Chance:
    """Try draws of each null, and as many of the real rows where those are a sample, on copies of the model of before the step.

    Args:
        tracking: What is tracked.
        step: The step.
        vectors: (n, dims) its rows, as the clusterer gets them.
        known: Categories known before it, for each level.
        copies: Of the model.
    """
    most, draws = tracking.params.check_rows, tracking.params.nulls
    sampled = most is not None and most < len(vectors)
    chosen = np.sort(tracking.rng(41, step).choice(len(vectors), most, replace=False)) if sampled else slice(None)
    rows = vectors[chosen]
    found: dict[str, list[Clustering]] = {name: [] for name in NAMES}
    with tracking.progress.task("unrelated rows", len(NAMES) * draws, "draws") as task:
        for name, drawn in _drawn(tracking, step, rows):
            found[name].append(copies.try_on(drawn))
            task.advance()
    real = copies.try_on(rows).labels if sampled else None
    levels = range(len(known))
    return Chance(
        rows=len(rows),
        real=None if real is None else tuple(passed(real[level], known[level]) for level in levels),
        nulls=tuple(tuple(_null(name, found[name], level, known[level]) for name in NAMES) for level in levels),
    )


def _drawn(tracking: Tracking, step: int, rows: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Draws of each null: as many rows as the real ones, as long, in random directions."""
    lengths = row_lengths(rows)
    covariance = CovarianceNull(rows)
    for draw in range(tracking.params.nulls):
        yield "isotropic", isotropic_rows(lengths, rows.shape[1], tracking.rng(42, step, draw))
        yield "covariance", covariance.draw(tracking.rng(43, step, draw))


def _null(name: str, draws: list[Clustering], level: int, known: int) -> TrackedNull:
    labels = [clustering.labels[level] for clustering in draws]
    return TrackedNull(
        name=name,
        passed=tuple(passed(each, known) for each in labels),
        resonant=tuple(float((received(each, _room(each, known))[:known] > 0).mean()) for each in labels),
    )


def _room(labels: I64, known: int) -> int:
    """Room for every label there is, and at least for the known ones."""
    return max(known, int(labels.max(initial=-1)) + 1)
