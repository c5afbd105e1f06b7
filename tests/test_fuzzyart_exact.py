"""Fuzzy ART against artlib, the definition and numpy: labels, weights, match and margin; filters that never rule out too much."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding
from support.fuzzy_reference import Problem, Reference

from darkframe import ClusterContext
from darkframe_fuzzyart import cpu
from darkframe_fuzzyart.cpu import CpuEngine
from darkframe_fuzzyart.engine import Categories, Rule
from darkframe_fuzzyart.fuzzyart import FuzzyART
from darkframe_fuzzyart.kernels import apart_of, bytes_apart, code_row, to_bytes
from darkframe_fuzzyart.plugin import FuzzyARTParams

CONTEXT = ClusterContext()


def vectors(seed: int) -> np.ndarray:
    """Gaussian, uniform, on a grid (ties), repeated; a few large enough for the filters of many categories."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1100, 1400)) if seed % 10 == 9 else int(rng.integers(2, 400))
    rows = rng.normal(size=(n, int(rng.integers(2, 200))))
    if seed % 4 == 1:
        rows = np.round(rows * 2) / 2
    elif seed % 4 == 2:
        rows = rows[rng.integers(0, n // 3 + 1, n)]
    elif seed % 4 == 3:
        rows = rng.random((6, rows.shape[1]))[rng.integers(0, 6, n)] + 0.05 * rows
    return rows


def params(seed: int, **changed) -> FuzzyARTParams:
    rng = np.random.default_rng([seed, 1])
    rho = 0.95 if seed % 10 == 9 else float(rng.choice([0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95]))
    alpha, beta = float(rng.choice([1e-7, 0.01, 1.0, 10.0])), float(rng.choice([1.0, 1.0, 0.5, 0.1]))
    return FuzzyARTParams(**({"rho": rho, "alpha": alpha, "beta": beta, "threads": 1} | changed))


@pytest.mark.parametrize("seed", range(60))
def test_labels_and_weights_are_those_of_artlib_with_one_thread_and_two(seed: int):
    from artlib import FuzzyART as Plain
    from artlib.optimized.backends.cpp.FuzzyART import FuzzyART as Compiled

    rows, given_params = vectors(seed), params(seed)
    module = (Plain if len(rows) * rows.shape[1] < 4000 else Compiled)(
        rho=given_params.rho, alpha=given_params.alpha, beta=given_params.beta
    )
    coded = module.prepare_data(rows)
    module.fit(coded)
    model = FuzzyART(given_params)
    labels = model.fit(rows, CONTEXT).labels
    assert np.array_equal(labels[0], module.labels_)
    assert np.allclose(model.categories(0).weights, np.array(module.W), rtol=0, atol=1e-13)
    assert np.array_equal(labels, FuzzyART(params(seed, threads=2)).fit(rows, CONTEXT).labels)
    assert np.array_equal(model.categories(0).counts, module.weight_sample_counter_)
    assert np.array_equal(model.predict(rows).labels[0], module.predict(coded))


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7, 9, 19])
def test_match_margin_and_width_are_those_of_the_final_weights(seed: int):
    rows, given_params = vectors(seed), params(seed)
    model = FuzzyART(given_params)
    clustering = model.fit(rows, CONTEXT)
    low, high = rows.min(axis=0), rows.max(axis=0)
    scaled = (rows - low) / np.where(high > low, high - low, np.inf)
    coded, weights = np.hstack([scaled, 1 - scaled]), model.categories(0).weights
    common = np.array([np.minimum(coded, w).sum(axis=1) for w in weights]).T
    choice = common / (given_params.alpha + weights.sum(axis=1))
    own = np.arange(len(rows)), clustering.labels[0]
    assert np.allclose(clustering.match[0], common[own] / rows.shape[1], rtol=0, atol=1e-12)
    others = choice.copy()
    others[own] = -np.inf
    margin = choice[own] - others.max(axis=1) if len(weights) > 1 else np.full(len(rows), np.nan)
    assert np.allclose(clustering.margin[0], margin, rtol=0, atol=1e-12, equal_nan=True)
    lower, upper = model.boxes(0)
    assert np.allclose(clustering.width[0], (upper - lower).mean(axis=1), rtol=0, atol=1e-12)
    match, passes = model.matches(rows, 0)
    assert np.allclose(match, common / rows.shape[1], rtol=0, atol=1e-12)
    assert np.array_equal(passes, match >= given_params.rho)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=40),
    rho=st.sampled_from([0.0, 1 / 3, 0.5, 2 / 3, 0.8, 1.0]),
    alpha=st.sampled_from([1e-7, 0.1, 1.0]),
    beta=st.sampled_from([1.0, 0.5, 0.3]),
)
def test_rows_full_of_ties_are_labelled_by_the_definition(rows, rho, alpha, beta):
    grid = np.array(rows) / 3
    level = CpuEngine(1).level(Rule(rho, alpha, beta), Categories.none(3))
    assert np.array_equal(level.learn(grid, None), Reference(Problem(grid, rho, alpha, beta, None)).learn())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    filtered=st.integers(1, 300),
    again=st.integers(1, 100),
    few=st.integers(0, 60),
    judged=st.integers(1, 100),
    threads=st.integers(1, 3),
)
def test_neither_blocks_nor_threads_change_anything(seed, filtered, again, few, judged, threads):
    rng = np.random.default_rng(seed)
    rows = rng.random((400, int(rng.integers(1, 90))))
    rho = float(rng.choice([0.3, 0.7, 0.85]))
    expected = FuzzyART(FuzzyARTParams(rho=rho, threads=1)).fit(rows, CONTEXT)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"FILTERED": filtered, "AGAIN": again, "FILTER_FROM": few, "JUDGED": judged}.items():
            patch.setattr(cpu, name, value)
        found = FuzzyART(FuzzyARTParams(rho=rho, threads=threads)).fit(rows, CONTEXT)
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.match, expected.match)
    assert np.array_equal(found.margin, expected.margin, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), dims=st.integers(1, 150), wide=st.floats(0, 1))
def test_bytes_never_put_a_row_further_from_a_box_than_it_is(seed, dims, wide):
    rng = np.random.default_rng(seed)
    centre = rng.random((8, dims))
    lower, upper = np.maximum(centre - wide * rng.random(dims), 0), np.minimum(centre + wide * rng.random(dims), 1)
    rows = rng.random((8, dims))
    rows[0], rows[1], rows[2] = lower[0], upper[1], np.round(rows[2] * 256) / 256
    start = Categories(np.hstack([lower, 1 - upper]), np.ones(8, np.int64), np.zeros(8, np.int64))
    level = CpuEngine(1).level(Rule(0.5, 0.01, 1.0), start)
    store, terms = level._store, level._terms
    x, row = np.zeros(8 * terms.bytes, np.uint8), np.zeros(terms.width)
    to_bytes(rows, terms.bytes, x)
    for i in range(8):
        code_row(rows[i], row)
        for j in range(8):
            apart = apart_of(store, terms, j, row, np.inf)
            assert apart == pytest.approx(
                np.maximum(lower[j] - rows[i], 0).sum() + np.maximum(rows[i] - upper[j], 0).sum(), abs=1e-12
            )
            low = bytes_apart(store, terms, j, x, i * terms.bytes, 1 << 40)
            assert low / 256 <= apart + 1e-12
            assert apart <= (low + 4 * dims) / 256  # nor is it a bound that says nothing


def test_float32_vectors_are_what_their_float64_values_are():
    rows = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    one, other = (FuzzyART(FuzzyARTParams(rho=0.8)).fit(x, CONTEXT) for x in (rows, rows.astype(np.float64)))
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.match, other.match)


_LANES = """
import numba, numpy as np
from darkframe_fuzzyart.lanes import CHUNK, ROWS, bounds_peak, deficit, outside, outside_rows, rows_within

@numba.njit
def all_of(x, box, chunks, out, w, v, totals, scale, base):
    outside_rows(x, 0, chunks * CHUNK, box, 0, chunks, out, 0, 1)
    near = rows_within(x, 0, chunks * CHUNK, box, 0, chunks, 1, np.int64(out[3]))
    one = outside(x, 0, box, 0, box, chunks * CHUNK, chunks)
    return near, one, deficit(w, 0, v, 0, 2), bounds_peak(totals, scale, base, 0)

rng = np.random.default_rng(0)
rows, box = rng.integers(0, 256, (ROWS, 192), dtype=np.uint8), np.sort(rng.integers(0, 256, (2, 192), dtype=np.uint8), axis=0)
out, w, v = np.zeros(ROWS, np.float32), rng.random(64), rng.random(64)
totals, scale, base = (rng.random(64).astype(np.float32) for _ in range(3))
bounds = base - scale * totals
near, one, apart, peak = all_of(rows.ravel(), box.ravel(), 3, out, w, v, totals, scale, base)
exact = np.abs(rows.astype(int) - np.clip(rows, box[0], box[1])).sum(axis=1)
assert out.tolist() == exact.tolist() and one == exact[0], (out, exact)
assert near == sum(1 << r for r in range(ROWS) if exact[r] <= exact[3])
assert abs(apart - np.maximum(w - v, 0).sum()) < 1e-12
assert np.allclose(totals, bounds, atol=1e-6) and abs(peak - bounds.max()) < 1e-6
print(numba.core.registry.cpu_target.target_context.codegen()._tm_features.count("+avx"))
"""


@pytest.mark.parametrize("features", ["native", "", "+avx,+avx2,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2"])
def test_vector_loops_are_right_on_other_processors(features: str):
    if "avx2" in features and not binding.get_host_cpu_features().get("avx2"):
        pytest.skip("this processor has no AVX2")
    chosen = {} if features == "native" else {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features}
    done = subprocess.run(
        [sys.executable, "-c", _LANES], env=os.environ | chosen, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    if features != "native":
        assert int(done.stdout) == features.count("+avx")
