"""Step 8 over all clusters: one clustering's figures at every level, the agreement of row orders, and the nulls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations, product
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


def check(study: TaxonomyStudy, make_rows: Callable[[], F32], first: tuple[Labelled, ...] | None = None) -> Checked:
    """Cluster rows in every order, and take the figures.

    Args:
        study: The study.
        make_rows: Gives the (n, d) rows; they are let go of as soon as they can be.
        first: Their clustering in the order given, where it is known already.
    """
    rows = make_rows()
    n, rng = len(rows), study.rng(SILHOUETTE)
    vectors = prepared(study, rows)
    levels = first or labelled(study.cluster(vectors))
    sample = np.sort(rng.choice(n, size=min(n, study.params.silhouette_rows), replace=False))
    figures = [quality(rows, level, sample) for level in levels]
    del rows
    every, standing = [[level.labels] for level in levels], np.arange(n)  # which row stands where
    for order in range(1, study.params.orders):
        shuffle = study.rng(ORDERS, order).permutation(n)
        vectors, standing = vectors[shuffle], standing[shuffle]  # so that the clusterer finds one copy beside its own
        for level, labels in zip(every, study.cluster(vectors).labels):
            level.append(_put_back(labels, standing))
    agreements = tuple(tuple(agreement(a, b) for a, b in combinations(labels, 2)) for labels in every)
    means = (float(np.mean(values)) if values else float("nan") for values in agreements)
    return Checked(tuple(replace(level, stability=mean) for level, mean in zip(figures, means)), agreements)


def _put_back(labels: NDArray[Any], standing: I64) -> I64:
    """Labels of shuffled rows, in the rows' own order."""
    back = np.empty(len(standing), np.int64)
    back[standing] = labels
    return back


class _Nulls:
    """Draws of the nulls for the rows that are checked.

    Args:
        study: The study.
        make_rows: Gives the real rows.
    """

    def __init__(self, study: TaxonomyStudy, make_rows: Callable[[], F32]) -> None:
        self._study, self._make_rows = study, make_rows

    @cached_property
    def _lengths(self) -> F64:
        return row_lengths(self._make_rows())

    @cached_property
    def _covariance(self) -> CovarianceNull:
        return CovarianceNull(self._make_rows())

    def draw(self, name: str, number: int) -> F32:
        """The rows of one draw."""
        rng = self._study.rng(DRAWS, NULLS.index(name), number)
        if name == "covariance":
            return self._covariance.draw(rng)
        return isotropic_rows(rng.permutation(self._lengths), self._study.decoder.shape[1], rng)


def checks(study: TaxonomyStudy, clustered: Clustered, fitted: Fitted) -> Checks:
    """The real rows in every order, and each draw of each null the same way; one step each."""
    n, params = len(clustered.features), study.params
    limit = n if params.check_rows is None else min(n, params.check_rows)
    chosen = None
    if limit < n:
        check_dims(study.params, limit, study.decoder.shape[1], " (taxonomy.check_rows)")
        chosen = study.rng(ROWS).choice(n, size=limit, replace=False)
    nulls = _Nulls(study, partial(clustered.rows, chosen))
    inputs = {"depends": fitted.key, "rows": limit, "orders": params.orders, "silhouette_rows": params.silhouette_rows}
    found: dict[str, list[Checked]] = {name: [] for name in NULLS} if params.nulls else {}
    seconds = 0.0

    def take(name: str, more: dict[str, Any], compute: Callable[[], Checked]) -> Checked:
        nonlocal seconds
        outcome = study.step(name, {**inputs, **more}, lambda _: (compute(), {}))
        seconds += outcome.seconds
        task.advance()
        return record_from_plain(Checked, outcome.record)

    with study.progress.task("orders and nulls", 1 + params.nulls * len(found), "data sets") as task:
        task.note("row orders")
        known = _known(fitted) if chosen is None else None
        real = take("orders", {}, lambda: check(study, partial(clustered.rows, chosen), known))
        for name, draw in product(found, range(params.nulls)):
            task.note(f"{name} null {draw + 1} of {params.nulls}")
            make = partial(nulls.draw, name, draw)
            found[name].append(take(f"null-{name}-{draw}", {"draw": draw}, partial(check, study, make)))
    return Checks(limit, real, {name: tuple(made) for name, made in found.items()}, seconds)


def _known(fitted: Fitted) -> tuple[Labelled, ...]:
    parts = zip(fitted.labels, fitted.counts, fitted.match, fitted.width)
    return tuple(Labelled(labels, count, match, width) for labels, count, match, width in parts)
