"""The ICA kernel against plain numpy in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from darkframe_fastica import whitened
from darkframe_fastica.contrasts import CONTRASTS
from darkframe_fastica.kernel import moments, shape, single, spans
from darkframe_fastica.whitened import InMemory, OnDisk, stage_sizes, stratified
from darkframe_fastica.workers import workers

FUNCTIONS = {
    "logcosh": (lambda y: np.logaddexp(y, -y) - np.log(2), np.tanh, lambda y: 1 - np.tanh(y) ** 2),
    "exp": (lambda y: -np.exp(-(y**2) / 2), lambda y: y * np.exp(-(y**2) / 2), lambda y: (1 - y**2) * np.exp(-(y**2) / 2)),
    "cube": (lambda y: y**4 / 4, lambda y: y**3, lambda y: 3 * y**2),
}


def white(n, k, seed=0):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(k, k)))[0]
    return rng.laplace(scale=np.sqrt(0.5), size=(n, k)).astype(np.float32), rotation


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_functions_over_the_whole_range(fun):
    loss, g, slope = FUNCTIONS[fun]
    top = 20 if fun == "cube" else 300
    y = np.concatenate([np.linspace(-top, top, 30_001), np.linspace(-3, 3, 30_001), [0.0]]).astype(np.float32)[None]
    out, slopes, losses = np.empty_like(y), np.zeros(y.size, np.float32), np.zeros(y.size, np.float32)
    contrast = CONTRASTS[fun]
    contrast.apply(y, out, slopes, losses)
    exact = y[0].astype(np.float64)
    scale = 1e-6 * np.maximum(1, np.abs(exact)) ** (4 if fun == "cube" else 1)
    assert (np.abs(out[0] - g(exact)) < scale).all()
    assert (np.abs(slopes - slope(exact)) < scale).all()
    assert (np.abs(losses - contrast.offset - loss(exact)) < scale).all()
    assert (np.abs(contrast.slopes(y, out)[0] - slope(exact)) < scale).all()


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_constants_of_a_gaussian(fun):
    loss, g, slope = FUNCTIONS[fun]
    y, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    contrast = CONTRASTS[fun]
    gaussian = w @ loss(y)
    curve = (w * loss(y)) @ (y**2 - 1) / 2
    assert contrast.gaussian == pytest.approx(gaussian, rel=1e-6)
    assert contrast.loss_noise == pytest.approx(np.sqrt(w @ (loss(y) - gaussian - curve * (y**2 - 1)) ** 2), rel=1e-3)
    assert contrast.gradient_noise == pytest.approx(np.sqrt((w @ g(y) ** 2 - (w @ (y * g(y))) ** 2) / 2), rel=1e-3)
    excess = slope(y) - y * g(y)
    bent = (w * excess) @ (y**2 - 1) / 2
    assert contrast.excess_noise == pytest.approx(np.sqrt(w @ (excess - w @ excess - bent * (y**2 - 1)) ** 2), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 5000), k=st.integers(1, 40), fun=st.sampled_from(sorted(FUNCTIONS)), seed=st.integers(0, 99))
def test_expectations(n, k, fun, seed):
    z, rotation = white(n, k, seed)
    loss, g, slope = FUNCTIONS[fun]
    y = z.astype(np.float64) @ rotation.T
    with workers() as pool:
        found, more = (f(InMemory(z), rotation, CONTRASTS[fun], pool) for f in (moments, shape))
        one = single(InMemory(z), rotation[0], CONTRASTS[fun], pool)
    close = {"rtol": 1e-4, "atol": 2e-5}
    np.testing.assert_allclose(found.cross, g(y).T @ y / n, **close)
    np.testing.assert_allclose(found.slope, slope(y).mean(0), **close)
    np.testing.assert_allclose(found.loss, loss(y).mean(0), **close)
    np.testing.assert_allclose(more.curvature, slope(y).T @ y**2 / n, **close)
    np.testing.assert_allclose(more.third, (y**3).mean(0), **close)
    np.testing.assert_allclose(more.fourth, (y**4).mean(0), **close)
    np.testing.assert_allclose(one[0], g(y[:, 0]) @ z / n, **close)
    np.testing.assert_allclose(one[1:], [slope(y[:, 0]).mean(), loss(y[:, 0]).mean()], **close)


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_gradient_and_curvature_are_the_objectives(fun):
    z, rotation = white(4000, 5)
    contrast, loss = CONTRASTS[fun], FUNCTIONS[fun][0]
    with workers() as pool:
        found, more = moments(InMemory(z), rotation, contrast, pool), shape(InMemory(z), rotation, contrast, pool)
    y = z.astype(np.float64) @ rotation.T

    def objective(angle):
        turned = y.copy()
        turned[:, 1] = np.cos(angle) * y[:, 1] + np.sin(angle) * y[:, 3]
        turned[:, 3] = np.cos(angle) * y[:, 3] - np.sin(angle) * y[:, 1]
        return (found.signs * loss(turned).mean(0)).sum()

    from darkframe_fastica.optimum import pair_curvatures

    step = 1e-3
    first = (objective(step) - objective(-step)) / (2 * step)
    second = (objective(step) - 2 * objective(0) + objective(-step)) / step**2
    assert 2 * found.gradient(found.signs)[1, 3] == pytest.approx(first, rel=1e-2, abs=1e-4)
    assert pair_curvatures(found, more)[1, 3] == pytest.approx(second, rel=1e-2, abs=1e-3)


def test_disk_memory_and_threads_give_the_same_bits(tmp_path):
    z, rotation = white(30_011, 24)
    path = tmp_path / "z.f32"
    path.write_bytes(z.tobytes())
    results = []
    for data in (InMemory(z), OnDisk(path, *z.shape)):
        for threads in (1, 2, 5):
            with threadpool_limits(threads, "blas"), workers() as pool:
                for fun in FUNCTIONS:
                    found = moments(data, rotation, CONTRASTS[fun], pool)
                    results.append((fun, found.cross.tobytes(), found.slope.tobytes(), found.loss.tobytes()))
    assert len(set(results)) == len(FUNCTIONS)


def test_a_scratch_file_cut_short_is_said(tmp_path):
    z, rotation = white(2000, 8)
    path = tmp_path / "z.f32"
    path.write_bytes(z.tobytes()[:-8])
    with workers() as pool, pytest.raises(whitened.DataError, match="cut short"):
        moments(OnDisk(path, *z.shape), rotation, CONTRASTS["logcosh"], pool)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 10**7), k=st.integers(1, 3000))
def test_spans_cover_every_row_once(n, k):
    found = spans(n, k)
    assert found[0][0] == 0
    assert found[-1][1] == n
    assert all(a[1] == b[0] and a[0] < a[1] for a, b in zip(found, [*found[1:], (n, n)]))
    assert len(found) <= 64


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 100_000), share=st.floats(0.001, 1), seed=st.integers(0, 9))
def test_stratified_rows_are_distinct_and_spread(n, share, seed):
    count = max(1, int(n * share))
    rows = stratified(n, count, np.random.default_rng(seed))
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < n
    assert (np.abs(rows - np.arange(count) * n / count) <= n / count + 1).all()


def test_stage_sizes():
    assert stage_sizes(1_000_000, 100, None) == [8192, 40_637, 201_587]
    assert stage_sizes(32_000, 100, None) == []
    assert stage_sizes(1_000_000, 100, 0) == []
    assert stage_sizes(16_000, 10, 1000) == [1000, 4000]
    assert all(400 * size <= whitened.MEMORY_LIMIT for size in stage_sizes(10**8, 100, None))
    assert stage_sizes(10**8, 3000, None) == []
