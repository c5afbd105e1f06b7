"""Step 3: principal components of the residual, from the covariance of the collecting pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darkframe.errors import DataError
from darkframe.numerics.components import recommended_components
from darkframe.numerics.whitening import principal_components
from darkframe.results import Pca, PcaSummary
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Study

if TYPE_CHECKING:
    from darkframe.interfaces import F64

SHOWN = 100


def pca(study: Study) -> tuple[Pca, float]:
    """One eigendecomposition for the rows with and one for those without massive tokens."""

    def compute(_: object) -> tuple[Pca, Arrays]:
        ordinary, axes = principal_components(study.rows.covariance)
        every, _ = principal_components(study.collection.rows("all").covariance)
        if not ordinary.sum() > 0:
            raise DataError(
                "The residual has no variance: the dictionary reconstructs every token exactly, nothing is left to analyse."
            )
        most = min(study.params.max_components, len(study.rows) - 1)
        record = Pca(summarise(ordinary), summarise(every), recommended_components(ordinary, most=most))
        return record, {"pca_variances": ordinary, "pca_variances_all": every, "pca_components": axes}

    outcome = study.step("pca", {"max_components": study.params.max_components}, compute)
    result = record_from_plain(Pca, outcome.record)
    study.progress.step("pca", f"{result.ordinary.n_90} components hold 90 % of the residual's variance")
    return result, outcome.seconds


def summarise(variances: F64) -> PcaSummary:
    """Components for a share of the variance: the least n whose first n shares add up to it."""
    total = float(variances.sum())
    shares = variances / total if total > 0 else np.zeros_like(variances)
    cumulative = np.cumsum(shares)
    needed = {share: min(int(np.searchsorted(cumulative, share) + 1), len(shares)) for share in (0.90, 0.95, 0.99)}
    return PcaSummary(
        n_90=needed[0.90],
        n_95=needed[0.95],
        n_99=needed[0.99],
        first_10=float(shares[:10].sum()),
        first_50=float(shares[:50].sum()),
        total_variance=total,
        shares=tuple(shares[:SHOWN].tolist()),
    )
