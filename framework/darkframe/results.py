"""The result of the dark-matter study: one frozen record a step, as written to ``results.json``.

Figures that massive tokens could move are given twice: ``ordinary`` (massive tokens left out; the headline) and
``all`` (every kept token). Every similarity, kurtosis and stability figure stands beside the same figure for its nulls.
"""

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


@dataclass(frozen=True)
class PairStability:
    """Two fits compared by |cos| of their directions.

    ``best``: each component of ``a`` with its best match in ``b`` (the notebook's figure; many may share one).
    ``matched``: optimal one-to-one assignment. ``over_90`` counts |cos| > 0.9.
    """

    a: str
    b: str
    best_mean: float
    best_min: float
    best_over_90: int
    matched_mean: float
    matched_min: float
    matched_over_90: int
    n: int


@dataclass(frozen=True)
class Stability:
    """Step 5.

    Attributes:
        pairs: Every pair of seeds on the same rows.
        halves: The two halves of the documents.
        null_pairs: The same comparison for fits of the nulls (chance level), named ``rotation`` and ``elliptical``.
        index: Per component, Icasso's stability index Iq over seeds and halves: mean within-cluster minus mean between-cluster |cos|.
        index_mean: Its mean; ``index_null_mean`` the same over the elliptical null's fits.
        identifiable_matched_mean: Mean matched |cos| over seeds of the identifiable components only, or None.
    """

    pairs: tuple[PairStability, ...]
    halves: PairStability | None
    null_pairs: tuple[PairStability, ...]
    index: tuple[float, ...]
    index_mean: float
    index_null_mean: float | None
    identifiable_matched_mean: float | None


@dataclass(frozen=True)
class NullSummary:
    """One figure's distribution under one null.

    Attributes:
        name: ``isotropic``, ``rotation`` or ``elliptical``.
        title: What the null is, in one sentence.
        draws: How many values the distribution holds.
        mean, median, q05, q95, min, max: Of the distribution.
    """

    name: str
    title: str
    draws: int
    mean: float
    median: float
    q05: float
    q95: float
    min: float
    max: float


@dataclass(frozen=True)
class ComponentMatch:
    """One component against the dictionary, and against its nulls.

    Attributes:
        component: Its number.
        cosine: max over features of |cos(direction, W_dec row)|; ``feature`` is that row, ``sign`` the cosine's sign.
        label: ``known`` (> known cut), ``partial``, or ``novel`` (≤ novel cut).
        quantiles: For each null, the share of its draws at or below ``cosine``.
        kurtosis: Excess kurtosis of the component's source; ``kurtosis_quantiles`` in each null that has one.
        stability: Its stability index.
        beats_null: Whether the component holds structure that the elliptical null does not (kurtosis above its 95 % quantile
            of maxima, or stability above), see ``reason``.
        reason: Why, in words.
    """

    component: int
    cosine: float
    feature: int
    sign: int
    label: str
    quantiles: Mapping[str, float]
    kurtosis: float
    kurtosis_quantiles: Mapping[str, float]
    stability: float
    explained: float
    beats_null: bool
    reason: str


@dataclass(frozen=True)
class Match:
    """Step 6. Counts by the notebook's cuts, and those that the null does not explain."""

    known_cut: float
    novel_cut: float
    mean: float
    median: float
    known: int
    partial: int
    novel: int
    novel_beyond_null: int
    known_beyond_null: int
    expected_novel: Mapping[str, float]
    nulls: tuple[NullSummary, ...]
    components: tuple[ComponentMatch, ...]
    most_novel: tuple[int, ...]
    most_known: tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """One top-activating token; context inside its own document, the token itself in ``text`` (all raw, escape when shown)."""

    token: int
    text: str
    activation: float
    document: int
    position: int
    before: str
    after: str


@dataclass(frozen=True)
class ComponentExamples:
    """Top examples of one component, by |activation|, largest first."""

    component: int
    kurtosis: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Interpret:
    """Step 7: the most novel components."""

    components: tuple[ComponentExamples, ...]


@dataclass(frozen=True)
class Compare:
    """Step 8: kurtosis of components, of active SAE features (firing on more than ``active_rate`` of tokens), and of the nulls."""

    active_rate: float
    active_features: int
    components: KurtosisSummary
    features: KurtosisSummary
    components_all: KurtosisSummary
    features_all: KurtosisSummary
    nulls: tuple[NullSummary, ...]


@dataclass(frozen=True)
class Conclusion:
    """What it means, against the null.

    Attributes:
        finding: ``structure``, ``under-reconstruction``, ``mixed`` or ``nothing`` (components do not beat the null).
        headline: One sentence.
        text: A few sentences: the notebook's rule, the null's answer, and why they differ if they do.
        by_notebook: What the notebook's rule alone would have said: ``structure``, ``under-reconstruction`` or ``mixed``.
        beat_null: Components that beat the elliptical null.
        cautions: What weakens the result (no convergence, few tokens, massive tokens, …).
    """

    finding: str
    headline: str
    text: str
    by_notebook: str
    beat_null: int
    n_components: int
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class DarkMatterResults:
    """Everything the study found; arrays lie beside it in the run directory."""

    schema: int
    study: str
    source: Mapping[str, Any]
    decomposer: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    collect: Collect
    diagnose: Diagnose
    pca: Pca
    decompose: Decompose
    stability: Stability
    match: Match
    interpret: Interpret
    compare: Compare
    conclusion: Conclusion
    seconds: Mapping[str, float]
