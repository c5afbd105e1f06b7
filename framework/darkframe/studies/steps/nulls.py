"""What every figure comes to under each of the three nulls, and the family-wise cuts beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.matching import max_cosines
from darkframe.numerics.nulls import familywise_cosine_cut, familywise_cut, isotropic_directions, rotated_directions, rotations
from darkframe.numerics.stability import stability_index
from darkframe.numerics.whitening import Whitening
from darkframe.results import NullSummary
from darkframe.studies.steps.base import Arrays, Outcome, Study, null_summary
from darkframe.studies.steps.decompose import Fits, derived_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64

ROTATIONS = 20  # at least: the cut rests on each one's maximum
TITLES = {
    "isotropic": "random directions, uniform over the activation space",
    "rotation": "random rotations within the residual's whitened space: its covariance, no independence",
    "elliptical": "components fitted to rows of the same lengths and covariance in random directions",
}


@dataclass(frozen=True, eq=False)
class Nulls:
    """Each figure's draws under each null (by the null's name), and what the most extreme of k rarely passes.

    Attributes:
        key, seconds: Of the step.
        cosines: Max |cos| with the dictionary.
        kurtosis: Excess kurtosis of the residual along the directions; of the sources, for the elliptical null's fits.
        stability: Icasso's index over as many unrelated sets as there are fits; over its fits, for the elliptical null.
        cuts: ``cosine``, ``kurtosis`` and ``kurtosis_low``.
    """

    key: str
    seconds: float
    cosines: Mapping[str, F64]
    kurtosis: Mapping[str, F64]
    stability: Mapping[str, F64]
    cuts: Mapping[str, float]

    @staticmethod
    def summaries(draws: Mapping[str, F64]) -> tuple[NullSummary, ...]:
        """One figure's nulls, summarised."""
        return tuple(null_summary(name, TITLES[name], values) for name, values in draws.items())


def nulls(study: Study, fits: Fits, projected: Outcome) -> Nulls:
    """Draw the nulls and look up the elliptical one's fits; arrays ``null_…`` as named in ``darkframe.results.ARRAYS``."""

    def compute(_: object) -> tuple[dict[str, float], Arrays]:
        return _compute(study, fits)

    inputs = {"depends": fits.keys, "directions": study.params.null_directions, "seed": study.config.seed}
    outcome = study.step("nulls", inputs, compute)
    every = {**outcome.arrays, **projected.arrays}

    def of(figure: str) -> dict[str, F64]:
        return {name: np.asarray(every[f"null_{name}_{figure}"]) for name in TITLES}

    return Nulls(outcome.key, outcome.seconds, of("cosines"), of("kurtosis"), of("stability"), outcome.record)


def decoder(study: Study) -> NDArray[np.float32]:
    """The dictionary's decoder directions (F, d) on the CPU."""
    weights: NDArray[np.float32] = study.source.dictionary().W_dec.detach().cpu().float().numpy()
    return weights


def _compute(study: Study, fits: Fits) -> tuple[dict[str, float], dict[str, NDArray[Any]]]:
    dictionary, k, d = decoder(study), fits.main.record.n_components, study.rows.shape[1]
    whitening = Whitening.fit(study.rows.mean, study.rows.covariance, k)
    count, sets = max(ROTATIONS, -(-study.params.null_directions // k)), max(len(fits.seeds) + len(fits.halves), 2)
    seed = derived_seed(study.config.seed, 8)
    rotated = np.stack([max_cosines(rotated_directions(whitening, q), dictionary) for q in rotations(whitening.k, count, seed)])
    isotropic = isotropic_directions(study.params.null_directions, d, derived_seed(study.config.seed, 9))
    elliptical, kurtosis = [max_cosines(f.directions, dictionary) for f in fits.nulls], [f.array("kurtosis") for f in fits.nulls]
    alone = np.split(isotropic_directions(sets * k, d, derived_seed(study.config.seed, 11)), sets)
    turned = [rotated_directions(whitening, q) for q in rotations(whitening.k, sets, derived_seed(study.config.seed, 12))]
    cuts = {
        "cosine": max(familywise_cosine_cut(rotated.max(axis=1)), familywise_cosine_cut(_extremes(elliptical))),
        "kurtosis": familywise_cut(_extremes(kurtosis)).value,
        "kurtosis_low": _low_cut(kurtosis),
    }
    return cuts, {
        "null_isotropic_cosines": max_cosines(isotropic, dictionary),
        "null_rotation_cosines": rotated.ravel(),
        "null_elliptical_cosines": np.concatenate(elliptical),
        "null_elliptical_kurtosis": np.concatenate(kurtosis),
        "null_isotropic_stability": stability_index(alone),
        "null_rotation_stability": stability_index(turned),
        "null_elliptical_stability": stability_index([f.directions for f in (*fits.nulls, fits.null_again)]),
    }


def _extremes(fits: list[F64]) -> F64:
    return np.array([np.nanmax(values) for values in fits])


def _low_cut(kurtosis: list[F64]) -> float:
    """Below the null's minima, less the null's own level: a Gaussian direction of rows that hold heavy ones is not two-sided."""
    level = float(np.nanmedian(np.concatenate(kurtosis)))
    return -familywise_cut(_extremes([-values for values in kurtosis])).value - max(level, 0.0)
