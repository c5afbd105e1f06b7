"""The result of ``darkframe track``, as written to ``tracking.json``. Every figure is defined where it stands.

Step t is the t-th checkpoint, from 0, in the order given. A *row* of step t is the decoder row of a tracked feature at checkpoint
t; n_c(t) is the number of rows of step t whose label, once all rows of the step have been learned, is category c. A category is
*known* before step t if it was made at an earlier step (or came with the model that tracking began from). Categories are told as
``L0:3``: category 3 of level 0; they keep their numbers over all steps. Features are told by their ids in the SAE, which are
taken to mean the same feature at every checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.results.taxonomy_rows import JunkRecord, OrderRecord, Spread
from darkframe.results.tracking_rows import TrackedAxes, TrackedModel


@dataclass(frozen=True)
class TrackedCheckpoint:
    """One checkpoint.

    Attributes:
        step: Number of the step, t.
        value: Of the parameter that names the checkpoint.
        dictionary: The source's name for it.
        sha256: Of W_dec as float32, row by row.
        details: What the source says of its SAE there, such as the step of its training.
        norms: Of the lengths of all rows of W_dec.
        rows: Rows of this step.
        dead: Tracked features whose row is zero here: they have no direction, and are left out of this step alone.
        cosine: Median cosine of a tracked feature's row with its row one step before, over those alive at both; NaN at the first.
        share: Of the rows' variance that lies in the PCA's axes; 1 without PCA.
        clipped: Rows with a value beyond the bounds that rows are scaled by. 0 unless tracking began from a model, whose bounds
            are its own.
        seconds: For learning the step's rows.
        warnings: What the clusterer said.

    Computed in:
        studies/tracking/checkpoint.py
    """

    step: int
    value: str
    dictionary: str
    sha256: str
    details: Mapping[str, Any]
    norms: Spread
    rows: int
    dead: int
    cosine: float
    share: float
    clipped: int
    seconds: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class TrackedNull:
    """What unrelated rows do at one step and level: each draw is learned by a copy of the model as it stood before the step.

    Attributes:
        name: ``isotropic`` (directions uniform over the sphere) or ``covariance`` (an elliptical cloud with the mean and
            covariance of the step's rows); both as many as the rows, and as long.
        passed: For each draw, the share of its rows that passed the vigilance of a category known before the step.
        resonant: For each draw, the share of the known categories that received at least one of its rows.

    Computed in:
        studies/tracking/chance.py
    """

    name: str
    passed: tuple[float, ...]
    resonant: tuple[float, ...]


@dataclass(frozen=True)
class TrackedStep:
    """One step at one level.

    known + new categories exist after the step; known = resonant + dormant, resonant = growing + steady + shrinking.

    Attributes:
        step: Number of the step, t.
        rows: Rows of the step.
        noise: Rows in no category.
        known: Categories known before the step.
        resonant: Known ones that receive rows: n_c(t) ≥ 1.
        growing: Resonant ones that receive more than a step before: n_c(t) > n_c(t − 1).
        steady: Resonant ones that receive as many.
        shrinking: Resonant ones that receive fewer, but some.
        revived: Growing ones that received none a step before: they were dormant.
        dormant: Known ones that receive none: n_c(t) = 0.
        lost: Dormant ones that received some a step before.
        new: Categories made at this step.
        passed: Share of the rows that passed the vigilance of a category known before the step, and were learned by it: their
            label is a known category's. NaN where none is known. (A row that passed a known one but was taken by a category made
            earlier in the same step, by higher choice, is not among them.)
        predicted: Share of the rows for which the category of highest choice, among those known and as they stood before the
            step, passes vigilance (at its level and those above): what ``passed`` would be if nothing were learned meanwhile and
            no second choice were tried. NaN where none is known, or where the clusterer cannot predict.
        largest_share: Rows in the step's largest category / rows.
        kept: Share of the features that are in the same category as a step before, among those alive at both steps; NaN at the
            first.
        kept_by_chance: The share expected if the step's labels were dealt to those features at random: the sum over
            categories of (share of the features before) · (share now).
        agreement: Adjusted Rand index between the labels of the two steps over the same features: 1 for the same partition, about
            0 by chance, and 0 where either has one category alone or none with two features.
        unchanged_passed, unchanged_kept: ``passed`` and ``kept`` of the rows of one step before, presented once more to a copy of
            the model as it stood before the step: what they come to where nothing changes. NaN at the first, and where the
            clusterer cannot be copied.
        nulls: What unrelated rows do; empty where none is known, or they are not asked for.
        null_rows: Rows that ``nulls`` and ``null_passed`` rest on: all, or a sample of ``taxonomy.check_rows``.
        null_passed: ``passed`` of so many of the real rows; the same as ``passed`` where they are all.

    Computed in:
        studies/tracking/follow.py, numerics/tracking.py
    """

    step: int
    rows: int
    noise: int
    known: int
    resonant: int
    growing: int
    steady: int
    shrinking: int
    revived: int
    dormant: int
    lost: int
    new: int
    passed: float
    predicted: float
    largest_share: float
    kept: float
    kept_by_chance: float
    agreement: float
    unchanged_passed: float
    unchanged_kept: float
    nulls: tuple[TrackedNull, ...]
    null_rows: int
    null_passed: float


@dataclass(frozen=True)
class TrackedLevel:
    """One level over all steps.

    Attributes:
        level: 0 is the coarsest.
        vigilance: ρ, or None.
        steps: In order.
        first: Categories after the first step.
        persisted: Of them, those that still receive rows at the last step.
        beats_null: Whether, at every step with known categories, ``null_passed`` is above every draw of every null. A
            comparison, no test: with m draws in all, one step alone comes out so by chance once in m + 1 times.
        reason: By which figures.

    Computed in:
        studies/tracking/run.py, studies/tracking/conclude.py
    """

    level: int
    vigilance: float | None
    steps: tuple[TrackedStep, ...]
    first: int
    persisted: int
    beats_null: bool
    reason: str


@dataclass(frozen=True)
class TrackedCategory:
    """One category over all steps; texts are not escaped: whoever shows them escapes them.

    Attributes:
        level, category, parent: Ids; ``parent`` is None at level 0.
        born: Step it was made at; −1: it came with the model.
        last: Last step it received rows at; −1: at none.
        sizes: n_c(t) for each step.
        state: At the last step: ``new``, ``growing``, ``steady``, ``shrinking`` or ``dormant``.
        tokens: Differential logit lens at the last step: the top tokens of (mean of its rows − mean of all rows) → final norm →
            unembedding; empty for dormant ones, and without an unembedding.
        features: The ids of its members at the last step nearest to their mean direction, at most 20.

    Computed in:
        studies/tracking/categories.py
    """

    level: int
    category: int
    parent: int | None
    born: int
    last: int
    sizes: tuple[int, ...]
    state: str
    tokens: tuple[str, ...]
    features: tuple[int, ...]


@dataclass(frozen=True)
class TrackingConclusion:
    """The verdict in words.

    Attributes:
        verdict: ``persists`` (every level beats the nulls at every step), ``some`` (not all do), ``nothing`` (none does), or
            ``unjudged`` (no nulls).
        headline: One sentence.
        text: What it rests on.
        cautions: What a reader must know.

    Computed in:
        studies/tracking/conclude.py
    """

    verdict: str
    headline: str
    text: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class TrackingResults:
    """Everything that tracking found; arrays (``darkframe.results.TRACKING_ARRAYS``) lie beside it in the run directory.

    Attributes:
        schema: Version of this record: 1.
        study: ``tracking``.
        source: The source's name, distribution, version and parameters, and its card at the last checkpoint.
        clusterer: The clusterer's name, distribution, version and parameters.
        settings: Everything else it was made with: the study's parameters, seed, device, checkpoints.
        environment: Versions of Python, the platform and the packages that numbers depend on.
        over: The parameter that names the checkpoint, such as ``source.checkpoint``.
        checkpoints: Every checkpoint, in order.
        junk: Of the last checkpoint: features that are junk there are tracked at no step.
        order: The order in which features are presented, the same at every step.
        axes: The PCA.
        model: The fitted model that tracking began from, or None.
        levels: Every level over all steps, coarsest first.
        categories: The largest at the last step, at most 100 a level, and the largest of those that went dormant, at most 50 a
            level; the table ``categories`` has all.
        conclusion: The verdict.
        seconds: Wall time of each step, in seconds; of a step that was read back, what it took when it was computed.
        note: Why there are no nulls, or empty.

    Computed in:
        studies/tracking/run.py
    """

    schema: int
    study: str
    source: Mapping[str, Any]
    clusterer: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    over: str
    checkpoints: tuple[TrackedCheckpoint, ...]
    junk: JunkRecord
    order: OrderRecord
    axes: TrackedAxes
    model: TrackedModel | None
    levels: tuple[TrackedLevel, ...]
    categories: tuple[TrackedCategory, ...]
    conclusion: TrackingConclusion
    seconds: Mapping[str, float]
    note: str = ""
