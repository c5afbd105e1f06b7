"""Sparse feature statistics against dense float64 ones."""

import numpy as np
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from darkframe.numerics.features import FeatureAccumulator


def codes_of(dense):
    counts = (dense != 0).sum(axis=1)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), np.nonzero(dense)[1].astype(np.int64), dense[dense != 0]


def sparse_rows(seed, n, f, offset):
    generator = np.random.default_rng(seed)
    dense = (offset + generator.exponential(size=(n, f))) * (generator.random((n, f)) < np.linspace(0, 0.9, f))
    return dense.astype(np.float32)


def check(statistics, dense):
    dense = dense.astype(np.float64)
    assert statistics.n == len(dense)
    np.testing.assert_array_equal(statistics.fire_count, (dense != 0).sum(axis=0))
    np.testing.assert_allclose(statistics.mean, dense.mean(axis=0), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(statistics.variance, dense.var(axis=0), rtol=1e-9, atol=1e-13)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(statistics.kurtosis, scipy.stats.kurtosis(dense), rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(statistics.skewness, scipy.stats.skew(dense), rtol=1e-7, atol=1e-7)


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    offset=st.sampled_from([0.0, 1.0, 1e4]),
)
@settings(deadline=None, max_examples=50)
def test_any_batches_give_the_dense_moments(seed, sizes, offset):
    sizes = [*sizes, 30]
    dense = sparse_rows(seed, sum(sizes), 9, offset)
    accumulator, start = FeatureAccumulator(9), 0
    for size in sizes:
        accumulator.update(*codes_of(dense[start : start + size]))
        start += size
    check(accumulator.statistics([len(dense)]), dense)


@given(groups=arrays(np.int64, 200, elements=st.integers(0, 2)))
@settings(deadline=None, max_examples=25)
def test_groups_are_exact_alone_and_together(groups):
    dense = sparse_rows(3, 200, 6, 5.0)
    accumulator = FeatureAccumulator(6, 3)
    accumulator.update(*codes_of(dense), groups)
    counts = np.bincount(groups, minlength=3).tolist()
    for chosen in ((0,), (1, 2), (0, 1, 2)):
        rows = dense[np.isin(groups, chosen)]
        if len(rows) > 5:
            check(accumulator.statistics(counts, chosen), rows)


def test_a_restored_state_goes_on_to_the_same_bits():
    dense = sparse_rows(4, 300, 5, 2.0)
    straight, first, second = FeatureAccumulator(5), FeatureAccumulator(5), FeatureAccumulator(5)
    straight.update(*codes_of(dense[:100]))
    straight.update(*codes_of(dense[100:]))
    first.update(*codes_of(dense[:100]))
    second.restore(first.state())
    second.update(*codes_of(dense[100:]))
    for name, array in straight.state().items():
        np.testing.assert_array_equal(array, second.state()[name])


def test_a_feature_that_never_fires():
    dense = np.zeros((50, 2), np.float32)
    dense[3, 1] = 2.0
    accumulator = FeatureAccumulator(2)
    accumulator.update(*codes_of(dense))
    statistics = accumulator.statistics([50])
    assert statistics.fire_count.tolist() == [0, 1]
    assert np.isnan(statistics.kurtosis[0])
    np.testing.assert_allclose(statistics.kurtosis[1], scipy.stats.kurtosis(dense[:, 1].astype(float)))
