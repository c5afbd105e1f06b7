"""Streamed, shifted and merged moments against numpy and scipy in float64 on everything at once."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from darkframe.numerics.moments import CentralMoments, MomentAccumulator, merged
from darkframe.numerics.onepass import power_sums


def heavy_rows(seed, n, d, mean, spread):
    generator = np.random.default_rng(seed)
    return (generator.laplace(size=(n, d)) ** 3 * spread + mean * np.arange(1, d + 1)).astype(np.float32)


def check(moments, rows, *, rtol):
    rows = rows.astype(np.float64)
    sd = rows.std(axis=0)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=0, atol=float(rtol * sd.max()) + 1e-12 * np.abs(rows).max())
    np.testing.assert_allclose(moments.variance, rows.var(axis=0), rtol=rtol)
    np.testing.assert_allclose(moments.skewness, scipy.stats.skew(rows), rtol=rtol * 10, atol=rtol * 10)
    np.testing.assert_allclose(moments.kurtosis, scipy.stats.kurtosis(rows), rtol=rtol * 10, atol=rtol * 10)


splits = st.lists(st.integers(0, 60), min_size=1, max_size=6)


@given(
    seed=st.integers(0, 2**32 - 1), sizes=splits, mean=st.sampled_from([0.0, 1.0, 1e4]), spread=st.sampled_from([1e-2, 1.0, 1e3])
)
@settings(deadline=None, max_examples=60)
def test_any_split_gives_the_moments_of_everything(seed, sizes, mean, spread):
    sizes = [*sizes, 20]
    rows = heavy_rows(seed, sum(sizes), 3, mean, spread)
    streamed, parts, start = MomentAccumulator(3), [], 0
    for size in sizes:
        part, start = rows[start : start + size], start + size
        streamed.update(part)
        alone = MomentAccumulator(3)
        alone.update(part)
        parts.append(alone.central())
    check(streamed.result(), rows, rtol=1e-8)
    check(merged(parts, 3).moments(), rows, rtol=1e-8)
    check(merged(parts[::-1], 3).moments(), rows, rtol=1e-8)


def test_a_mean_ten_thousand_times_the_spread_costs_no_digits():
    generator = np.random.default_rng(0)
    rows = 1e4 + generator.laplace(size=(5000, 4))
    accumulator = MomentAccumulator(4)
    for start in range(0, 5000, 700):
        accumulator.update(rows[start : start + 700])
    check(accumulator.result(), rows, rtol=1e-9)
    raw = np.stack([(rows**k).mean(axis=0) for k in (1, 2, 3, 4)])
    raw_fourth = raw[3] - 4 * raw[0] * raw[2] + 6 * raw[0] ** 2 * raw[1] - 3 * raw[0] ** 4
    lost = np.abs(raw_fourth / ((rows - rows.mean(axis=0)) ** 4).mean(axis=0) - 1)
    assert lost.min() > 1e-2  # what raw powers would have given


def test_columns_that_do_not_vary_have_no_kurtosis():
    accumulator = MomentAccumulator(2)
    accumulator.update(np.stack([np.full(1000, 0.1, np.float32), np.arange(1000, dtype=np.float32)], axis=1))
    moments = accumulator.result()
    assert np.isnan(moments.kurtosis[0])
    assert np.isnan(moments.skewness[0])
    assert moments.variance[0] == pytest.approx(0, abs=1e-15)
    assert moments.kurtosis[1] == pytest.approx(-1.2, abs=1e-2)


def test_no_rows_at_all():
    moments = MomentAccumulator(2).result()
    assert moments.n == 0
    assert np.isnan(moments.kurtosis).all()
    assert merged([], 2).moments().n == 0


def test_zeros_merge_in_exactly():
    values = np.random.default_rng(1).exponential(size=300)
    dense = np.concatenate([values, np.zeros(5000)])
    accumulator = MomentAccumulator(1)
    accumulator.update(values[:, None])
    together = accumulator.central().merge(CentralMoments.zeros(5000, 1)).moments()
    check(together, dense[:, None], rtol=1e-10)


def test_the_device_path_adds_up_to_the_compiled_one():
    tile = torch.from_numpy(heavy_rows(2, 500, 7, 0.0, 1.0))
    doubled = tile.double()
    expected = torch.stack([(doubled**k).sum(0) for k in (1, 2, 3, 4)]).numpy()
    np.testing.assert_allclose(power_sums(tile), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
