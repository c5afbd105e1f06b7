"""Offers the clustering modules of artlib, one clusterer each; ``left_out`` says which of artlib's classes are none, and why."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import darkframe
from darkframe import param
from darkframe_artlib.left_out import LEFT_OUT as left_out

__all__ = ["darkframe_clusterers", "left_out"]

_RHO = "Vigilance: the least match a cluster must have; higher is tighter."
_BOX = "Vigilance: the least match |I ∧ w| / d a cluster must have; higher is tighter."
_ALPHA = "Choice parameter: T = |I ∧ w| / (alpha + |w|)."
_BETA = "Learning rate: w becomes beta (I ∧ w) + (1 − beta) w; 1 is fast learning."
_BACKEND = "artlib's compiled C++ or its Python; auto: C++. The labels are the same."
_UNIT = "Unit of lengths in scaled rows: side (the unit cube's side, 1) or half-diagonal (√d / 2, so that it grows with d)."
_BITS = "Bits of the thermometer code of each dimension: values are rounded down to that many steps."
_VALIDITY = "Cluster validity index that joining a cluster must improve."
_TRACKING = "What a rejected category does to vigilance in the search: MT+ (artlib's default) raises it, MT~ leaves it."
_THIN = (
    "Vigilance bounds the determinant of a cluster's covariance, a volume: one thin cluster along the line through groups far "
    "apart has next to none and passes artlib's defaults, which fit no number of dimensions. Lower rho and cov_init to the data."
)
_BACKENDS = ("auto", "cpp", "python")
_UNITS = ("side", "half-diagonal")


@dataclass(frozen=True)
class FuzzyARTParams:
    """Parameters of ``fuzzyart``."""

    rho: float = param(0.7, ge=0, le=1, help=_BOX)
    alpha: float = param(0.01, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    backend: str = param("auto", choices=_BACKENDS, help=_BACKEND)


@dataclass(frozen=True)
class GaussianARTParams:
    """Parameters of ``gaussianart``."""

    rho: float = param(
        0.5, ge=0, le=1, help="Vigilance: the least exp(−½ Σ((x − µ) / σ)²) a cluster must have; higher is tighter."
    )
    alpha: float = param(1e-10, gt=0, help="Choice parameter: T = exp(−½ Σ((x − µ) / σ)²) / (alpha + Πσ) · share of the rows.")
    sigma_init: float = param(0.5, gt=0, help="Standard deviation of a new cluster in every dimension, in sigma_unit.")
    sigma_unit: str = param("side", choices=_UNITS, help=_UNIT)
    backend: str = param("auto", choices=_BACKENDS, help=_BACKEND)


@dataclass(frozen=True)
class HypersphereARTParams:
    """Parameters of ``hypersphereart``."""

    rho: float = param(0.7, ge=0, le=1, help="Vigilance: the least 1 − max(radius, distance) / r_hat; higher is tighter.")
    alpha: float = param(0.01, gt=0, help="Choice parameter: T = (r_hat − max(radius, distance)) / (r_hat − radius + alpha).")
    beta: float = param(1.0, ge=0, le=1, help="Learning rate of centre and radius; 1 is fast learning.")
    r_hat: float = param(1.0, gt=0, help="Largest radius a cluster may have, in radius_unit.")
    radius_unit: str = param("side", choices=_UNITS, help=_UNIT)
    backend: str = param("auto", choices=_BACKENDS, help=_BACKEND)


@dataclass(frozen=True)
class BayesianARTParams:
    """Parameters of ``bayesianart``."""

    rho: float = param(0.01, gt=0, help="Inverted vigilance: the LARGEST det(covariance) a cluster may reach; LOWER is tighter.")
    cov_init: float = param(0.5, gt=0, help="Covariance of a new cluster: cov_init times the identity.")
    rho_of: str = param(
        "determinant",
        choices=("determinant", "dimension"),
        help="What rho bounds: the determinant, or its d-th root (the mean variance of a dimension), so that it holds in any d.",
    )


@dataclass(frozen=True)
class EllipsoidARTParams:
    """Parameters of ``ellipsoidart``."""

    rho: float = param(
        0.7, ge=0, le=1, help="Vigilance: the least 1 − (radius + max(radius, distance)) / r_hat; higher is tighter."
    )
    alpha: float = param(1e-7, gt=0, le=1, help="Choice parameter, added to its denominator.")
    beta: float = param(1.0, ge=0, le=1, help="Learning rate of centre and radius; 1 is fast learning.")
    mu: float = param(0.8, gt=0, le=1, help="Ratio of the minor axes to the major one.")
    r_hat: float = param(1.0, gt=0, help="Largest diameter a cluster may have, in radius_unit.")
    radius_unit: str = param("side", choices=_UNITS, help=_UNIT)


@dataclass(frozen=True)
class QuadraticNeuronARTParams:
    """Parameters of ``quadraticneuronart``: those of artlib's demonstration, since it has no defaults."""

    rho: float = param(0.9, ge=0, le=1, help="Vigilance: the least activation exp(−s² ‖Wx − b‖²); higher is tighter.")
    s_init: float = param(0.9, gt=0, help="Quadratic term s of a new cluster.")
    lr_b: float = param(0.1, gt=0, le=1, help="Learning rate of the centre b.")
    lr_w: float = param(0.1, ge=0, le=1, help="Learning rate of the matrix W.")
    lr_s: float = param(0.1, ge=0, le=1, help="Learning rate of the quadratic term s.")


@dataclass(frozen=True)
class ART2AParams:
    """Parameters of ``art2a``."""

    rho: float = param(
        0.9, ge=0, le=1, help="Vigilance: the least inner product of a row, at unit length, with its cluster's mean."
    )
    alpha: float = param(1e-7, ge=0, le=1, help="Least inner product, per unit of the row's sum; at most 1/√d.")
    beta: float = param(0.1, ge=0, le=1, help="Learning rate: w becomes beta x + (1 − beta) w.")


@dataclass(frozen=True)
class ART1Params:
    """Parameters of ``art1``."""

    rho: float = param(
        0.35, gt=0, le=1, help="Vigilance: the least share of bits in common with a cluster, 0.5 at most; higher is tighter."
    )
    L: float = param(1.0, ge=1, help="Uncommitted-node bias: bottom-up weights are L / (L − 1 + bits).")
    bits: int = param(8, ge=1, le=64, help=_BITS)
    backend: str = param("auto", choices=_BACKENDS, help="artlib's compiled C++ or its Python (float32 weights); auto: C++.")


@dataclass(frozen=True)
class BinaryFuzzyARTParams:
    """Parameters of ``binaryfuzzyart``."""

    rho: float = param(0.7, ge=0, le=1, help="Vigilance: the least share of bits in common with a cluster; higher is tighter.")
    bits: int = param(8, ge=1, le=64, help=_BITS)
    backend: str = param("auto", choices=_BACKENDS, help=_BACKEND)


@dataclass(frozen=True)
class TopoARTParams:
    """Parameters of ``topoart``: those of artlib's demonstration, but for tau and phi, which are made for thousands of rows."""

    rho: float = param(0.4, ge=0, le=1, help=_BOX)
    alpha: float = param(0.8, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    beta_lower: float = param(0.3, ge=0, le=1, help="Learning rate of the second-best category, which an edge joins to the best.")
    tau: int = param(500, ge=1, unit="rows", help="Rows after which categories with fewer than phi rows are removed.")
    phi: int = param(5, ge=1, unit="rows", help="Rows that make a category permanent; at most tau.")

    def __post_init__(self) -> None:
        if self.phi > self.tau:
            raise ValueError(f"phi ({self.phi}) is above tau ({self.tau})")
        if self.beta_lower > self.beta:
            raise ValueError(f"beta_lower ({self.beta_lower:g}) is above beta ({self.beta:g})")


@dataclass(frozen=True)
class DualVigilanceARTParams:
    """Parameters of ``dualvigilanceart``: those of artlib's demonstration, since it has no defaults."""

    rho: float = param(0.85, gt=0, le=1, help="Upper vigilance, of the boxes (level 1). " + _BOX)
    rho_lower: float = param(
        0.78, ge=0, lt=1, help="Lower vigilance, below rho: a new box within it joins the cluster (level 0)."
    )
    alpha: float = param(0.8, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)

    def __post_init__(self) -> None:
        if self.rho_lower >= self.rho:
            raise ValueError(f"rho_lower ({self.rho_lower:g}) must be below rho ({self.rho:g})")


@dataclass(frozen=True)
class ICVIFuzzyARTParams:
    """Parameters of ``icvifuzzyart``: those of artlib's demonstration."""

    rho: float = param(0.0, ge=0, le=1, help=_BOX)
    alpha: float = param(1e-7, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    offline: bool = param(True, help="Compare with all rows in one cluster at first; else with the rows seen so far.")


@dataclass(frozen=True)
class CVIARTParams:
    """Parameters of ``cviart``: those of artlib's demonstration."""

    rho: float = param(0.7, ge=0, le=1, help=_BOX)
    alpha: float = param(1e-7, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    validity: str = param("calinski-harabasz", choices=("calinski-harabasz", "silhouette"), help=_VALIDITY)


@dataclass(frozen=True)
class FusionARTParams:
    """Parameters of ``fusionart``: those of artlib's demonstration."""

    rho: float = param(0.5, ge=0, le=1, help="Vigilance of every channel: the least |I ∧ w| / d in each; higher is tighter.")
    alpha: float = param(1e-7, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    channels: int = param(2, ge=1, help="Channels: the dimensions in order, split as evenly as may be; each counts the same.")
    match_tracking: str = param("MT+", choices=("MT+", "MT~"), help=_TRACKING)


@dataclass(frozen=True)
class DeepARTMAPParams:
    """Parameters of ``deepartmap``."""

    rho: tuple[float, ...] = param((0.2, 0.5, 0.8), ge=0, le=1, help="Vigilance of each level, coarsest first, two at least.")
    alpha: float = param(0.01, gt=0, help=_ALPHA)
    beta: float = param(1.0, gt=0, le=1, help=_BETA)
    match_tracking: str = param("MT+", choices=("MT+", "MT~"), help=_TRACKING)

    def __post_init__(self) -> None:
        if len(self.rho) < 2 or any(low >= high for low, high in itertools.pairwise(self.rho)):
            raise ValueError(f"rho needs two or more levels, strictly rising, not {self.rho}")


def _info(name: str, target: str, params: type[Any], summary: str, vigilance: str = "rising") -> darkframe.ClustererInfo:
    return darkframe.ClustererInfo(
        name=name,
        target=f"darkframe_artlib.{target}",
        summary=summary,
        params=params,
        install_hint="pip install 'artlib>=0.1.12,<0.2'",
        vigilance=vigilance,
        docs="clusterers.html",
    )


@darkframe.hookimpl
def darkframe_clusterers() -> Iterable[darkframe.ClustererInfo]:
    """Say which clusterers this plugin offers."""
    yield _info("fuzzyart", "fuzzy:FuzzyART", FuzzyARTParams, "Fuzzy ART (artlib): hyper-boxes over complement-coded rows.")
    yield _info("gaussianart", "gaussian:GaussianART", GaussianARTParams, "Gaussian ART (artlib): axis-parallel Gaussians.")
    yield _info(
        "hypersphereart", "spheres:HypersphereART", HypersphereARTParams, "Hypersphere ART (artlib): balls of bounded radius."
    )
    bayesian = _info(
        "bayesianart",
        "bayesian:BayesianART",
        BayesianARTParams,
        "Bayesian ART (artlib): full-covariance Gaussians; vigilance is inverted, LOWER rho is tighter.",
        "falling",
    )
    yield replace(bayesian, expected_failures={"far_groups_are_told_apart": _THIN, "predict_finds_the_group": _THIN})
    yield _info(
        "ellipsoidart", "spheres:EllipsoidART", EllipsoidARTParams, "Ellipsoid ART (artlib): ellipsoids with one long axis."
    )
    yield _info(
        "quadraticneuronart",
        "quadratic:QuadraticNeuronART",
        QuadraticNeuronARTParams,
        "Quadratic neuron ART (artlib): exp(−s² ‖Wx − b‖²) with a learned matrix W for each cluster.",
    )
    yield _info(
        "art2a",
        "dot:ART2A",
        ART2AParams,
        "ART 2-A (artlib, which advises against it): inner products of scaled rows at unit length.",
    )
    yield _info("art1", "binary:ART1", ART1Params, "ART 1 (artlib) over thermometer-coded rows.")
    yield _info(
        "binaryfuzzyart", "binary:BinaryFuzzyART", BinaryFuzzyARTParams, "Binary fuzzy ART (artlib) over thermometer-coded rows."
    )
    yield _info(
        "topoart",
        "topology:TopoART",
        TopoARTParams,
        "TopoART (artlib): boxes joined by edges (level 0: what hangs together), and noise.",
    )
    yield _info(
        "dualvigilanceart",
        "dual:DualVigilanceART",
        DualVigilanceARTParams,
        "Dual vigilance Fuzzy ART (artlib): clusters of any shape (level 0) made of boxes (level 1).",
    )
    yield _info(
        "icvifuzzyart",
        "validity:ICVIFuzzyART",
        ICVIFuzzyARTParams,
        "Fuzzy ART in which joining must improve the incremental Calinski-Harabasz index (artlib).",
    )
    yield _info(
        "cviart", "validity:CVIART", CVIARTParams, "Fuzzy ART in which joining must improve a cluster validity index (artlib)."
    )
    yield _info(
        "fusionart",
        "fusion:FusionART",
        FusionARTParams,
        "Fusion ART (artlib): Fuzzy ART over channels, each with its own vigilance.",
    )
    yield _info(
        "deepartmap",
        "deep:DeepARTMAP",
        DeepARTMAPParams,
        "DeepARTMAP (artlib): a hierarchy of Fuzzy ART levels, as smart, with artlib's match tracking.",
    )
