"""Runs or compiles the Triton kernels where there is no GPU; a program of its own, since Triton decides at import which it does.

``interpret``, with TRITON_INTERPRET=1: the kernels run on CPU tensors. ``compile``: they are compiled for GPUs of some kinds.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np
import torch
from support.fuzzy_reference import Reference, problem

from darkframe_fuzzyart import blockwise_score, cuda_kernel
from darkframe_fuzzyart.blockwise import BlockwiseEngine
from darkframe_fuzzyart.engine import Categories, Rule


def interpret() -> None:
    """Both kernels against plain PyTorch, and whole fits with them against the definition."""
    generator = torch.Generator().manual_seed(0)
    for n, count, depth, earlier in [(5, 3, 32, False), (70, 130, 64, False), (130, 130, 96, True), (64, 1, 32, False)]:
        rows = torch.rand((depth, n), generator=generator)
        one, other = torch.rand((2, depth, count), generator=generator)
        low, high = (rows, rows) if earlier else (torch.minimum(one, other), torch.maximum(one, other))
        groups, box_groups = (torch.randint(3, (size,), generator=generator, dtype=torch.int32) for size in (n, count))
        if earlier:
            box_groups = groups
        for limit in (torch.full((count,), torch.inf), torch.full((count,), depth * 0.2), torch.full((count,), 0.5)):
            compare(rows, groups, low, high, limit, box_groups, earlier)
        weights, coded = torch.rand((2 * depth, count), generator=generator).double(), torch.cat([rows, 1 - rows]).double()
        assert torch.equal(blockwise_score.overlaps(coded, weights, kernel=cuda_kernel), blockwise_score.overlaps(coded, weights))
    for seed in range(4):
        fit(seed)


def compare(rows, groups, low, high, limit, box_groups, earlier: bool) -> None:
    """The kernel against plain PyTorch: the same within the limits, beyond them wherever that is, infinite at the same pairs."""
    fused, plain = (torch.full((rows.shape[1], low.shape[1]), -1.0) for _ in range(2))
    blockwise_score.deficits(rows, groups, low, high, limit, box_groups, fused, earlier=earlier, kernel=cuda_kernel)
    blockwise_score.deficits(rows, groups, low, high, torch.full_like(limit, torch.inf), box_groups, plain, earlier=earlier)
    assert torch.equal(torch.isinf(fused), torch.isinf(plain))
    within = plain <= limit * (1 - 1e-5)
    torch.testing.assert_close(fused[within], plain[within], rtol=1e-5, atol=1e-6)
    assert (fused[plain > limit * (1 + 1e-5)] > limit.expand_as(fused)[plain > limit * (1 + 1e-5)]).all()


def fit(seed: int) -> None:
    """A whole problem, with the kernel as its filter."""
    given = problem(seed)
    engine = BlockwiseEngine("cpu", few=0)
    engine.kernel = cuda_kernel
    level = engine.level(Rule(given.rho, given.alpha, given.beta), Categories.none(given.rows.shape[1]))
    reference = Reference(given)
    labels = level.learn(given.rows, given.parents)
    assert np.array_equal(labels, reference.learn())
    for i, (own, row) in enumerate(zip(labels, given.rows)):
        parent = 0 if given.parents is None else given.parents[i]
        best = max(reference.scores(row, parent), key=lambda score: (score[1], -score[0]))
        parents = None if given.parents is None else given.parents[i : i + 1]
        chosen, match = level.choose(given.rows[i : i + 1], parents)
        assert (chosen[0], match[0]) == (best[0], best[2])
        assert level.match(given.rows[i : i + 1])[0, own] == next(m for j, _, m in reference.scores(row, parent) if j == own)
        if i == 12:
            break


def compile_() -> None:
    """Machine code for three kinds of GPU; no multiplication is fused with an addition anywhere."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = {"TILE": cuda_kernel.TILE, "CHUNK": cuda_kernel.CHUNK, "UNROLLED": cuda_kernel.UNROLLED}
    for capability, kernel in itertools.product((75, 80, 90), (cuda_kernel.deficits_kernel, cuda_kernel.overlaps_kernel)):
        doubles = kernel is cuda_kernel.overlaps_kernel
        given = {"TILE": cuda_kernel.TILE // 2} if doubles else {**constants, "EARLIER": True}
        signature = {name: "constexpr" if name in given else _type(name, doubles) for name in kernel.arg_names}
        made = triton.compile(
            ASTSource(kernel, signature, given),
            target=GPUTarget("cuda", capability, 32),
            options={"num_warps": cuda_kernel.WARPS},
        )
        assert len(made.asm["cubin"]) > 1000
        assert "fma.rn" not in made.asm["ptx"]


def _type(name: str, doubles: bool) -> str:
    if not name.endswith("_at"):
        return "i32"
    return "*fp64" if doubles else "*i32" if "groups" in name else "*fp32"


if __name__ == "__main__":
    {"interpret": interpret, "compile": compile_}[sys.argv[1]]()
