"""What a sweep compares: one record a cell. Everything else about a cell is in its run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DONE, FAILED, WAITING = "done", "failed", "waiting"
"""What can become of a cell; one that was stopped half-way is waiting, too."""


@dataclass(frozen=True)
class Axis:
    """One swept parameter.

    Attributes:
        name: ``kind.key``, such as ``taxonomy.pca_dims``.
        title: The shortest name that no other axis of the sweep has: ``pca_dims``.
        values: As read by the parameter's declaration, in the order given; lists are tuples.
        texts: The same as ``--set`` would take them.

    Computed in:
        api/sweeping/grid.py
    """

    name: str
    title: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True)
class LevelFigures:
    """One level of a cell's taxonomy; see ``Level`` and ``LevelQuality``.

    Attributes:
        clusters: Clusters of all rows.
        largest_share: Rows in the largest cluster / all rows.
        silhouette: Mean silhouette by cosine distance.
        silhouette_null: The same of rows without structure put through the same clusterer: the mean over a null's draws, of the
            null where it is larger; NaN without nulls.
        stability: Mean adjusted Rand index between different row orders; NaN with a single order.
        beats_null: Whether the level holds structure that the nulls do not.
        noise: Rows in no cluster / all rows.

    Computed in:
        report/sweep/gather.py
    """

    clusters: int
    largest_share: float
    silhouette: float
    silhouette_null: float
    stability: float
    beats_null: bool
    noise: float = 0.0


@dataclass(frozen=True)
class TaxonomyFigures:
    """A cell's taxonomy.

    Attributes:
        dims: Dimensions that were clustered.
        variance: Share of the rows' variance in them.
        levels: Coarsest first.
        verdict: ``structure``, ``some``, ``nothing`` or ``unjudged``.
        fit_seconds: Wall time of the clustering alone.
        tokens: The largest level-0 cluster by the differential logit lens (raw; escape when shown); empty without an
            unembedding.

    Computed in:
        report/sweep/gather.py
    """

    dims: int
    variance: float
    levels: tuple[LevelFigures, ...]
    verdict: str
    fit_seconds: float
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class DarkFigures:
    """A cell's dark-matter study.

    Attributes:
        components: Components fitted.
        converged: Whether the fit converged.
        beat_null: Components that beat the elliptical null.
        novel: Components whose largest |cos| with a decoder direction is at most ``study.novel_cut``.
        novel_null: How many of as many directions drawn by chance would be (elliptical null where it was taken).
        stability: Mean stability index Iq over seeds and document halves.
        stability_null: The same over the elliptical null's fits.
        explained: Share of the residual's variance that the components explain.
        finding: ``structure``, ``under-reconstruction``, ``mixed`` or ``nothing``.
        fit_seconds: Wall time of the main fit alone.

    Computed in:
        report/sweep/gather.py
    """

    components: int
    converged: bool
    beat_null: int
    novel: int
    novel_null: float
    stability: float
    stability_null: float
    explained: float
    finding: str
    fit_seconds: float


@dataclass(frozen=True)
class SweepCell:
    """One cell.

    Attributes:
        number: From 1.
        folder: Where its run is, below the sweep's folder.
        values: Its value on each axis, as text.
        status: ``done``, ``failed`` or ``waiting``.
        error: Why it failed, in a sentence; empty otherwise.
        seconds: How long its process worked on it, until it ended; of a cell that was resumed, the last time only. None where
            it never ended.
        taxonomy: Figures of its taxonomy study, as far as it is done and has one.
        dark: Figures of its dark-matter study, likewise.

    Computed in:
        report/sweep/gather.py
    """

    number: int
    folder: str
    values: tuple[str, ...]
    status: str
    error: str
    seconds: float | None
    taxonomy: TaxonomyFigures | None = None
    dark: DarkFigures | None = None


@dataclass(frozen=True)
class SweepResults:
    """The comparison.

    Attributes:
        base: Names of the plugins that all cells share, by kind.
        axes: What was swept; the first changes slowest.
        cells: In order: the full product.

    Computed in:
        report/sweep/gather.py
    """

    base: Mapping[str, str]
    axes: tuple[Axis, ...]
    cells: tuple[SweepCell, ...]

    @property
    def failed(self) -> tuple[SweepCell, ...]:
        """The cells that failed."""
        return tuple(cell for cell in self.cells if cell.status == FAILED)

    @property
    def levels(self) -> int:
        """Levels of the deepest taxonomy; 0 without any."""
        return max((len(cell.taxonomy.levels) for cell in self.cells if cell.taxonomy), default=0)
