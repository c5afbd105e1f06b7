"""Step 8 over all clusters: one clustering's figures at every level, the agreement of row orders, and the nulls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Clustering
from darkframe.numerics.clusters import agreement, direction_sums, pooled_cohesion, silhouettes, sizes_of
from darkframe.numerics.null_rows import CovarianceNull, isotropic_rows, row_lengths
from darkframe.results import LevelQuality, NullLevel
from darkframe.store.records import record_from_plain
from darkframe.studies.taxonomy.base import TaxonomyStudy
from darkframe.studies.taxonomy.fit import Fitted, level_counts, level_widths
from darkframe.studies.taxonomy.rows import Clustered, check_dims, prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64

NULLS = ("isotropic", "covariance")
ORDERS, ROWS, SILHOUETTE, DRAWS = 1, 2, 3, 4
"""Purposes of random numbers."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labels of rows at one level and what goes with them; ``match`` and ``width`` are NaN without."""

    labels: I64
    count: int
    match: F64
    width: F64


@dataclass(frozen=True)
class Checked:
    """One data set through the clusterer in every order.

    Attributes:
        levels: Figures of the clustering in the first order, ``stability`` filled in.
        orders: For each level, the agreement of each pair of orders.
    """

    levels: tuple[LevelQuality, ...]
    orders: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Checks:
    """The real rows beside the nulls.

    Attributes:
        rows: How many rows each had.
        real: The real rows'.
        nulls: By name, one for each draw.
        seconds: All of it took.
    """

    rows: int
    real: Checked
    nulls: dict[str, tuple[Checked, ...]]
    seconds: float

    def at(self, level: int) -> tuple[NullLevel, ...]:
        """The nulls' draws at a level; draws that have no such level are left out."""
        draws = ((name, tuple(c.levels[level] for c in checked if level < len(c.levels))) for name, checked in self.nulls.items())
        return tuple(NullLevel(name, levels) for name, levels in draws)


def labelled(clustering: Clustering) -> tuple[Labelled, ...]:
    """A clustering level by level."""
    n, widths = clustering.labels.shape[1], level_widths(clustering)
    nothing = np.full(n, np.nan)
    return tuple(
        Labelled(
            np.asarray(clustering.labels[level], np.int64),
            count,
            nothing if clustering.match is None else np.asarray(clustering.match[level], np.float64),
            widths[level],
        )
        for level, count in enumerate(level_counts(clustering))
    )


def quality(rows: NDArray[Any], level: Labelled, sample: I64) -> LevelQuality:
    """The figures of one level; see ``LevelQuality``. ``stability`` is left NaN.

    Args:
        rows: (n, d) decoder rows that were clustered.
        level: Their labels.
        sample: Rows that the silhouette is taken over.
    """
    sizes = sizes_of(level.labels, level.count)
    sums = direction_sums(rows, level.labels, level.count)
    silhouette = silhouettes(rows[sample], level.labels[sample], sums, sizes)
    boxed = (sizes > 0) & ~np.isnan(level.width)
    matched = level.match[(level.labels >= 0) & ~np.isnan(level.match)]
    return LevelQuality(
        clusters=int((sizes > 0).sum()),
        singletons=int((sizes == 1).sum()),
        noise=int((level.labels < 0).sum()),
        largest_share=float(sizes.max(initial=0)) / len(level.labels),
        cohesion=pooled_cohesion(sums, sizes),
        silhouette=float(silhouette.mean()),
        match=float(matched.mean()) if len(matched) else float("nan"),
        width=float(np.average(level.width[boxed], weights=sizes[boxed])) if boxed.any() else float("nan"),
        stability=float("nan"),
    )


def check(study: TaxonomyStudy, rows: F32, first: tuple[Labelled, ...] | None) -> Checked:
    """Cluster rows in every order, and take the figures.

    Args:
        study: The study.
        rows: (n, d).
        first: Their clustering in the order given, where it is known already.
    """
    vectors = prepared(study, rows) if first is None or study.params.orders > 1 else rows
    levels = first or labelled(study.cluster(vectors))
    n, rng = len(rows), study.rng(SILHOUETTE)
    sample = np.sort(rng.choice(n, size=min(n, study.params.silhouette_rows), replace=False))
    figures = [quality(rows, level, sample) for level in levels]
    every = [[level.labels] for level in levels]
    for order in range(1, study.params.orders):
        permutation = study.rng(ORDERS, order).permutation(n)
        shuffled = study.cluster(vectors[permutation]).labels
        for level, labels in zip(every, shuffled):
            back = np.empty(n, np.int64)
            back[permutation] = labels
            level.append(back)
    agreements = tuple(tuple(agreement(a, b) for a, b in combinations(labels, 2)) for labels in every)
    means = (float(np.mean(values)) if values else float("nan") for values in agreements)
    return Checked(tuple(replace(level, stability=mean) for level, mean in zip(figures, means)), agreements)


def checks(study: TaxonomyStudy, clustered: Clustered, fitted: Fitted) -> Checks:
    """The real rows in every order, and each draw of each null the same way; one step each."""
    n = len(clustered.features)
    limit = study.params.check_rows
    sampled = limit is not None and limit < n
    if sampled:
        assert limit is not None
        check_dims(study, limit, " (taxonomy.check_rows)")
    chosen = study.rng(ROWS).choice(n, size=limit, replace=False) if sampled else np.arange(n)
    rows = clustered.rows[chosen] if sampled else clustered.rows
    inputs = {"depends": fitted.key, "check_rows": limit if sampled else None, "orders": study.params.orders}
    inputs |= {"silhouette_rows": study.params.silhouette_rows}
    draws, seconds = study.params.nulls, 0.0
    null: CovarianceNull | None = None
    found: dict[str, list[Checked]] = {name: [] for name in NULLS} if draws else {}

    with study.progress.task("orders and nulls", 1 + draws * len(NULLS), "data sets") as task:
        task.note("row orders")
        known = None if sampled else _known(fitted)
        outcome = study.step("orders", inputs, lambda _: (check(study, rows, known), {}))
        real, seconds = record_from_plain(Checked, outcome.record), outcome.seconds
        task.advance()
        for kind, name in enumerate(NULLS if draws else ()):
            for draw in range(draws):
                task.note(f"{name} null {draw + 1} of {draws}")

                def compute(_: object, kind: int = kind, draw: int = draw) -> tuple[Checked, dict[str, NDArray[Any]]]:
                    nonlocal null
                    rng = study.rng(DRAWS, kind, draw)
                    if kind == 0:
                        return check(study, isotropic_rows(rng.permutation(row_lengths(rows)), rows.shape[1], rng), None), {}
                    null = null or CovarianceNull(rows)
                    return check(study, null.draw(rng), None), {}

                outcome = study.step(f"null-{name}-{draw}", {**inputs, "draw": draw}, compute)
                found[name].append(record_from_plain(Checked, outcome.record))
                seconds += outcome.seconds
                task.advance()
    return Checks(len(rows), real, {name: tuple(made) for name, made in found.items()}, seconds)


def _known(fitted: Fitted) -> tuple[Labelled, ...]:
    parts = zip(fitted.labels, fitted.counts, fitted.match, fitted.width)
    return tuple(Labelled(labels, count, match, width) for labels, count, match, width in parts)
