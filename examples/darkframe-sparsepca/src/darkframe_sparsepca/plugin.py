"""Offers the decomposer ``sparsepca``; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import darkframe
from darkframe import param


@dataclass(frozen=True)
class SparsePCAParams:
    """Parameters of ``sparsepca``."""

    n_components: int | None = param(
        None, ge=1, help="Number of components; none: as many as the study recommends (90 % of the variance, 100 at most)."
    )
    alpha: float = param(
        0.1, ge=0, help="Sparsity: the L1 penalty on loadings, in units of the rows' root mean variance; 0: none are zero."
    )
    ridge_alpha: float = param(0.01, ge=0, help="Ridge penalty with which sources are read off a row by components of length 1.")
    max_iter: int = param(1000, ge=1, help="Iterations at most: passes over all dimensions.")
    tol: float = param(1e-6, gt=0, help="Stop when an iteration lowers the objective by less than this share of it.")


@darkframe.hookimpl
def darkframe_decomposers() -> Iterator[darkframe.DecomposerInfo]:
    """Say which decomposers this plugin offers."""
    yield darkframe.DecomposerInfo(
        name="sparsepca",
        target="darkframe_sparsepca.decomposer:SparsePCA",
        summary="Components with few non-zero loadings (scikit-learn's sparse PCA, from the exact covariance).",
        params=SparsePCAParams,
        api=1,
    )
