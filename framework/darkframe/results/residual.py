"""Records of steps 1 to 4: what was collected, the residual as a whole, and the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MassiveToken:
    """One token whose activation norm lies beyond the cut.

    Attributes:
        token: Token id.
        text: What it reads, raw: whoever shows it escapes it.
        document: Number of its document.
        position: Its place in that document, from 0.
        norm: ‖x‖, in the activations' own units.

    Computed in:
        studies/massive_tokens.py
    """

    token: int
    text: str
    document: int
    position: int
    norm: float


@dataclass(frozen=True)
class Massive:
    """Massive activations: tokens with ‖x‖ > cut.

    Attributes:
        cut: max(3 · median, median + 10 · 1.4826 · MAD) of ‖x‖ over the pilot tokens, in the activations' own units.
        median: Median ‖x‖ of the pilot tokens.
        definition: The cut's formula, with the number of pilot tokens.
        count: Massive tokens among the kept ones.
        share_of_variance: Their share of Σ‖x − x̄‖² over the kept tokens.
        share_of_residual: Their share of Σ‖e − ē‖².
        excluded_from_fit: Whether the fit, and every headline, leaves them out (``study.massive``).
        tokens: The massive tokens of largest norm, at most 50.

    Computed in:
        numerics/massive.py, numerics/statistics.py, studies/massive_tokens.py
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
    """Step 1: what was collected.

    Attributes:
        tokens_requested: What was asked for; None: all the text holds.
        tokens_kept: Tokens collected, special ones not counted.
        documents_read: Documents they come from.
        documents_skipped: Documents left out for being too short.
        context_size: Tokens in one row of the model's input, BOS included.
        packing: How documents fill rows, in words.
        seconds: Wall time of the collecting pass, whenever that was.
        tokens_per_second: tokens_kept / seconds.
        bytes_on_disk: Of the activation cache's entry.
        reused: Whether it was there already.
        key: Content hash of everything it depends on: the name of its folder.
        massive: Its massive tokens.
        notes: What to know when reading the figures.

    Computed in:
        studies/collect.py
    """

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
    """One metric of the SAE on three sets of tokens.

    Attributes:
        name: Its key, such as ``ev_pooled``.
        title: What it is.
        formula: How it is computed.
        ordinary: On the kept tokens without massive ones (the headline).
        all: On all kept tokens.
        with_position_0: On all kept tokens and the special ones at the rows' first place.

    Computed in:
        numerics/ledger.py
    """

    name: str
    title: str
    formula: str
    ordinary: float
    all: float
    with_position_0: float


@dataclass(frozen=True)
class KurtosisSummary:
    """Excess kurtosis (Fisher's, m₄ / m₂² − 3: 0 for a Gaussian) over dimensions, components or features that vary.

    Attributes:
        n: How many values.
        mean, median, sd, min, max: Of the values; sd divides by n.
        over_1, over_3: How many lie above 1, and above 3.

    Computed in:
        studies/steps/base.py
    """

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
    """Step 2: the metric ledger and the residual's kurtosis per dimension.

    Attributes:
        ledger: Every metric of the SAE.
        kurtosis: Of the residual's dimensions over the ordinary tokens; what rows of varying length give without any structure
            is beside it in ``Compare.nulls``.
        kurtosis_all: The same over all kept tokens.
        near_gaussian: Whether |mean kurtosis| < 0.5.
        verdict: That in words, with what it leaves open.

    Computed in:
        studies/steps/diagnose.py
    """

    ledger: tuple[LedgerEntry, ...]
    kurtosis: KurtosisSummary
    kurtosis_all: KurtosisSummary
    near_gaussian: bool
    verdict: str


@dataclass(frozen=True)
class PcaSummary:
    """The residual's spectrum: λ₁ ≥ λ₂ ≥ …, the eigenvalues of its covariance (divisor N − 1).

    Attributes:
        n_90, n_95, n_99: Least n with Σ_{i ≤ n} λ_i ≥ 0.90 (0.95, 0.99) of Σ λ_i, over all d components.
        first_10, first_50: Share of Σ λ_i in the first 10 and 50.
        total_variance: Σ λ_i, in squared units of the activations.
        shares: λ_i / Σ λ_i of the first 100 at most.

    Computed in:
        studies/steps/pca.py
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
    """Step 3: principal components of the residual.

    Attributes:
        ordinary: Over the ordinary tokens.
        all: Over all kept tokens.
        recommended: min(n_90, ``study.max_components``) of the ordinary rows: how many components are fitted where the
            decomposer's own parameter does not say.

    Computed in:
        studies/steps/pca.py
    """

    ordinary: PcaSummary
    all: PcaSummary
    recommended: int


@dataclass(frozen=True)
class Decompose:
    """Step 4: what the decomposer says of its fit.

    Attributes:
        n_components: Components fitted, k.
        rows: Rows it was fitted on.
        iterations: Iterations used; 0 for closed forms.
        converged: Whether the plugin's own criterion was met.
        explained_total: Share of the residual's variance that ``mean + sources @ patterns`` explains.
        gradient: Final gradient norm of the objective; None where there is none.
        identifiable: Components whose identifiability, for ICA |E[g′(y)] − E[y g(y)]|, is above the cut; None where the
            decomposer gives none.
        identifiability_cut: 10 / √rows: below it a source is Gaussian-like and its direction arbitrary.
        seconds: Wall time of the fit.
        warnings: Sentences for the reader.
        details: Anything else the decomposer says.

    Computed in:
        studies/steps/fits.py
    """

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
