"""Offers ``fastica`` and ``picard``: two algorithms for independent component analysis over one streamed kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import darkframe
from darkframe import param

_COMPONENTS = "Number of components; none: as many as the study recommends from the residual's principal components."
_SUBSAMPLE = (
    "Rows the fit starts on, about fourfold at each stage up to all; 0: all from the start; none: 8192, or 64 a component."
)
_FUN = "Non-linearity: logcosh (tanh), exp (Gaussian derivative) or cube (kurtosis, sensitive to outliers)."


@dataclass(frozen=True)
class FastICAParams:
    """Parameters of ``fastica``."""

    n_components: int | None = param(None, ge=1, help=_COMPONENTS)
    algorithm: str = param(
        "parallel",
        choices=("parallel", "deflation"),
        help="All components together (symmetric decorrelation), or one after another.",
    )
    fun: str = param("logcosh", choices=("logcosh", "exp", "cube"), help=_FUN)
    tol: float = param(
        1e-4,
        gt=0,
        lt=1,
        help="Largest change of a component, max |1 − |cos||, between two iterations (scikit-learn's criterion).",
    )
    max_iter: int = param(1000, ge=1, help="Iterations at most, over all subsamples together; by deflation, for each component.")
    subsample: int | None = param(None, ge=0, unit="rows", help=_SUBSAMPLE)


@dataclass(frozen=True)
class PicardParams:
    """Parameters of ``picard``."""

    n_components: int | None = param(None, ge=1, help=_COMPONENTS)
    fun: str = param("logcosh", choices=("logcosh", "exp", "cube"), help=_FUN)
    tol: float | None = param(
        None, gt=0, help="Largest entry of the gradient at which to stop; none: its sampling noise, 0.3/√N for logcosh."
    )
    max_iter: int = param(500, ge=1, help="Iterations at most, over all subsamples together.")
    subsample: int | None = param(None, ge=0, unit="rows", help=_SUBSAMPLE)
    memory: int = param(7, ge=1, le=100, help="Pairs of steps and gradient changes the L-BFGS direction remembers.")
    curvature: float = param(0.01, gt=0, help="Lower bound on the preconditioner's curvatures.")


@darkframe.hookimpl
def darkframe_decomposers() -> Iterable[darkframe.DecomposerInfo]:
    """Say which decomposers this plugin offers."""
    yield darkframe.DecomposerInfo(
        name="fastica",
        target="darkframe_fastica.fastica:FastICA",
        summary="FastICA, parallel or deflation: float32 tiles, float64 sums and decorrelation.",
        params=FastICAParams,
        docs="reference/plugins.html#decomposer-fastica",
    )
    yield darkframe.DecomposerInfo(
        name="picard",
        target="darkframe_fastica.picard:Picard",
        summary="Picard-O: the same optimum by preconditioned L-BFGS on rotations, judged by the gradient.",
        params=PicardParams,
        docs="reference/plugins.html#decomposer-picard",
    )
