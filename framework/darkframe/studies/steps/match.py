"""Step 6: each component against the dictionary, and against the nulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darkframe.numerics.matching import DictionaryMatch, match_dictionary
from darkframe.numerics.nulls import quantile_in
from darkframe.results import ComponentMatch, Match, Stability
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Outcome, Study
from darkframe.studies.steps.decompose import Fits
from darkframe.studies.steps.judge import Cuts, Evidence, judge, null_note
from darkframe.studies.steps.nulls import Nulls, decoder

SHOWN = 5


@dataclass(frozen=True, eq=False)
class Material:
    """What components are judged by: the fits, their sources, the nulls, and how they come back."""

    fits: Fits
    projected: Outcome
    nulls: Nulls
    stability: Stability

    @property
    def cuts(self) -> Cuts:
        """All family-wise cuts."""
        return Cuts(**self.nulls.cuts, replication=self.stability.replication_cut)


def match(study: Study, material: Material) -> tuple[Match, float]:
    """Label the components and judge each against the nulls; arrays ``match_cosines`` and ``match_features``."""

    def compute(_: object) -> tuple[Match, Arrays]:
        found = match_dictionary(material.fits.main.directions, decoder(study))
        return _record(study, material, found), {"match_cosines": found.cosine, "match_features": found.feature}

    inputs = {
        "depends": [*material.fits.keys, material.projected.key, material.nulls.key],
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


def _record(study: Study, material: Material, found: DictionaryMatch) -> Match:
    components, cuts, params = _components(study, material, found), material.cuts, study.params
    order = np.argsort(found.cosine, kind="stable").tolist()
    counts = {label: sum(c.label == label for c in components) for label in ("known", "partial", "novel")}
    below = {name: float((draws <= params.novel_cut).mean()) for name, draws in material.nulls.cosines.items()}
    return Match(
        known_cut=params.known_cut,
        novel_cut=params.novel_cut,
        mean=float(found.cosine.mean()),
        median=float(np.median(found.cosine)),
        **counts,
        novel_beyond_null=sum(c.label == "novel" and c.beats_null for c in components),
        known_beyond_null=sum(c.label == "known" and c.cosine > cuts.cosine for c in components),
        expected_novel={name: len(components) * share for name, share in below.items()},
        nulls=Nulls.summaries(material.nulls.cosines),
        components=tuple(components),
        most_novel=tuple(order[:SHOWN]),
        most_known=tuple(order[::-1][:SHOWN]),
        null_cuts=cuts._asdict(),
        null_rows=material.fits.nulls[0].record.rows,
        null_note=null_note(material.fits, len(study.rows)),
    )


def label(cosine: float, known_cut: float, novel_cut: float) -> str:
    """The notebook's three bins: > known cut, ≤ novel cut, and what lies between."""
    return "known" if cosine > known_cut else "novel" if cosine <= novel_cut else "partial"


def _components(study: Study, material: Material, found: DictionaryMatch) -> list[ComponentMatch]:
    projected, stable, nulls, cuts = material.projected.arrays, material.stability, material.nulls, material.cuts
    kurtosis, halves = projected["component_kurtosis"], projected["component_kurtosis_halves"]
    explained = material.fits.main.array("component_explained")
    of_cosine = {name: quantile_in(draws, found.cosine) for name, draws in nulls.cosines.items()}
    of_kurtosis = {name: quantile_in(draws, kurtosis) for name, draws in nulls.kurtosis.items()}
    of_stability = {name: quantile_in(draws, np.array(stable.index)) for name, draws in nulls.stability.items()}
    made = []
    for i, cosine in enumerate(found.cosine.tolist()):
        both = tuple(halves[:, i].tolist()) if material.fits.halves else ()
        evidence = Evidence(float(kurtosis[i]), both, stable.replication[i])
        beats, reason = judge(evidence, cuts)
        made.append(
            ComponentMatch(
                component=i,
                cosine=cosine,
                feature=int(found.feature[i]),
                sign=int(found.sign[i]),
                label=label(cosine, study.params.known_cut, study.params.novel_cut),
                quantiles={name: float(values[i]) for name, values in of_cosine.items()},
                kurtosis=evidence.kurtosis,
                kurtosis_quantiles={name: float(values[i]) for name, values in of_kurtosis.items()},
                stability=stable.index[i],
                explained=float(explained[i]),
                beats_null=beats,
                reason=reason,
                kurtosis_halves=evidence.halves,
                replication=evidence.replication,
                stability_quantiles={name: float(values[i]) for name, values in of_stability.items()},
            )
        )
    return made
