"""Step 5: whether the components come back, over seeds and over halves of the documents, beside what nulls give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from darkframe.numerics.matching import cosines, source_correlations
from darkframe.numerics.nulls import isotropic_directions, matched_maxima, rotated_directions, rotations
from darkframe.numerics.stability import agreement, replication, stability_index
from darkframe.numerics.whitening import Whitening
from darkframe.results import PairStability, Stability
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Study
from darkframe.studies.steps.decompose import Fits, derived_seed
from darkframe.studies.steps.fits import identifiable
from darkframe.studies.steps.nulls import Nulls

if TYPE_CHECKING:
    from darkframe.interfaces import F64

HIGH = 0.9
NULL_PAIRS = 5


class _Replication(NamedTuple):
    values: F64
    cut: float


def stability(study: Study, fits: Fits, nulls: Nulls) -> tuple[Stability, float]:
    """Compare the fits; arrays ``stability_index`` and ``replication``."""

    def compute(_: object) -> tuple[Stability, Arrays]:
        record = _record(study, fits, nulls)
        return record, {"stability_index": np.array(record.index), "replication": np.array(record.replication)}

    outcome = study.step("stability", {"depends": [*fits.keys, nulls.key], "seed": study.config.seed}, compute)
    result = record_from_plain(Stability, outcome.record)
    study.progress.step("stability", _said(result, fits.main.record.n_components))
    return result, outcome.seconds


def _said(result: Stability, k: int) -> str:
    if result.halves is None:
        return "too few rows for document halves"
    chance = next((pair.matched_mean for pair in result.null_pairs if pair.a == "rotation"), float("nan"))
    matched = f"document halves match at {result.halves.matched_mean:.2f} (chance {chance:.2f})"
    return f"{matched}; both find {result.replicated} of {k} components"


def pair_stability(a: str, b: str, similarity: F64) -> PairStability:
    """The figures of one pair of fits, from the |cos| of their directions."""
    best, matched = agreement(similarity)
    return PairStability(
        a=a,
        b=b,
        best_mean=float(best.mean()),
        best_min=float(best.min()),
        best_over_90=int((best > HIGH).sum()),
        matched_mean=float(matched.mean()),
        matched_min=float(matched.min()),
        matched_over_90=int((matched > HIGH).sum()),
        n=len(matched),
    )


def _record(study: Study, fits: Fits, nulls: Nulls) -> Stability:
    names = [f"seed {seed}" for seed in study.seeds]
    seeds = [
        pair_stability(names[i], names[j], cosines(fits.seeds[i].directions, fits.seeds[j].directions))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    halves = None
    if fits.halves:
        halves = pair_stability("documents half a", "documents half b", cosines(*(half.directions for half in fits.halves)))
    index = stability_index([f.directions for f in (*fits.seeds, *fits.halves)])
    found = _replication(study, fits)
    return Stability(
        pairs=tuple(seeds),
        halves=halves,
        null_pairs=_null_pairs(study, fits),
        index=tuple(index.tolist()),
        index_mean=float(index.mean()),
        index_null_mean=float(nulls.stability["elliptical"].mean()),
        identifiable_matched_mean=_identifiable_mean(fits),
        replication=tuple(found.values.tolist()),
        replication_cut=found.cut,
        replicated=int((found.values > found.cut).sum()),
        notes=tuple(_notes(fits, seeds)),
        index_nulls=Nulls.summaries(nulls.stability),
    )


def _replication(study: Study, fits: Fits) -> _Replication:
    k = fits.main.record.n_components
    draws = min(200, max(20, 20_000 // k))
    _, maxima = matched_maxima(k, draws, derived_seed(study.config.seed, 6))
    cut = float(np.quantile(maxima, 0.95))
    if not fits.halves:
        return _Replication(np.zeros(k), cut)
    covariance = study.rows.covariance
    main, a, b = (f.filters for f in (fits.main, *fits.halves))
    between = [source_correlations(left, right, covariance) for left, right in ((main, a), (main, b), (a, b))]
    return _Replication(replication(*between), cut)


def _null_pairs(study: Study, fits: Fits) -> tuple[PairStability, ...]:
    k, d, sets, first = fits.main.record.n_components, study.rows.shape[1], 2 * NULL_PAIRS, fits.nulls[0]
    whitening = Whitening.fit(study.rows.mean, study.rows.covariance, k)
    turned = [rotated_directions(whitening, q) for q in rotations(whitening.k, sets, derived_seed(study.config.seed, 7))]
    alone = np.split(isotropic_directions(sets * k, d, derived_seed(study.config.seed, 13)), sets)
    pairs = [_chance_pair("isotropic", alone), _chance_pair("rotation", turned)]
    pairs.append(pair_stability("elliptical", "elliptical, other seed", cosines(first.directions, fits.null_again.directions)))
    if len(fits.nulls) > 1:
        pairs.append(pair_stability("elliptical", "elliptical, other data", cosines(first.directions, fits.nulls[1].directions)))
    return tuple(pairs)


def _chance_pair(name: str, sets: list[F64]) -> PairStability:
    """Means over a few pairs of unrelated sets of directions."""
    pairs = [pair_stability(name, name, cosines(a, b)) for a, b in zip(sets[::2], sets[1::2])]

    def mean(figure: str) -> float:
        return float(np.mean([getattr(pair, figure) for pair in pairs]))

    return PairStability(
        a=name,
        b=f"{name}, drawn again",
        best_mean=mean("best_mean"),
        best_min=mean("best_min"),
        best_over_90=round(mean("best_over_90")),
        matched_mean=mean("matched_mean"),
        matched_min=mean("matched_min"),
        matched_over_90=round(mean("matched_over_90")),
        n=pairs[0].n,
    )


def _identifiable_mean(fits: Fits) -> float | None:
    """Mean matched |cos| of the main fit's identifiable components with every other seed's."""
    passed = identifiable(fits.main.record)
    if passed is None or not passed.any() or len(fits.seeds) < 2:
        return None
    chosen = fits.main.directions[passed]
    return float(np.mean([agreement(cosines(chosen, other.directions)).matched.mean() for other in fits.seeds[1:]]))


def _notes(fits: Fits, seeds: list[PairStability]) -> list[str]:
    notes = []
    if not seeds:
        notes.append("There was one seed only, so that seeds say nothing of stability.")
    elif all(pair.matched_min > 1 - 1e-9 for pair in seeds):
        notes.append(
            "All seeds give the same components: this decomposer does not depend on its seed, only the document halves count."
        )
    if not fits.halves:
        notes.append("The document halves hold too few rows to be fitted, so that no component can be called replicated.")
    return notes
