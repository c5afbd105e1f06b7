"""Step 8: how heavy-tailed components are beside the SAE's active features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.results import Compare
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import HEADLINE, Arrays, Outcome, Study, kurtosis_summary
from darkframe.studies.steps.nulls import Nulls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64


def compare(study: Study, projected: Outcome, nulls: Nulls) -> tuple[Compare, float]:
    """Kurtosis of components, of features that fire on more than ``study.active_rate`` of tokens, and of the nulls."""

    def compute(_: object) -> tuple[Compare, Arrays]:
        active, kurtosis = active_features(study, HEADLINE)
        active_all, kurtosis_all = active_features(study, "all")
        record = Compare(
            active_rate=study.params.active_rate,
            active_features=len(active),
            components=kurtosis_summary(projected.arrays["component_kurtosis"]),
            features=kurtosis_summary(kurtosis),
            components_all=kurtosis_summary(projected.arrays["component_kurtosis_all"]),
            features_all=kurtosis_summary(kurtosis_all),
            nulls=Nulls.summaries(nulls.kurtosis),
        )
        arrays: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "active_features": active,
            "feature_kurtosis": kurtosis,
            "active_features_all": active_all,
            "feature_kurtosis_all": kurtosis_all,
        }
        return record, arrays

    outcome = study.step("compare", {"depends": [projected.key, nulls.key], "active_rate": study.params.active_rate}, compute)
    return record_from_plain(Compare, outcome.record), outcome.seconds


def active_features(study: Study, subset: str) -> tuple[I64, F64]:
    """Ids of the features that fire on more than the active rate of a subset's tokens, and their kurtosis over all its tokens."""
    statistics = study.collection.statistics.features(subset)
    rate = np.asarray(statistics.fire_count) / max(statistics.n, 1)
    active = np.flatnonzero(rate > study.params.active_rate).astype(np.int64)
    return active, np.asarray(statistics.kurtosis, np.float64)[active]
