"""Records of steps 5 to 8 and the conclusion: the components, each figure beside its nulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from darkframe.results.residual import KurtosisSummary


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
    """Step 7: the most novel components, then others that beat the null."""

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
