"""What the figures draw beyond ``results.json``: arrays of the run and of its collected activations, as far as they exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import DarkframeError

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.results import DarkMatterResults
    from darkframe.store.collection import Collection
    from darkframe.store.run import RunDir

NULLS = ("isotropic", "rotation", "elliptical")


@dataclass(frozen=True, eq=False)
class FigureData:
    """Distributions behind the figures; an empty one is drawn from its summary in the results instead.

    Attributes:
        residual_kurtosis: (d,) per dimension of the residual, without massive tokens.
        feature_kurtosis: (A,) per active SAE feature.
        pca_shares, pca_shares_all: (d,) shares of the residual's variance, largest first; without and with massive tokens.
        null_cosines, null_kurtosis: Draws by name of the null: max |cos|, kurtosis.
    """

    residual_kurtosis: F64
    feature_kurtosis: F64
    pca_shares: F64
    pca_shares_all: F64
    null_cosines: Mapping[str, F64] = field(default_factory=dict)
    null_kurtosis: Mapping[str, F64] = field(default_factory=dict)


def gather(results: DarkMatterResults, run: RunDir, collection: Collection | None = None) -> FigureData:
    """Read the distributions from the run, or from the collection where the run has no copy of its own."""
    return FigureData(
        residual_kurtosis=_residual_kurtosis(run, collection),
        feature_kurtosis=_feature_kurtosis(results, run, collection),
        pca_shares=_shares(run, "pca_variances", results.pca.ordinary.shares),
        pca_shares_all=_shares(run, "pca_variances_all", results.pca.all.shares),
        null_cosines=_nulls(run, "cosines"),
        null_kurtosis=_nulls(run, "kurtosis"),
    )


def finite(values: object) -> F64:
    """The finite ones, flat, float64."""
    flat: F64 = np.asarray(values, np.float64).ravel()
    return flat[np.isfinite(flat)]


def _array(run: RunDir, name: str) -> F64:
    try:
        return finite(run.array(name))
    except (DarkframeError, KeyError):  # nobody wrote it: the summary in the results is drawn instead
        return np.empty(0)


def _shares(run: RunDir, name: str, few: Sequence[float]) -> F64:
    variances = _array(run, name)
    total = variances.sum()
    return variances / total if total > 0 else finite(few)


def _nulls(run: RunDir, figure: str) -> dict[str, F64]:
    found = {name: _array(run, f"null_{name}_{figure}") for name in NULLS}
    return {name: values for name, values in found.items() if len(values)}


def _residual_kurtosis(run: RunDir, collection: Collection | None) -> F64:
    own = _array(run, "residual_kurtosis")
    if len(own) or collection is None:
        return own
    return finite(collection.statistics.residual("ordinary").kurtosis)


def _feature_kurtosis(results: DarkMatterResults, run: RunDir, collection: Collection | None) -> F64:
    own = _array(run, "feature_kurtosis")
    if len(own) or collection is None:
        return own
    features = collection.statistics.features("ordinary")
    active = features.fire_count / max(features.n, 1) > results.compare.active_rate
    return finite(features.kurtosis[active])
