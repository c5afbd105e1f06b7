"""Step 6: each component against the dictionary, and against the nulls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from darkframe.numerics.matching import DictionaryMatch, match_dictionary, max_cosines
from darkframe.numerics.nulls import (
    familywise_cosine_cut,
    familywise_cut,
    isotropic_directions,
    quantile_in,
    rotated_directions,
    rotations,
)
from darkframe.numerics.whitening import Whitening
from darkframe.results import ComponentMatch, Match, NullSummary, Stability
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Outcome, Study, null_summary
from darkframe.studies.steps.decompose import Fits, derived_seed
from darkframe.studies.steps.judge import Cuts, Evidence, judge, null_note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64

SHOWN = 5
ROTATIONS = 20  # at least: the cut rests on each one's maximum
TITLES = {
    "isotropic": "random directions, uniform over the activation space",
    "rotation": "random rotations within the residual's whitened space: its covariance, no independence",
    "elliptical": "components fitted to rows of the same lengths and covariance in random directions",
}


def nulls(study: Study, fits: Fits) -> Outcome:
    """The nulls' max |cos| with the dictionary and kurtosis (arrays ``null_…``), and the family-wise cuts beyond them."""

    def compute(_: object) -> tuple[dict[str, float], Arrays]:
        dictionary = decoder(study)
        k, seed = fits.main.record.n_components, study.config.seed
        whitening = Whitening.fit(study.rows.mean, study.rows.covariance, k)
        count = max(ROTATIONS, -(-study.params.null_directions // k))
        drawn = rotations(whitening.k, count, derived_seed(seed, 8))
        rotated = np.stack([max_cosines(rotated_directions(whitening, q), dictionary) for q in drawn])
        elliptical = _padded([max_cosines(f.directions, dictionary) for f in fits.nulls])
        isotropic = max_cosines(
            isotropic_directions(study.params.null_directions, dictionary.shape[1], derived_seed(seed, 9)), dictionary
        )
        kurtosis = _padded([f.array("kurtosis") for f in fits.nulls])
        cut = max(_cut_of_rows(rotated), _cut_of_rows(elliptical))
        arrays = {
            "null_isotropic_cosines": isotropic,
            "null_rotation_cosines": rotated.ravel(),
            "null_elliptical_cosines": elliptical[np.isfinite(elliptical)],
            "null_elliptical_kurtosis": kurtosis[np.isfinite(kurtosis)],
        }
        high = familywise_cut(np.nanmax(kurtosis, axis=1)).value
        low = -familywise_cut(-np.nanmin(kurtosis, axis=1)).value - max(float(np.nanmedian(kurtosis)), 0.0)
        return {"cosine": cut, "kurtosis": high, "kurtosis_low": low}, arrays

    return study.step(
        "nulls", {"depends": fits.keys, "directions": study.params.null_directions, "seed": study.config.seed}, compute
    )


def decoder(study: Study) -> NDArray[np.float32]:
    """The dictionary's decoder directions (F, d) on the CPU."""
    weights: NDArray[np.float32] = study.source.dictionary().W_dec.detach().cpu().float().numpy()
    return weights


def _padded(parts: list[F64]) -> F64:
    out = np.full((len(parts), max(len(part) for part in parts)), np.nan)
    for row, part in zip(out, parts):
        row[: len(part)] = part
    return out


def _cut_of_rows(values: F64) -> float:
    return familywise_cosine_cut(np.nanmax(values, axis=1))


def match(study: Study, fits: Fits, projected: Outcome, null: Outcome, stable: Stability) -> tuple[Match, float]:
    """Label the components and judge each against the nulls."""

    def compute(_: object) -> tuple[Match, Arrays]:
        found = match_dictionary(fits.main.directions, decoder(study))
        record = _record(study, fits, projected, null, stable, found)
        return record, {"match_cosines": found.cosine, "match_features": found.feature}

    inputs = {
        "depends": [*fits.keys, projected.key, null.key],
        "cuts": [study.params.known_cut, study.params.novel_cut],
        "seed": study.config.seed,
    }
    outcome = study.step("match", inputs, compute)
    result = record_from_plain(Match, outcome.record)
    study.progress.step(
        "match",
        f"{result.novel} novel, {result.partial} partial, {result.known} known; "
        f"beyond the null: {result.novel_beyond_null} novel, {result.known_beyond_null} known",
    )
    return result, outcome.seconds


def _record(study: Study, fits: Fits, projected: Outcome, null: Outcome, stable: Stability, found: DictionaryMatch) -> Match:
    null_cosines = {name: np.asarray(null.arrays[f"null_{name}_cosines"]) for name in TITLES}
    cuts = Cuts(**null.record, replication=stable.replication_cut)
    components = _components(study, fits, projected, null, stable, found, cuts)
    order = np.argsort(found.cosine, kind="stable").tolist()
    counts = {label: sum(c.label == label for c in components) for label in ("known", "partial", "novel")}
    return Match(
        known_cut=study.params.known_cut,
        novel_cut=study.params.novel_cut,
        mean=float(found.cosine.mean()),
        median=float(np.median(found.cosine)),
        **counts,
        novel_beyond_null=sum(c.label == "novel" and c.beats_null for c in components),
        known_beyond_null=sum(c.label == "known" and c.cosine > cuts.cosine for c in components),
        expected_novel={name: len(components) * float((v <= study.params.novel_cut).mean()) for name, v in null_cosines.items()},
        nulls=tuple(null_summary(name, TITLES[name], values) for name, values in null_cosines.items()),
        components=tuple(components),
        most_novel=tuple(order[:SHOWN]),
        most_known=tuple(order[::-1][:SHOWN]),
        null_cuts=cuts._asdict(),
        null_rows=fits.nulls[0].record.rows,
        null_note=null_note(fits, study.rows.shape[0]),
    )


def label(cosine: float, known_cut: float, novel_cut: float) -> str:
    """The notebook's three bins: > known cut, ≤ novel cut, and what lies between."""
    return "known" if cosine > known_cut else "novel" if cosine <= novel_cut else "partial"


def kurtosis_nulls(projected: Outcome, null: Outcome) -> Mapping[str, F64]:
    """Kurtosis draws of the two nulls that have them."""
    return {
        "rotation": np.asarray(projected.arrays["null_rotation_kurtosis"]),
        "elliptical": np.asarray(null.arrays["null_elliptical_kurtosis"]),
    }


def kurtosis_null_summaries(projected: Outcome, null: Outcome) -> tuple[NullSummary, ...]:
    """The same, summarised."""
    return tuple(null_summary(name, TITLES[name], values) for name, values in kurtosis_nulls(projected, null).items())


def _components(
    study: Study, fits: Fits, projected: Outcome, null: Outcome, stable: Stability, found: DictionaryMatch, cuts: Cuts
) -> list[ComponentMatch]:
    kurtosis, halves = projected.arrays["component_kurtosis"], projected.arrays["component_kurtosis_halves"]
    quantiles = {name: quantile_in(null.arrays[f"null_{name}_cosines"], found.cosine) for name in TITLES}
    of_kurtosis = {name: quantile_in(draws, kurtosis) for name, draws in kurtosis_nulls(projected, null).items()}
    made = []
    for i, cosine in enumerate(found.cosine.tolist()):
        evidence = Evidence(float(kurtosis[i]), tuple(halves[:, i].tolist()) if fits.halves else (), stable.replication[i])
        beats, reason = judge(evidence, cuts)
        made.append(
            ComponentMatch(
                component=i,
                cosine=cosine,
                feature=int(found.feature[i]),
                sign=int(found.sign[i]),
                label=label(cosine, study.params.known_cut, study.params.novel_cut),
                quantiles={name: float(values[i]) for name, values in quantiles.items()},
                kurtosis=evidence.kurtosis,
                kurtosis_quantiles={name: float(values[i]) for name, values in of_kurtosis.items()},
                stability=stable.index[i],
                explained=float(fits.main.array("component_explained")[i]),
                beats_null=beats,
                reason=reason,
                kurtosis_halves=evidence.halves,
                replication=evidence.replication,
            )
        )
    return made
