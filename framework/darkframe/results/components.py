"""Records of steps 5 to 8 and the conclusion: the components, each figure beside its nulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from darkframe.results.residual import KurtosisSummary


@dataclass(frozen=True)
class NullSummary:
    """One figure's distribution under one null; draws without the figure (NaN) are left out.

    Attributes:
        name: ``isotropic``, ``rotation`` or ``elliptical``.
        title: What the null is, in one sentence.
        draws: How many values the distribution holds.
        mean, median, min, max: Of the distribution.
        q05, q95: Its quantiles at 0.05 and 0.95 (linear interpolation).

    Computed in:
        studies/steps/base.py
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
    """Two fits compared by |cos| of their directions: S_ij = |cos(direction i of a, direction j of b)|.

    Attributes:
        a, b: The two fits, such as ``seed 42`` and ``seed 123``.
        best_mean, best_min: Mean and least of max_j S_ij: each component of ``a`` with its best match in ``b``. Many may share
            one, so that it flatters.
        best_over_90: Components of ``a`` whose best match is above 0.9.
        matched_mean, matched_min: Mean and least of the |cos| of the one-to-one assignment that maximises their sum. Beside it
            stands the same between fits of the nulls (``Stability.null_pairs``).
        matched_over_90: Pairs of the assignment above 0.9.
        n: Pairs of the assignment: the number of components of the smaller fit.

    Computed in:
        studies/steps/stability.py, numerics/stability.py
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
    """Step 5: whether components come back, over seeds and over halves of the documents.

    Attributes:
        pairs: Every pair of seeds on the same rows.
        halves: The fits of the two halves of the documents; None where they hold too few rows.
        null_pairs: The same comparison at chance level: unrelated isotropic directions (``isotropic``) and rotations
            (``rotation``), each the mean over five pairs; two seeds on the first elliptical null data set, and two such data sets
            (``elliptical``).
        index: Per component of the main fit, Icasso's index Iq over the fits of all seeds and both halves: their directions are
            clustered into k clusters (average linkage on 1 − |cos|); Iq is the mean |cos| over pairs within the component's
            cluster less the mean |cos| of its members with all others.
        index_mean: Its mean over the components.
        index_null_mean: The same over the elliptical null's fits.
        identifiable_matched_mean: Mean matched |cos| of the main fit's identifiable components (``Decompose.identifiable``) with
            every other seed's; None where identifiability is not known, no component is identifiable, or there is one seed.
        replication: Per component, |correlation| of the two document halves' components that go with it, 0 where they lead to
            different ones: the halves' components are matched one to one by the |correlation| of their sources over all rows, and
            a component is credited with the match of which both its own partners are the ends.
        replication_cut: What the best of k unrelated matched components (two random rotations, matched) exceeds in 5 % of draws.
        replicated: Components whose ``replication`` is above that cut.
        notes: What to know when reading the figures.
        index_nulls: The index's distribution over as many sets of isotropic directions and of rotations as there are fits, and
            over the elliptical null's fits.

    Computed in:
        studies/steps/stability.py, numerics/stability.py
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
        component: Its number, from 0.
        cosine: max_f |cos(direction, W_dec row f)|.
        feature: The f it is reached at.
        sign: +1 or −1: the sign of that cosine.
        label: ``known`` (cosine > known cut), ``novel`` (≤ novel cut), else ``partial``.
        quantiles: For each null, the share of its draws at or below ``cosine``.
        kurtosis: Excess kurtosis of the component's source over the ordinary tokens: m₄ / m₂² − 3, 0 for a Gaussian.
        kurtosis_quantiles: For each null, the share of its draws at or below ``kurtosis``.
        stability: Its ``Stability.index``.
        explained: Share of the residual's total variance it explains, in closed form.
        beats_null: Whether the component holds structure that the elliptical null does not: its kurtosis lies beyond the null
            fits' family-wise cut, in each half of the documents too, and both halves found the component by themselves.
        reason: Why, in words.
        kurtosis_halves: Kurtosis of its source over either half of the documents; empty where there were none.
        replication: Its ``Stability.replication``.
        stability_quantiles: For each null, the share of its draws at or below ``stability``.

    Computed in:
        studies/steps/match.py, studies/steps/judge.py
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
    """Step 6: counts by the cuts, and those that the null does not explain.

    Attributes:
        known_cut, novel_cut: The cuts: ``study.known_cut`` and ``study.novel_cut``.
        mean, median: Of ``ComponentMatch.cosine`` over the components; beside them stand ``nulls``.
        known: Components with cosine > known cut.
        partial: Components between the cuts.
        novel: Components with cosine ≤ novel cut; beside it stands ``expected_novel``.
        novel_beyond_null: Novel components that beat the null (``ComponentMatch.beats_null``): a low cosine alone is what the
            nulls expect.
        known_beyond_null: Known components whose cosine exceeds the nulls' family-wise cut, ``null_cuts["cosine"]``.
        expected_novel: For each null, k times the share of its draws at or below the novel cut: how many of as many directions
            would be novel.
        nulls: Max |cos| with the dictionary of each null's directions.
        components: Every component.
        most_novel, most_known: Numbers of the five components of lowest and highest cosine, the most extreme first.
        null_cuts: The family-wise cuts, passed by the most extreme of k components of a null in at most 5 % of data sets:
            ``cosine``, ``kurtosis`` (above it), ``kurtosis_low`` (below it), ``replication``. With m fits' maxima a cut is the
            larger of the largest one and mean + c(m) · s, c from Gumbel's distribution.
        null_rows: Rows of each elliptical null data set.
        null_note: How the cuts come about, and what so few null fits can show.

    Computed in:
        studies/steps/match.py, studies/steps/nulls.py, numerics/nulls.py
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
class Compare:
    """Step 8: how heavy-tailed components are beside the SAE's active features, and beside the nulls.

    Attributes:
        active_rate: A feature is active if it fires on more than this share of tokens (``study.active_rate``).
        active_features: How many are.
        components: Kurtosis of the components' sources over the ordinary tokens.
        features: Kurtosis of the active features' activations over the ordinary tokens, zeros included.
        components_all, features_all: The same over all kept tokens, massive ones included.
        nulls: Kurtosis under each null: of the residual along isotropic directions and rotations, and of the sources of the
            elliptical null's fits.

    Computed in:
        studies/steps/compare.py
    """

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
        finding: ``nothing`` where at most one component in twenty beats the null and at most as many are known beyond it;
            else, over those beyond the null, as a share of all: ``structure`` (more than 30 % novel),
            ``under-reconstruction`` (more than 50 % known) or ``mixed``.
        headline: One sentence.
        text: A few sentences: the cuts' rule, the null's answer, and why they differ if they do.
        by_notebook: What the cuts alone would have said: ``structure``, ``under-reconstruction`` or ``mixed``.
        beat_null: Components that beat the elliptical null; with nothing to find, none in 95 % of data sets.
        n_components: Components fitted, k.
        cautions: What weakens the result (no convergence, few tokens, massive tokens, …).

    Computed in:
        studies/steps/conclude.py
    """

    finding: str
    headline: str
    text: str
    by_notebook: str
    beat_null: int
    n_components: int
    cautions: tuple[str, ...] = ()
