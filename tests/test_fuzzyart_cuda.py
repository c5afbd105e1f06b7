"""Fuzzy ART on a real GPU, and its Triton kernels where Triton is installed (docs/fuzzy-art.md: how to have it without a GPU)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.fuzzy_reference import Reference, problem

from darkframe import ClusterContext
from darkframe_fuzzyart import blockwise_score
from darkframe_fuzzyart.cpu import CpuEngine
from darkframe_fuzzyart.cuda import CudaEngine
from darkframe_fuzzyart.engine import Categories, Rule
from darkframe_fuzzyart.fuzzyart import FuzzyART
from darkframe_fuzzyart.plugin import FuzzyARTParams, SmartParams
from darkframe_fuzzyart.smart import Smart

TRITON = importlib.util.find_spec("triton") is not None

gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine: the CUDA engine is not tried on one"
)
triton = pytest.mark.skipif(
    not TRITON, reason="Triton is not installed here (CUDA builds of PyTorch bring it): its kernels are not run"
)


@gpu
@pytest.mark.parametrize("seed", range(60))
def test_labels_on_the_gpu_are_those_of_the_definition(seed: int):
    given = problem(seed)
    rng = np.random.default_rng(1000 + seed)
    engine = CudaEngine()
    engine.few, engine.block = int(rng.choice([0, 0, 3, 64])), int(rng.integers(1, len(given.rows) + 1))
    rule, none = Rule(given.rho, given.alpha, given.beta), Categories.none(given.rows.shape[1])
    level, cpu, reference = engine.level(rule, none), CpuEngine(1).level(rule, none), Reference(given)
    labels = level.learn(given.rows, given.parents)
    assert np.array_equal(labels, reference.learn())
    assert np.array_equal(level.categories().weights, np.array(reference.weights))
    cpu.learn(given.rows, given.parents)
    assert np.array_equal(level.choose(given.rows, given.parents)[0], cpu.choose(given.rows, given.parents)[0])
    np.testing.assert_allclose(level.match(given.rows), cpu.match(given.rows), rtol=1e-12)
    for one, other in zip(level.judge(given.rows, given.parents, labels), cpu.judge(given.rows, given.parents, labels)):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@gpu
@pytest.mark.parametrize("rho", [0.2, 0.6, 0.8, 0.9])
def test_labels_on_the_gpu_are_those_of_the_cpu_engine_in_a_larger_problem(rho: float):
    rng = np.random.default_rng(0)
    rows = np.clip(rng.random((400, 256))[rng.integers(0, 400, 5000)] + 0.1 * rng.standard_normal((5000, 256)), 0, 1)
    rule, none = Rule(rho, 0.01, 1.0), Categories.none(256)
    assert np.array_equal(CudaEngine().level(rule, none).learn(rows, None), CpuEngine(None).level(rule, none).learn(rows, None))


@gpu
@pytest.mark.parametrize("clusterer", ["flat", "smart"])
def test_clusterers_give_the_same_on_the_gpu(clusterer: str):
    vectors = np.random.default_rng(1).standard_normal((3000, 64)).astype(np.float32)

    def fitted(engine: str):
        model = FuzzyART(FuzzyARTParams(engine=engine)) if clusterer == "flat" else Smart(SmartParams(engine=engine))
        return model, model.fit(vectors, ClusterContext(device="cuda:0"))

    (cpu, on_cpu), (cuda, on_cuda) = fitted("cpu"), fitted("auto")
    assert on_cuda.diagnostics.details["engine"].startswith("cuda:0")
    assert np.array_equal(on_cpu.labels, on_cuda.labels)
    assert np.array_equal(cpu.predict(vectors * 1.1).labels, cuda.predict(vectors * 1.1).labels)
    np.testing.assert_allclose(on_cpu.margin, on_cuda.margin, rtol=1e-9, atol=1e-12)


@gpu
@triton
def test_the_kernel_is_used_on_the_gpu_and_gives_the_sums_of_plain_pytorch():
    assert CudaEngine().name == "cuda:0"
    kernel = blockwise_score.fused("cuda:0")
    rows, one, other = torch.rand((3, 512, 300), device="cuda")
    groups, limit = torch.zeros(300, dtype=torch.int32, device="cuda"), torch.full((300,), torch.inf, device="cuda")
    fused, plain = torch.empty((2, 300, 300), device="cuda")
    for out, by in ((fused, kernel), (plain, None)):
        low, high = torch.minimum(one, other), torch.maximum(one, other)
        blockwise_score.deficits(rows, groups, low, high, limit, groups, out, earlier=False, kernel=by)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-5)


@triton
@pytest.mark.parametrize("what", ["interpret", "compile"])
def test_the_triton_kernels_where_there_is_no_gpu(what: str, tmp_path: Path):
    """Interpreted on CPU tensors they give what the definition gives; and they compile for GPUs of several kinds."""
    tests = Path(__file__).parent
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(tests), *sys.path])}
    environment |= {"TRITON_INTERPRET": "1" if what == "interpret" else "0"}
    program = [sys.executable, str(tests / "support" / "triton_kernels.py"), what]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
