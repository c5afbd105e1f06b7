"""Records of steps 1 to 4: what was collected, the residual as a whole, and the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MassiveToken:
    """One token whose activation norm lies beyond the cut."""

    token: int
    text: str
    document: int
    position: int
    norm: float


@dataclass(frozen=True)
class Massive:
    """Massive activations: tokens with ‖x‖ > cut.

    Attributes:
        cut: The norm beyond which a token is massive.
        median: Median ‖x‖ of the pilot tokens the cut was set on.
        definition: The cut's formula, in words and symbols.
        count: Massive tokens among the kept ones.
        share_of_variance: Their share of Σ‖x − x̄‖² over the kept tokens.
        share_of_residual: Their share of Σ‖e − ē‖².
        excluded_from_fit: Whether the fit, and every headline, leaves them out.
        tokens: The massive tokens of largest norm, at most 50.
    """

    cut: float
    median: float
    definition: str
    count: int
    share_of_variance: float
    share_of_residual: float
    excluded_from_fit: bool
    tokens: tuple[MassiveToken, ...] = ()


@dataclass(frozen=True)
class Collect:
    """Step 1: what was collected."""

    tokens_requested: int | None
    tokens_kept: int
    documents_read: int
    documents_skipped: int
    context_size: int
    packing: str
    seconds: float
    tokens_per_second: float
    bytes_on_disk: int
    reused: bool
    key: str
    massive: Massive
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LedgerEntry:
    """One metric of the SAE on three sets of tokens: without massive tokens, all kept ones, all kept ones and position 0."""

    name: str
    title: str
    formula: str
    ordinary: float
    all: float
    with_position_0: float


@dataclass(frozen=True)
class KurtosisSummary:
    """Excess (Fisher) kurtosis over dimensions, components or features: Gaussian is 0."""

    n: int
    mean: float
    median: float
    sd: float
    min: float
    max: float
    over_1: int
    over_3: int


@dataclass(frozen=True)
class Diagnose:
    """Step 2: the metric ledger and the residual's kurtosis per dimension."""

    ledger: tuple[LedgerEntry, ...]
    kurtosis: KurtosisSummary
    kurtosis_all: KurtosisSummary
    near_gaussian: bool
    verdict: str


@dataclass(frozen=True)
class PcaSummary:
    """Components needed for a share of the residual's variance, and the share in the first ones.

    ``n_90`` and its like count over all d components. ``shares`` are the first (at most 100) single shares.
    """

    n_90: int
    n_95: int
    n_99: int
    first_10: float
    first_50: float
    total_variance: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Pca:
    """Step 3. ``recommended`` is min(n_90, 100) of the ordinary rows."""

    ordinary: PcaSummary
    all: PcaSummary
    recommended: int


@dataclass(frozen=True)
class Decompose:
    """Step 4: what the decomposer says of its fit."""

    n_components: int
    rows: int
    iterations: int
    converged: bool
    explained_total: float
    gradient: float | None
    identifiable: int | None
    identifiability_cut: float | None
    seconds: float
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
