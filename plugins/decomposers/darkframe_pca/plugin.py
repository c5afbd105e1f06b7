"""Offers ``pca``: the principal components of the residual."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import darkframe
from darkframe import param


@dataclass(frozen=True)
class PCAParams:
    """Parameters of ``pca``."""

    n_components: int | None = param(
        None, ge=1, help="Number of components; none: as many as the study recommends (90 % of the variance, 100 at most)."
    )


@darkframe.hookimpl
def darkframe_decomposers() -> Iterable[darkframe.DecomposerInfo]:
    """Say which decomposers this plugin offers."""
    yield darkframe.DecomposerInfo(
        name="pca",
        target="darkframe_pca.pca:PCA",
        summary="Principal components of the exact covariance: directions of most variance, uncorrelated.",
        params=PCAParams,
        docs="reference/plugins.html#decomposer-pca",
    )
