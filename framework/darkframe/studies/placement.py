"""Where each dark component falls in the taxonomy: its nearest cluster, whose vigilance it passes, and what chance gives.

A component's sign is arbitrary, so it is held against every cluster with both signs. To be put to a cluster's vigilance it is
made as long as a decoder row (dead ones apart) is on average and taken through the same PCA, as if it were one more feature.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.interfaces import Keeps, Matches
from darkframe.numerics.nulls import isotropic_directions, rotations
from darkframe.results import PlacedComponent, PlacedLevel, Placement
from darkframe.store.atomic import plain
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.decompose import derived_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.config import RunConfig
    from darkframe.interfaces import F64, I64, Bool, Clusterer, ClustererMaker
    from darkframe.progress import Progress
    from darkframe.results import DarkMatterResults, TaxonomyResults
    from darkframe.store.run import RunDir

VERSION = 2
DRAWS = 200
"""Random directions of each null."""

BLOCK = 64
"""Directions matched at once: matches are (directions, clusters)."""

MODEL = "model_"


@dataclass(frozen=True, eq=False)
class Placed:
    """Directions at one level, each (n,): see ``PlacedLevel``. ``passes`` and ``known`` are None without vigilance."""

    cluster: I64
    cosine: F64
    sign: I64
    match: F64
    passes: Bool | None
    known: I64 | None


class Frame:
    """The taxonomy that directions are placed in.

    Args:
        run: The run, its taxonomy study finished.
        results: The taxonomy's results.
        model: The fitted clusterer, where it says how vectors match its clusters; else None.
    """

    def __init__(self, run: RunDir, results: TaxonomyResults, model: Matches | None) -> None:
        of = results.dictionary
        self._length = of.norms.mean * of.n_features / max(of.n_features - of.dead, 1)  # of the rows that are not zero
        self._axes, self._mean = run.array("taxonomy_axes"), run.array("taxonomy_axes_mean")
        self._model = model
        self.levels = len(results.levels)
        level = np.asarray(run.array("cluster_level"))
        rows = np.asarray(run.array("cluster_directions"), np.float64)
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        self._directions = [unit[level == which] for which in range(self.levels)]

    def place(self, directions: F64, level: int) -> Placed:
        """Hold unit directions (n, d) against the clusters of a level; where it has none, all are −1 and NaN."""
        if not len(self._directions[level]):
            return self._nowhere(len(directions))
        cosines = directions @ self._directions[level].T
        cluster = np.abs(cosines).argmax(axis=1)
        cosine = cosines[np.arange(len(cosines)), cluster]
        sign = np.where(cosine < 0, -1, 1)
        match, passes, known = self._vigilance(directions, level, cluster, sign)
        return Placed(cluster, np.abs(cosine), sign, match, passes, known)

    def _nowhere(self, n: int) -> Placed:
        nothing, tested = np.full(n, np.nan), self._model is not None
        passes, known = (np.zeros(n, bool), np.zeros(n, np.int64)) if tested else (None, None)
        return Placed(np.full(n, -1, np.int64), nothing, np.ones(n, np.int64), nothing, passes, known)

    def _vigilance(self, directions: F64, level: int, cluster: I64, sign: I64) -> tuple[F64, Bool | None, I64 | None]:
        n = len(directions)
        if self._model is None:
            return np.full(n, np.nan), None, None
        match, passes, known = np.empty(n), np.empty(n, bool), np.empty(n, np.int64)
        for start in range(0, n, BLOCK):
            block = slice(start, min(start + BLOCK, n))
            both = [self._model.matches(self._rows(s * directions[block]), level) for s in (1, -1)]
            values, passed = np.stack([of[0] for of in both]), np.stack([of[1] for of in both])
            own = (np.where(sign[block] > 0, 0, 1), np.arange(block.stop - block.start), cluster[block])
            match[block], passes[block] = values[own], passed[own]
            known[block] = (passed[0] | passed[1]).sum(axis=1)
        return match, passes, known

    def _rows(self, directions: F64) -> F64:
        """Directions as vectors that were clustered: as long as a decoder row, in the PCA's axes."""
        rows = directions * self._length
        projected: F64 = (rows - self._mean) @ np.asarray(self._axes, np.float64).T if len(self._axes) else rows
        return projected


def place(
    config: RunConfig,
    found: DarkMatterResults,
    results: TaxonomyResults,
    make: ClustererMaker,
    run: RunDir,
    *,
    progress: Progress,
) -> Placement:
    """Place the components of the dark-matter study in the taxonomy; kept as a step of the run.

    Args:
        config: The run's configuration.
        found: The dark-matter study's results.
        results: The taxonomy study's.
        make: Makes the clusterer whose model the run keeps.
        run: The run directory, both studies finished.
        progress: Where to report.
    """
    directions = np.asarray(run.array("directions"), np.float64)
    inputs = {"version": VERSION, "seed": config.seed, "clusterer": config.clustering.record(), "of": _digest(run)}
    step = run.step("placement", inputs)
    if not step.done:
        started = time.perf_counter()
        model, note = fitted(make, run)
        frame = Frame(run, results, model)
        placement = _placement(frame, directions, found, _drawn(run, directions, config.seed), note)
        step.save({"seconds": time.perf_counter() - started, "result": plain(placement)}, arrays_of(placement))
    placement = record_from_plain(Placement, step.load()[0]["result"])
    progress.step("placement", placement.text)
    return placement


def fitted(make: ClustererMaker, run: RunDir) -> tuple[Matches | None, str]:
    """The clusterer with the model that the run keeps; or None, and why."""
    clusterer: Clusterer = make()
    if not (isinstance(clusterer, Keeps) and isinstance(clusterer, Matches)):
        return (
            None,
            f"The clusterer {make.info.name!r} does not say how other vectors match its clusters: no vigilance is tested.",
        )
    state = {name: run.array(key) for key in run.arrays() if (name := key.split("/", 1)[1]).startswith(MODEL)}
    if not state:
        return None, "The fitted model was not kept (taxonomy.keep_model): no vigilance is tested."
    clusterer.restore({name.removeprefix(MODEL): array for name, array in state.items()})
    return clusterer, ""


def _digest(run: RunDir) -> str:
    """What the placement depends on."""
    made = hashlib.sha256()
    for name in ("directions", "cluster_directions", "taxonomy_labels", "taxonomy_lower", "taxonomy_upper"):
        made.update(np.ascontiguousarray(run.array(name)).tobytes())
    return made.hexdigest()


def _drawn(run: RunDir, directions: F64, seed: int) -> dict[str, F64]:
    """Random unit directions: uniform, and random rotations within the residual's whitened space."""
    k, d = directions.shape
    variances, axes = np.asarray(run.array("pca_variances")), np.asarray(run.array("pca_components"))
    scaled = np.sqrt(np.maximum(variances[:k], 0))[:, None] * axes[:k]

    def rotated() -> Iterator[F64]:
        for rotation in rotations(len(scaled), -(-DRAWS // k), derived_seed(seed, 21)):
            rows = rotation @ scaled
            yield rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)

    isotropic = isotropic_directions(DRAWS, d, derived_seed(seed, 22))
    return {"isotropic": isotropic, "rotation": np.concatenate(list(rotated()))[:DRAWS]}


def _placement(frame: Frame, directions: F64, found: DarkMatterResults, drawn: dict[str, F64], note: str) -> Placement:
    own = [frame.place(directions, level) for level in range(frame.levels)]
    chance = [{name: frame.place(rows, level) for name, rows in drawn.items()} for level in range(frame.levels)]
    beats = {match.component: match.beats_null for match in found.match.components}
    components = tuple(_component(i, beats.get(i, False), own) for i in range(len(directions)))
    outside = tuple(0 if placed.known is None else int((placed.known == 0).sum()) for placed in own)
    by_chance = tuple({name: _outside(placed) for name, placed in level.items()} for level in chance)
    return Placement(
        components=components,
        outside=outside,
        outside_by_chance=by_chance,
        cosine=tuple(float(np.median(placed.cosine)) for placed in own),
        cosine_by_chance=tuple({n: float(np.median(p.cosine)) for n, p in level.items()} for level in chance),
        text=_text(components, own, chance, tested=not note),
        note=note,
    )


def _outside(placed: Placed) -> float:
    return float("nan") if placed.known is None else float((placed.known == 0).mean())


def _component(i: int, beats_null: bool, own: list[Placed]) -> PlacedComponent:
    levels = tuple(
        PlacedLevel(
            level=level,
            cluster=int(placed.cluster[i]),
            cosine=float(placed.cosine[i]),
            sign=int(placed.sign[i]),
            match=float(placed.match[i]),
            passes=None if placed.passes is None else bool(placed.passes[i]),
            known=0 if placed.known is None else int(placed.known[i]),
        )
        for level, placed in enumerate(own)
    )
    tested = own[-1].known is not None
    return PlacedComponent(i, beats_null, levels, outside=tested and levels[-1].known == 0)


def _text(components: tuple[PlacedComponent, ...], own: list[Placed], chance: list[dict[str, Placed]], *, tested: bool) -> str:
    finest, k = len(own) - 1, len(components)
    if (own[finest].cluster < 0).all():
        return f"Level {finest} has no clusters, only noise: there is nothing for the dark components to fall in."
    nearest = float(np.median(own[finest].cosine))
    random = max(float(np.median(placed.cosine)) for placed in chance[finest].values())
    near = f"median |cos| with the nearest cluster {nearest:.2f} (random directions {random:.2f})"
    if not tested:
        return f"At level {finest}, {near}."
    outside = sum(component.outside for component in components)
    shares = [_outside(placed) for placed in chance[finest].values()]
    share = f"{min(shares):.0%}" if round(min(shares), 2) == round(max(shares), 2) else f"{min(shares):.0%} to {max(shares):.0%}"
    return (
        f"{outside} of {k} dark components lie outside every known cluster of level {finest} "
        f"(of random directions {share}); {near}."
    )


def arrays_of(placement: Placement) -> dict[str, NDArray[Any]]:
    """Nearest cluster and |cos| of every component at every level, (k, levels) each, for further work."""
    levels = [component.levels for component in placement.components]
    return {
        "placement_clusters": np.array([[level.cluster for level in of] for of in levels], np.int64),
        "placement_cosines": np.array([[level.cosine for level in of] for of in levels], np.float64),
    }
