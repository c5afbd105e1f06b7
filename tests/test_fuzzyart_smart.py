"""SMART: against artlib's with the hard filter, level by level, planted hierarchies, over other bases, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from darkframe import ClusterContext, Clustering, Diagnostics, ParameterError, UserError
from darkframe.errors import StoreError
from darkframe.plugin import ClustererInfo
from darkframe_fuzzyart.fuzzyart import FuzzyART
from darkframe_fuzzyart.plugin import FuzzyARTParams, SmartParams
from darkframe_fuzzyart.smart import Smart
from darkframe_fuzzyart.smart_fuzzyart import SmartFuzzyART
from darkframe_fuzzyart.smart_over import SmartOver

CONTEXT = ClusterContext()


class Base:
    """``gpu-fuzzyart`` as another base; ``noisy`` calls the first row of each fit noise."""

    def __init__(self, *, vigilance: str = "rising", noisy: bool = False, levels: int = 1) -> None:
        self.info = ClustererInfo(name="other", target="a.b:C", summary="", vigilance=vigilance)
        self.params, self.noisy, self.levels = FuzzyARTParams(), noisy, levels

    def __call__(self, **changed: Any) -> Any:
        model = FuzzyART(dataclasses.replace(self.params, **{name: float(value) for name, value in changed.items()}))
        return Labels(model, self) if self.noisy or self.levels > 1 else model


class Labels:
    """A base that only fits."""

    def __init__(self, model: FuzzyART, base: Base) -> None:
        self.model, self.base = model, base

    def fit(self, vectors: Any, context: ClusterContext) -> Clustering:
        labels = self.model.fit(vectors, context).labels.copy()
        if self.base.noisy:
            labels[0, 0] = -1
        return Clustering(
            labels=np.repeat(labels, self.base.levels, axis=0), parents=(), diagnostics=Diagnostics(True, 1, ("Mind this.",))
        )


def over(base: Base) -> ClusterContext:
    return ClusterContext(open=lambda name: base)


def rows(seed: int, n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 40))
    return rng.random((12, d))[rng.integers(0, 12, n)] + 0.1 * rng.normal(size=(n, d))


@pytest.mark.parametrize("seed", range(8))
def test_labels_are_those_of_artlib_with_the_hard_filter_by_parent(seed: int):
    from artlib import SMART
    from artlib import FuzzyART as Base

    data, rho = rows(seed, 120), (0.2, 0.5, 0.8) if seed % 2 else (0.4, 0.7, 0.75, 0.9)
    module = SMART(Base, list(rho), {"rho": 0.0, "alpha": 0.01, "beta": 1.0})
    coded = module.prepare_data(data)
    module.fit(coded, match_tracking="MT~")
    labels = Smart(SmartParams(rho=rho)).fit(data, CONTEXT).labels
    for level, part in enumerate(module.modules):
        assert np.array_equal(labels[level], part.labels_)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), beta=st.sampled_from([1.0, 0.6]))
def test_levels_nest_are_numbered_by_first_row_and_are_fits_of_their_own_below_each_parent(seed: int, beta: float):
    data = rows(seed)
    bounds = data.min(axis=0), data.max(axis=0)
    clustering = Smart(SmartParams(rho=(0.3, 0.6, 0.85), beta=beta)).fit(data, CONTEXT)
    for level, labels in enumerate(clustering.labels):
        assert np.array_equal(np.unique(labels), np.arange(clustering.clusters[level]))
        firsts = [int(np.argmax(labels == cluster)) for cluster in range(clustering.clusters[level])]
        assert firsts == sorted(firsts)
    for level in (1, 2):
        above, below = clustering.labels[level - 1], clustering.labels[level]
        assert np.array_equal(clustering.parents[level - 1][below], above)
        for parent in np.unique(above):
            mine = np.flatnonzero(above == parent)
            params = FuzzyARTParams(rho=clustering.vigilance[level], beta=beta)
            own = FuzzyART(params).fit(data[mine], ClusterContext(bounds=bounds))
            assert np.array_equal(np.unique(below[mine])[own.labels[0]], below[mine])
            assert np.array_equal(clustering.match[level, mine], own.match[0])
            assert np.array_equal(clustering.margin[level, mine], own.margin[0], equal_nan=True)


@pytest.mark.parametrize("seed", range(3))
def test_planted_hierarchies_are_found_at_their_vigilance(seed: int):
    rng = np.random.default_rng(seed)
    d, sizes = 256, (4, 5, 4)
    tops = rng.permuted(np.tile([[0.2], [0.2], [0.8], [0.8]], d), axis=0)  # every dimension has the same range
    middles = tops[:, None] + rng.choice([-0.1, 0.1], size=(*sizes[:2], d))
    leaves = middles[:, :, None] + rng.choice([-0.02, 0.02], size=(*sizes, d))
    truth = np.stack(np.unravel_index(rng.integers(0, np.prod(sizes), 1500), sizes))
    data = leaves[tuple(truth)] + rng.uniform(-0.002, 0.002, size=(1500, d))
    labels = Smart(SmartParams(rho=(0.66, 0.91, 0.985))).fit(data, CONTEXT).labels
    planted = truth[0], truth[0] * 10 + truth[1], (truth[0] * 10 + truth[1]) * 10 + truth[2]
    for found, wanted in zip(labels, planted):
        assert adjusted_rand_score(wanted, found) > 0.95


@pytest.mark.parametrize("pieces", [1, 3])
def test_another_base_gives_what_smart_itself_gives(pieces: int):
    data = rows(5)
    bounds = data.min(axis=0), data.max(axis=0)
    context = ClusterContext(bounds=bounds, open=lambda name: Base())
    own, other = Smart(SmartParams(alpha=0.5)), Smart(SmartParams(base="other", base_params="alpha=0.5"))
    assert isinstance(own, SmartFuzzyART)
    assert isinstance(other, SmartOver)
    for piece in np.array_split(data, pieces):
        expected, found = (model.partial_fit(piece, context) for model in (own, other))
        assert np.array_equal(found.labels, expected.labels)
        assert [p.tolist() for p in found.parents] == [p.tolist() for p in expected.parents]
        assert (found.clusters, found.vigilance) == (expected.clusters, expected.vigilance)
        assert np.array_equal(found.match, expected.match)
        assert np.array_equal(found.margin, expected.margin, equal_nan=True)
        assert all(np.allclose(one, two) for one, two in zip(found.width, expected.width))
    kept = Smart(other.params)
    kept.opener = context.open
    kept.restore(other.state())
    for model in (other, kept):
        assert np.array_equal(model.predict(data + 0.1).labels, own.predict(data + 0.1).labels)
        assert np.array_equal(model.predict(data + 0.1).passed, own.predict(data + 0.1).passed)
        assert np.array_equal(model.matches(data, 2)[0], own.matches(data, 2)[0])
    assert np.array_equal(kept.partial_fit(data, context).labels, own.partial_fit(data, context).labels)


def test_noise_of_the_base_stays_noise_below():
    clustering = Smart(SmartParams(base="other")).fit(rows(1), over(Base(noisy=True)))
    for above, below in zip(clustering.labels, clustering.labels[1:]):
        assert (below[above == -1] == -1).all()
        assert (below == -1).sum() > (above == -1).sum()
    assert clustering.match is None
    assert clustering.width == ()
    assert "Mind this." in clustering.diagnostics.warnings[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rho": (0.5, 0.2)}, "must rise strictly"),
        ({"rho": (0.5, 0.5)}, "must rise strictly"),
        ({"rho": ()}, "at least one"),
        ({"rho": (0.5, 1.2)}, "between 0 and 1"),
        ({"base": "smart"}, "cannot be smart itself"),
        ({"base": "other", "rho": (0.2, 0.5, 0.4)}, "strictly"),
        ({"base": "other", "alpha": 0.5}, "base_params"),
        ({"base": "other", "threads": 1}, "threads"),
        ({"base_params": "alpha=0.5"}, "other bases"),
        ({"base": "other", "base_params": "alpha"}, "must read like"),
        ({"base": "other", "base_params": "rho=0.3"}, "cannot set rho"),
    ],
)
def test_parameters_that_cannot_be_are_refused(changed: dict[str, Any], words: str):
    with pytest.raises(ParameterError, match=words):
        Smart(SmartParams(**changed))


def test_values_of_a_base_may_hold_commas():
    assert SmartOver(SmartParams(base="other", base_params="a = 1,2 , b=x"))._base_params == {"a": "1,2", "b": "x"}


@pytest.mark.parametrize(
    ("base", "rho", "words"),
    [
        (Base(vigilance=""), (0.2, 0.5), "no vigilance"),
        (Base(vigilance="falling"), (0.2, 0.5), "must fall"),
        (Base(vigilance="rising"), (0.5, 0.2), "must rise"),
        (Base(levels=2), (0.2, 0.5), "flat base"),
    ],
)
def test_bases_that_cannot_be_are_refused_in_a_fit(base: Base, rho: tuple[float, ...], words: str):
    with pytest.raises(UserError, match=words):
        Smart(SmartParams(base="other", rho=rho)).fit(rows(0), over(base))


def test_a_base_with_falling_vigilance_takes_falling_levels():
    falling = Base(vigilance="falling")
    assert Smart(SmartParams(base="other", rho=(0.9, 0.5))).fit(rows(0), over(falling)).vigilance == (0.9, 0.5)


def test_what_the_base_lacks_is_not_there():
    model = Smart(SmartParams(base="other"))
    with pytest.raises(UserError, match="not fitted"):
        model.predict(rows(0))
    model.fit(rows(0), over(Base(noisy=True)))
    assert not any(hasattr(model, name) for name in ("partial_fit", "predict", "matches", "state", "restore"))
    with pytest.raises(UserError, match="cannot open its base 'other'"):
        Smart(SmartParams(base="other")).fit(rows(0), CONTEXT)


def test_a_kept_model_of_another_base_is_refused():
    model = Smart(SmartParams(base="other"))
    model.fit(rows(0), over(Base()))
    changed = Smart(SmartParams(base="other", base_params="alpha=0.3"))
    changed.opener = lambda name: Base()
    with pytest.raises(StoreError, match="other parameters"):
        changed.restore(model.state())
    with pytest.raises(StoreError, match="not a kept model"):
        changed.restore({})
