"""Fuzzy ART by blocks, the code of the CUDA engine, on CPU tensors: the same labels as the definition and as the CPU engine."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzzy_reference import Problem, Reference, added_up, problem
from torch.utils._python_dispatch import TorchDispatchMode

from darkframe import ClusterContext, UserError
from darkframe.errors import OutOfMemoryError
from darkframe_fuzzyart import blockwise, blockwise_score, hierarchy
from darkframe_fuzzyart.blockwise import BlockwiseEngine
from darkframe_fuzzyart.blockwise_bound import Bound, rounded_up
from darkframe_fuzzyart.blockwise_resolve import learned
from darkframe_fuzzyart.blockwise_score import CHUNK
from darkframe_fuzzyart.blockwise_store import DeviceStore, HostStore
from darkframe_fuzzyart.cpu import CpuEngine
from darkframe_fuzzyart.engine import Categories, Rule, open_engine
from darkframe_fuzzyart.fuzzyart import FuzzyART
from darkframe_fuzzyart.plugin import FuzzyARTParams, SmartParams
from darkframe_fuzzyart.smart import Smart

CONTEXT = ClusterContext()


def engine_for(seed: int, n: int) -> BlockwiseEngine:
    rng = np.random.default_rng(1000 + seed)
    return BlockwiseEngine(
        "cpu",
        block=int(rng.integers(1, n + 1)),
        pairs=None if seed % 2 else int(rng.integers(1, 3000)),
        few=int(rng.choice([0, 0, 3, 64])),
        dtype=torch.float64 if seed % 4 == 0 else torch.float32,
    )


def levels(given: Problem, engine: BlockwiseEngine):
    rule, none = Rule(given.rho, given.alpha, given.beta), Categories.none(given.rows.shape[1])
    return engine.level(rule, none), CpuEngine(1).level(rule, none)


@pytest.mark.parametrize("seed", range(60))
def test_labels_and_categories_are_those_of_the_definition_and_of_the_cpu_engine(seed: int):
    given = problem(seed)
    reference = Reference(given)
    blocks, cpu = levels(given, engine_for(seed, len(given.rows)))
    expected = reference.learn()
    assert np.array_equal(blocks.learn(given.rows, given.parents), expected)
    assert np.array_equal(cpu.learn(given.rows, given.parents), expected)
    for engine in (blocks, cpu):
        kept = engine.categories()
        assert np.array_equal(kept.weights, np.array(reference.weights))
        assert kept.counts.tolist() == reference.counts
        assert kept.parents.tolist() == reference.parents


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_choices_matches_and_margins_are_those_of_the_definition(seed: int):
    given = problem(seed)
    reference = Reference(given)
    blocks, cpu = levels(given, engine_for(seed, len(given.rows)))
    reference.learn()
    labels = blocks.learn(given.rows, given.parents)
    cpu.learn(given.rows, given.parents)
    rng = np.random.default_rng(seed)
    rows = np.concatenate([given.rows[:15], rng.random((15, given.rows.shape[1]))])
    parents = None if given.parents is None else rng.choice(given.parents, len(rows))
    scores = [reference.scores(row, 0 if parents is None else parents[i]) for i, row in enumerate(rows)]
    best = [max(found, key=lambda score: (score[1], -score[0])) for found in scores]
    chosen, match = blocks.choose(rows, parents)
    assert chosen.tolist() == [j for j, _, _ in best] == cpu.choose(rows, parents)[0].tolist()
    assert match.tolist() == [m for _, _, m in best]
    assert np.array_equal(match >= given.rho, cpu.choose(rows, parents)[1] >= given.rho)
    for i, (own, row) in enumerate(zip(labels, given.rows)):
        found = reference.scores(row, 0 if given.parents is None else given.parents[i])
        mine = next(score for score in found if score[0] == own)
        other = max((t for j, t, _ in found if j != own), default=np.nan)
        match, margin = blocks.judge(
            given.rows[i : i + 1], None if given.parents is None else given.parents[i : i + 1], labels[i : i + 1]
        )
        assert match[0] == mine[2]
        np.testing.assert_equal(margin[0], mine[1] - other)


@pytest.mark.parametrize("seed", range(0, 60, 7))
def test_match_with_every_category_is_the_sequential_sum(seed: int):
    given = problem(seed)
    blocks, cpu = levels(given, engine_for(seed, len(given.rows)))
    blocks.learn(given.rows, given.parents)
    cpu.learn(given.rows, given.parents)
    match, d = blocks.match(given.rows), given.rows.shape[1]
    weights = blocks.categories().weights
    coded = np.concatenate([given.rows, 1 - given.rows], axis=1)
    expected = [[added_up(np.minimum(row, w)) / d for w in weights] for row in coded]
    assert match.tolist() == expected
    np.testing.assert_allclose(cpu.match(given.rows), match, rtol=1e-12)
    assert np.array_equal(cpu.match(given.rows) >= given.rho, match >= given.rho)


def test_pieces_blocks_and_engines_give_the_same_in_a_problem_of_many_categories():
    rng = np.random.default_rng(5)
    rows = np.clip(rng.random((90, 96))[rng.integers(0, 90, 700)] + 0.1 * rng.standard_normal((700, 96)), 0, 1)
    rule, none = Rule(0.8, 0.01, 1.0), Categories.none(96)
    expected = CpuEngine(2).level(rule, none).learn(rows, None)
    assert expected.max() > 150
    for block in (7, 128, 700):
        level = BlockwiseEngine("cpu", block=block).level(rule, none)
        pieces = [level.learn(np.ascontiguousarray(part), None) for part in np.array_split(rows, 3)]
        assert np.array_equal(np.concatenate(pieces), expected)
    half = CpuEngine(1).level(rule, none)
    first = half.learn(rows[:300], None)
    second = BlockwiseEngine("cpu").level(rule, half.categories()).learn(rows[300:], None)
    assert np.array_equal(np.concatenate([first, second]), expected)


@pytest.mark.parametrize("alpha", [5e-324, 1e-100, 1e-7, 1e300])
@pytest.mark.parametrize("rho", [0.0, 1e-300, 0.5, 1.0])
def test_extreme_terms_and_boxes_as_wide_as_the_whole_range(alpha: float, rho: float):
    rng = np.random.default_rng(6)
    rows = rng.choice([0.0, 5e-324, 1e-160, 0.5, 1 - 2**-53, 1.0], (70, 3))
    given = Problem(rows, rho, alpha, 0.1 if rho == 0.5 else 1.0, None)
    reference = Reference(given)
    expected = reference.learn()
    best = [max(reference.scores(row, 0), key=lambda score: (score[1], -score[0]))[0] for row in rows]
    for level in levels(given, BlockwiseEngine("cpu", few=0, block=16)):
        assert np.array_equal(level.learn(rows, None), expected)
        assert level.choose(rows, None)[0].tolist() == best
        assert np.isfinite(level.judge(rows, None, expected)[0]).all()


# The certificate


def _corners(low: np.ndarray, high: np.ndarray, dtype: torch.dtype):
    """Boxes and a host store that holds them."""
    weights = np.concatenate([low, 1 - high], axis=1)
    count = len(weights)
    host = HostStore(Categories(weights, np.ones(count, np.int64), np.zeros(count, np.int64)))
    device = DeviceStore(low.shape[1], torch.device("cpu"), dtype)
    device.update(host)
    return host, device


def _computed(rows: np.ndarray, host: HostStore, device: DeviceStore) -> np.ndarray:
    moved, groups = device.rows(rows), torch.zeros(len(rows), dtype=torch.int32)
    out = torch.empty((len(rows), host.size), dtype=device.dtype)
    limit = torch.full((host.size,), torch.inf, dtype=device.dtype)
    low, high = device.low[:, : host.size], device.high[:, : host.size]
    blockwise_score.deficits(moved, groups, low, high, limit, device.groups[: host.size], out, earlier=False)
    return out.double().numpy()


def _bound(dims: int, dtype: torch.dtype) -> Bound:
    return Bound.of(dims, CHUNK, torch.finfo(dtype).eps / 2)


values = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 0.1, 0.2, 0.3, 0.5, 1 / 3, 0.7, 1 - 2**-53, 2**-60, 5e-324, 0.5 + 2**-25, 0.5 + 2**-24]),
)
dtypes = st.sampled_from([torch.float32, torch.float64])


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 70), dtypes)
def test_the_bound_encloses_the_exact_deficit(data, dims, dtype):
    draw = st.lists(values, min_size=dims, max_size=dims)
    row, one, other = (np.array(data.draw(draw)) for _ in range(3))
    low, high = np.minimum(one, other), np.maximum(one, other)
    host, device = _corners(low[None], high[None], dtype)
    coded, w = np.concatenate([row, 1 - row]), host.weights[0]
    exact = float(sum(max(Fraction(a) - Fraction(b), Fraction(0)) for a, b in zip(w.tolist(), coded.tolist())))
    computed, bound = _computed(row[None], host, device)[0, 0], _bound(dims, dtype)
    assert computed / (1 + bound.relative) - bound.rounding - bound.slack <= exact
    assert exact <= computed * (1 + bound.relative) + bound.rounding + bound.slack


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 70), dtypes)
def test_a_category_that_passes_by_the_last_bit_is_never_filtered_out(data, dims, dtype):
    """The vigilance is the match itself, the most that the decision lets pass."""
    draw = st.lists(values, min_size=dims, max_size=dims)
    row, one, other = (np.array(data.draw(draw)) for _ in range(3))
    host, device = _corners(np.minimum(one, other)[None], np.maximum(one, other)[None], dtype)
    rho = added_up(np.minimum(np.concatenate([row, 1 - row]), host.weights[0])) / dims
    limit = rounded_up(_bound(dims, dtype).limit(host.norms, rho), str(dtype).removeprefix("torch."))
    assert _computed(row[None], host, device)[0, 0] <= limit[0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.1, 1 / 3, 0.5, 0.9, 1.0]), st.integers(1, 40), dtypes)
def test_what_the_filter_drops_fails_after_any_learning_too(seed, dims, beta, learnings, dtype):
    """Also where a row lies in the box: 0.1 w + 0.9 w alone rounds up for every sixth w."""
    rng = np.random.default_rng(seed)
    row, low = rng.random((2, dims))
    host, device = _corners(np.minimum(low, row)[None], row[None], dtype)
    before, later = host.weights[0], host.weights[0].copy()
    for _ in range(learnings):
        learned(np.concatenate([row, 1 - row]) if rng.random() < 0.9 else rng.random(2 * dims), later, beta)
    assert (later <= before).all()
    rho = added_up(np.minimum(np.concatenate([row, 1 - row]), later)) / dims
    limit = rounded_up(_bound(dims, dtype).limit(host.norms, rho), str(dtype).removeprefix("torch."))
    assert _computed(row[None], host, device)[0, 0] <= limit[0]


def test_the_filter_drops_what_misses_vigilance_by_a_ten_thousandth():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 200, 512))
    rows = rng.random((50, 512))
    host, device = _corners(np.minimum(one, other), np.maximum(one, other), torch.float32)
    computed, coded = _computed(rows, host, device), np.concatenate([rows, 1 - rows], axis=1)
    match = np.minimum(coded[:, None], host.weights[None]).sum(axis=2) / 512
    for rho in (0.49, 0.5, 0.51):
        assert 0.02 < np.mean(match >= rho) < 0.98
        passing = computed <= _bound(512, torch.float32).limit(host.norms, rho)
        assert passing[match >= rho].all()
        assert not passing[match < rho - 1e-4].any()


def test_few_candidates_are_left_to_decide(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(1)
    rows = rng.random((400, 200))
    left = []
    listed = blockwise._listed
    monkeypatch.setattr(blockwise, "_listed", lambda mask: left.append((mask.numel(), int(mask.sum()))) or listed(mask))
    level = BlockwiseEngine("cpu", few=0, block=100).level(Rule(0.75, 0.01, 1.0), Categories.none(200))
    level.learn(rows, None)
    assert level.size > 300
    pairs, candidates = np.sum(left, axis=0)
    assert candidates < pairs / 100


# Memory


class Largest(TorchDispatchMode):
    """Counts the elements of the largest tensor that anything gives."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.untyped_storage().nbytes() // result.element_size())
        return result


def test_rows_times_categories_times_dimensions_never_exist(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blockwise_score, "SCRATCH", 2**18)
    rng = np.random.default_rng(2)
    n, d, pairs = 600, 256, 20_000
    level = BlockwiseEngine("cpu", few=0, pairs=pairs).level(Rule(0.9, 0.01, 1.0), Categories.none(d))
    rows = rng.random((n, d))
    with Largest() as largest:
        labels = level.learn(rows, None)
        level.judge(rows, None, labels)
    assert level.size > 500
    assert largest.elements <= 2 * n * d  # the boxes themselves, with room to grow
    assert largest.elements < pairs * d / 10


class Full:
    """``deficits`` on a device whose memory runs out a few times."""

    def __init__(self, times: int) -> None:
        self.times, self.real, self.rows = times, blockwise_score.deficits, []

    def __call__(self, rows, *rest, **more):
        self.rows.append(rows.shape[1])
        if self.times > 0:
            self.times -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.real(rows, *rest, **more)


def test_memory_that_runs_out_is_met_with_smaller_blocks_and_the_same_labels(monkeypatch: pytest.MonkeyPatch):
    rows = np.random.default_rng(3).random((300, 20))
    rule, none = Rule(0.8, 0.01, 1.0), Categories.none(20)
    expected = CpuEngine(1).level(rule, none).learn(rows, None)
    full = Full(2)
    monkeypatch.setattr(blockwise_score, "deficits", full)
    level = BlockwiseEngine("cpu", few=0).level(rule, none)
    assert np.array_equal(level.learn(rows, None), expected)
    assert full.rows[0] == 299  # the first row makes the first category
    assert max(full.rows[2:]) < 75


def test_memory_that_has_run_out_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blockwise_score, "deficits", Full(10**9))
    level = BlockwiseEngine("cpu", few=0).level(Rule(0.8, 0.01, 1.0), Categories.none(20))
    with pytest.raises(
        OutOfMemoryError, match=r"^The GPU's memory ran out while rows were compared, 1 at a time, with 1 categories"
    ) as raised:
        level.learn(np.random.default_rng(3).random((300, 20)), None)
    assert "engine=cpu" in (raised.value.hint or "")


# The clusterers over it


@pytest.fixture
def on_blocks(monkeypatch: pytest.MonkeyPatch):
    """Clusterers whose engine, where it is to be ``cuda``, is the same code on CPU tensors."""
    real = open_engine

    def open_blocks(name: str, threads: int | None, device: str):
        return BlockwiseEngine("cpu", block=50, few=10) if name == "cuda" else real(name, threads, device)

    monkeypatch.setattr(hierarchy, "open_engine", open_blocks)


@pytest.mark.parametrize("clusterer", ["flat", "smart"])
def test_clusterers_give_the_same_on_either_engine(on_blocks: None, clusterer: str):
    rng = np.random.default_rng(4)
    vectors = (rng.standard_normal((12, 24))[rng.integers(0, 12, 300)] + 0.3 * rng.standard_normal((300, 24))).astype(np.float32)

    def fitted(engine: str):
        model = FuzzyART(FuzzyARTParams(engine=engine)) if clusterer == "flat" else Smart(SmartParams(engine=engine))
        first = model.fit(vectors, CONTEXT)
        return model, first, model.partial_fit(vectors[:50] * 0.9, CONTEXT)

    (cpu, *on_cpu), (cuda, *on_cuda) = fitted("cpu"), fitted("cuda")
    assert on_cpu[0].clusters[-1] > 30
    for one, other in zip(on_cpu, on_cuda):
        assert np.array_equal(one.labels, other.labels)
        assert one.clusters == other.clusters
        for a, b in zip(one.parents + one.width, other.parents + other.width):
            assert np.array_equal(a, b)
        np.testing.assert_allclose(one.match, other.match, rtol=1e-12)
        np.testing.assert_allclose(one.margin, other.margin, rtol=1e-9, atol=1e-14)
    fresh = vectors[:80] + 0.5
    for one, other in zip(cpu.predict(fresh).labels, cuda.predict(fresh).labels):
        assert np.array_equal(one, other)
    assert np.array_equal(cpu.predict(fresh).passed, cuda.predict(fresh).passed)


def test_values_far_beyond_the_bounds_are_clipped_where_a_dimension_is_constant():
    vectors = np.random.default_rng(7).standard_normal((40, 4))
    vectors[:, :2] = [-1e308, 1e308]
    for clusterer in (FuzzyART(FuzzyARTParams()), Smart(SmartParams())):
        clusterer.fit(vectors, CONTEXT)
        far = clusterer.predict(np.array([[1.7e308, -1.7e308, 1.7e308, 1.7e308], [-1e308, 1e308, 5, 5]]))
        assert np.array_equal(far.labels[:, 0], far.labels[:, 1])
        assert np.array_equal(far.match[:, 0], far.match[:, 1])
        assert np.isfinite(far.match).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device on this machine")
def test_cuda_without_a_gpu_is_one_sentence():
    vectors = np.random.default_rng(0).random((10, 3))
    for model in (FuzzyART(FuzzyARTParams(engine="cuda")), Smart(SmartParams(engine="cuda"))):
        with pytest.raises(
            UserError, match=r"^The engine 'cuda' was asked for, but PyTorch finds no CUDA device here\."
        ) as raised:
            model.fit(vectors, CONTEXT)
        assert "engine=cpu" in (raised.value.hint or "")


def test_the_cpu_engine_needs_no_torch():
    code = (
        "import sys, numpy as np, darkframe\n"
        "from darkframe_fuzzyart.fuzzyart import FuzzyART\n"
        "from darkframe_fuzzyart.plugin import FuzzyARTParams\n"
        "FuzzyART(FuzzyARTParams()).fit(np.random.default_rng(0).random((20, 3)), darkframe.ClusterContext())\n"
        "assert 'torch' not in sys.modules and 'triton' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
