"""The robust cut on norms, and its streamed form."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from darkframe.numerics.massive import NormCut, streamed_cut, streamed_median


@given(
    values=st.lists(st.floats(0, 2.0**100, width=32, allow_subnormal=False), min_size=1, max_size=200), pieces=st.integers(1, 5)
)
@settings(deadline=None, max_examples=100)
def test_the_streamed_median_is_the_lower_median(values, pieces):
    values = np.array(values, np.float32)
    expected = np.sort(values)[(len(values) - 1) // 2]
    assert streamed_median(lambda: iter(np.array_split(values, pieces))) == expected


def test_the_cut_is_the_stated_formula_and_streams():
    generator = np.random.default_rng(0)
    norms = np.abs(generator.normal(10, 1, size=10_001)).astype(np.float32)
    norms[::1000] = 500
    cut = NormCut.fit(norms)
    median = np.median(norms)
    mad = np.median(np.abs(norms - median))
    assert np.isclose(cut.cut, max(3 * median, median + 10 * 1.4826 * mad))
    assert (norms > cut.cut).sum() == 11
    assert np.isclose(streamed_cut(lambda: iter(np.array_split(norms, 7)), len(norms)).cut, cut.cut, rtol=1e-5)
    assert "10,001" in cut.definition


def test_no_norms():
    assert NormCut.fit(np.empty(0)).cut == np.inf
