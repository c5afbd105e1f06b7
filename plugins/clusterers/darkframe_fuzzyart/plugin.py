"""Offers ``gpu-fuzzyart`` and ``smart``: exact Fuzzy ART, flat and in a hierarchy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import darkframe
from darkframe import param

_ALPHA = "Choice parameter: T = |I ∧ w| / (alpha + |w|); the smaller, the more a small box is preferred only among ties."
_BETA = "Learning rate: w becomes beta (I ∧ w) + (1 − beta) w; 1 is fast learning."
_ENGINE = "Where to compute; auto: cuda if the run's device is, else cpu. Labels are the same."
_THREADS = "Threads of the cpu engine; none: as many as there are cores. Labels do not depend on it."


@dataclass(frozen=True)
class FuzzyARTParams:
    """Parameters of ``gpu-fuzzyart``."""

    rho: float = param(0.7, ge=0, le=1, help="Vigilance: the least match |I ∧ w| / d a cluster must have; higher is tighter.")
    alpha: float = param(0.01, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    engine: str = param("auto", choices=("auto", "cpu", "cuda"), help=_ENGINE)
    threads: int | None = param(None, ge=1, help=_THREADS)


@dataclass(frozen=True)
class SmartParams:
    """Parameters of ``smart``."""

    base: str = param("gpu-fuzzyart", help="Clusterer of every level: any flat one that has a parameter rho.")
    rho: tuple[float, ...] = param(
        (0.2, 0.5, 0.8), ge=0, le=1, help="Vigilance of each level, coarsest first: rising, or falling where the base's works so."
    )
    alpha: float = param(0.01, gt=0, help=f"{_ALPHA} Of the default base.")
    beta: float = param(1.0, gt=0, le=1, help=f"{_BETA} Of the default base.")
    engine: str = param("auto", choices=("auto", "cpu", "cuda"), help=f"{_ENGINE} Of the default base.")
    threads: int | None = param(None, ge=1, help=f"{_THREADS} Of the default base.")
    base_params: str = param("", help="Parameters of any other base, such as 'alpha=1e-7,r_hat=30'.")


@darkframe.hookimpl
def darkframe_clusterers() -> Iterable[darkframe.ClustererInfo]:
    """Say which clusterers this plugin offers."""
    yield darkframe.ClustererInfo(
        name="gpu-fuzzyart",
        target="darkframe_fuzzyart.fuzzyart:FuzzyART",
        summary="Fuzzy ART, exact: float64 decisions with certified low-precision filters, on CPU or CUDA.",
        params=FuzzyARTParams,
        vigilance="rising",
        docs="fuzzy-art.html",
    )
    yield darkframe.ClustererInfo(
        name="smart",
        target="darkframe_fuzzyart.smart:Smart",
        summary="SMART: a hierarchy of clusters, each level within the clusters of the one above, over any base with vigilance.",
        params=SmartParams,
        vigilance="rising",
        docs="fuzzy-art.html",
    )
