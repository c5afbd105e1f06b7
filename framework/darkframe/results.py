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
        index: Per component, Icasso's index Iq over seeds and halves: mean within-cluster minus mean between-cluster |cos|.
        index_mean: Its mean; ``index_null_mean`` the same over the elliptical null's fits.
        index_nulls: The index's distribution over as many sets of isotropic directions and of rotations as there are fits, and
            over the elliptical null's fits.
        identifiable_matched_mean: Mean matched |cos| over seeds of the identifiable components only, or None.
        replication: Per component, |correlation| of the two document halves' components that go with it (0 where they lead to
            different ones): both halves found it by themselves.
        replication_cut: What the best of k unrelated matched components exceeds in 5 % of draws.
        replicated: Components above it.
        notes: What to know when reading the figures.
    """

    pairs: tuple[PairStability, ...]
    halves: PairStability | None
    null_pairs: tuple[PairStability, ...]
    index: tuple[float, ...]
    index_mean: float
    index_null_mean: float | None
    identifiable_matched_mean: float | None
    replication: tuple[float, ...] = ()
    replication_cut: float = float("nan")
    replicated: int = 0
    notes: tuple[str, ...] = ()
    index_nulls: tuple[NullSummary, ...] = ()


@dataclass(frozen=True)
class ComponentMatch:
    """One component against the dictionary, and against its nulls.

    Attributes:
        component: Its number.
        cosine: max over features of |cos(direction, W_dec row)|; ``feature`` is that row, ``sign`` the cosine's sign.
        label: ``known`` (> known cut), ``partial``, or ``novel`` (≤ novel cut).
        quantiles: For each null, the share of its draws at or below ``cosine``.
        kurtosis: Excess kurtosis of the component's source; ``kurtosis_quantiles`` in each null that has one.
        stability: Its stability index; ``stability_quantiles`` in each null.
        beats_null: Whether the component holds structure that the elliptical null does not: its kurtosis lies beyond the null
            fits' family-wise cut, in each half of the documents too, and both halves found the component by themselves.
        reason: Why, in words.
        kurtosis_halves: Kurtosis of its source over either half of the documents; empty where there were none.
        replication: See ``Stability``.
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
    kurtosis_halves: tuple[float, ...] = ()
    replication: float = float("nan")
    stability_quantiles: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """Step 6. Counts by the notebook's cuts, and those that the null does not explain.

    Attributes:
        novel_beyond_null: Novel components that beat the null (``ComponentMatch.beats_null``): a low cosine alone is what the
            nulls expect. ``known_beyond_null``: known ones whose cosine exceeds the nulls' family-wise cut.
        expected_novel: For each null, how many of as many directions would be novel.
        null_cuts: The family-wise cuts: ``cosine``, ``kurtosis`` (above it), ``kurtosis_low`` (below it), ``replication``.
        null_rows: Rows of each elliptical null data set.
        null_note: How the cuts come about, and what so few null fits can show.
    """

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
    null_cuts: Mapping[str, float] = field(default_factory=dict)
    null_rows: int = 0
    null_note: str = ""


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
    """Step 8: kurtosis of components, of active SAE features (firing on over ``active_rate`` of tokens), and of the nulls."""

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


ARRAYS: Mapping[str, str] = {
    "directions": "(k, d) float64: unit directions of the components in activation space (patterns scaled to length 1)",
    "patterns": "(k, d) float64: mixing, what a unit of each source adds to the residual",
    "filters": "(k, d) float64: unmixing, what reads each source off a centred residual",
    "residual_mean": "(d,) float64: the mean the filters are applied after",
    "component_explained": "(k,) float64: share of the residual's variance each component explains",
    "sources": "(N, k) float32: activation of every component on every kept token",
    "residual_kurtosis": "(d,) float64: excess kurtosis of each residual dimension",
    "residual_kurtosis_all": "(d,) float64: the same with massive tokens",
    "pca_variances": "(d,) float64: eigenvalues of the residual's covariance, largest first",
    "pca_variances_all": "(d,) float64: the same with massive tokens",
    "pca_components": "(d, d) float64: eigenvectors, one row each",
    "component_kurtosis": "(k,) float64: excess kurtosis of each component's source",
    "component_kurtosis_all": "(k,) float64: the same with massive tokens",
    "component_kurtosis_halves": "(2, k) float64: the same over either half of the documents",
    "top_values": "(k, t) float64: sources of largest magnitude, signed; nan where there are fewer",
    "top_rows": "(k, t) int64: the tokens they belong to, as rows of the collection; -1 where there are fewer",
    "stability_index": "(k,) float64: Icasso's Iq over seeds and document halves",
    "replication": "(k,) float64: agreement of the document halves' own components",
    "match_cosines": "(k,) float64: max |cos| of each direction with a decoder row",
    "match_features": "(k,) int64: the feature it is reached at",
    "null_isotropic_cosines": "(m,) float64: max |cos| of isotropic random directions",
    "null_rotation_cosines": "(m,) float64: max |cos| of random rotations within the whitened space",
    "null_elliptical_cosines": "(m,) float64: max |cos| of the components of the elliptical null's fits",
    "null_isotropic_kurtosis": "(m,) float64: excess kurtosis of the residual along isotropic random directions",
    "null_rotation_kurtosis": "(m,) float64: excess kurtosis of the residual along random rotations within the whitened space",
    "null_elliptical_kurtosis": "(m,) float64: excess kurtosis of the sources of the elliptical null's fits",
    "null_isotropic_stability": "(m,) float64: Icasso's Iq of unrelated sets of isotropic random directions",
    "null_rotation_stability": "(m,) float64: Icasso's Iq of unrelated random rotations within the whitened space",
    "null_elliptical_stability": "(m,) float64: Icasso's Iq of the components of the elliptical null's fits",
    "active_features": "(a,) int64: features that fire on more than the active rate of tokens",
    "feature_kurtosis": "(a,) float64: excess kurtosis of their activations over all tokens, zeros included",
    "active_features_all": "(b,) int64: the same with massive tokens",
    "feature_kurtosis_all": "(b,) float64: the same with massive tokens",
}
"""Arrays a finished run keeps beside its results, and what each holds; k components, d dimensions, N tokens."""
