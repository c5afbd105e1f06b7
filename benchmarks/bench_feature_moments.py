"""Feature moments: one sparse pass against the notebook's two dense ones, on the same rows and the same SAE, in CPU time.

A SAELens SAE of 24,576 ReLU features over 768 dimensions, about 61 active on a token. The notebook encodes twice, turns every
dense chunk into float64 and raises all of it to powers; darkframe encodes once and touches the non-zeros. Both must agree. The
notebook's chunks are its own 50,000 rows, or as many as half of the memory holds: much of its time goes into fresh pages.

    python -m benchmarks.bench_feature_moments [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from benchmarks.measure import available
from darkframe.lm.sae import SaeDictionary
from darkframe.numerics.features import FeatureAccumulator, FeatureStatistics

D, F, L0 = 768, 24_576, 61
CHUNK, PER_ROW = 50_000, 20 * F  # the notebook's chunk, and the bytes a row of it takes: at peak 19 GiB and more
BATCH = 4096  # tokens of a batch in collection
GOAL = 6.0
T = TypeVar("T")


def random_sae() -> Any:
    """A StandardSAE whose features each fire on about 61 in 24,576 standard normal rows."""
    from sae_lens.saes.sae import SAEMetadata
    from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig

    sae = StandardSAE(StandardSAEConfig(d_in=D, d_sae=F, metadata=SAEMetadata(model_name="random", hook_name="none")))
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn((F, D), generator=generator)
    directions /= directions.norm(dim=1, keepdim=True)
    threshold = torch.special.ndtri(torch.tensor(1 - L0 / F, dtype=torch.float64)).float()
    sae.W_dec.data, sae.W_enc.data = directions, directions.T.contiguous()
    sae.b_enc.data, sae.b_dec.data = (-threshold).expand(F).contiguous(), torch.zeros(D)
    return sae.eval().requires_grad_(False)


def notebook(sae: Any, x: torch.Tensor, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The notebook's cell: raw sums over dense float64 chunks, and a second pass for the third power."""
    fires = np.zeros(F, np.int64)
    s1, s2, s3, s4 = np.zeros((4, F))
    for chunk in torch.split(x, size):
        acts = sae.encode(chunk).cpu().numpy().astype(np.float64)
        fires += (acts > 0).sum(axis=0)
        s1 += acts.sum(axis=0)
        s2 += (acts**2).sum(axis=0)
        s4 += (acts**4).sum(axis=0)
    for chunk in torch.split(x, size):
        acts = sae.encode(chunk).cpu().numpy().astype(np.float64)
        s3 += (acts**3).sum(axis=0)
    n = len(x)
    mean = s1 / n
    variance = s2 / n - mean**2
    fourth = s4 / n - 4 * mean * s3 / n + 6 * mean**2 * s2 / n - 3 * mean**4
    with np.errstate(invalid="ignore", divide="ignore"):
        return fires, fourth / variance**2 - 3


def one_pass(dictionary: SaeDictionary, x: torch.Tensor) -> FeatureStatistics:
    """What collection does with a batch's codes."""
    accumulator = FeatureAccumulator(F)
    for batch in torch.split(x, BATCH):
        codes = dictionary.encode(batch)
        accumulator.update(codes.offsets.numpy(), codes.indices.numpy(), codes.values.numpy())
    return accumulator.statistics([len(x)])


def cpu_seconds(work: Callable[[], T]) -> tuple[float, T]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="2 rounds of 4,096 rows instead of 3 of one of the notebook's chunks"
    )
    options = parser.parse_args(argv)
    fitting = available() // 2 // PER_ROW // BATCH * BATCH  # half of the memory there is
    rounds, rows = (2, min(BATCH, fitting)) if options.quick else (3, min(CHUNK, fitting))
    torch.set_num_threads(1)
    sae = random_sae()
    dictionary = SaeDictionary(sae)
    x = torch.randn((rows, D), generator=torch.Generator().manual_seed(1))
    one_pass(dictionary, x[:512])  # compiles
    notebook(sae, x[:512], 512)
    product, ours, theirs = [], [], []
    for _ in range(rounds):  # taken in turn, so that a busy machine slows all of them
        product.append(cpu_seconds(lambda: [chunk @ sae.W_enc for chunk in torch.split(x, 256)])[0])
        seconds, statistics = cpu_seconds(lambda: one_pass(dictionary, x))
        ours.append(seconds)
        seconds, (fires, kurtosis) = cpu_seconds(lambda: notebook(sae, x, rows))
        theirs.append(seconds)
    np.testing.assert_array_equal(statistics.fire_count, fires)
    np.testing.assert_allclose(statistics.kurtosis, kurtosis, rtol=1e-6, atol=1e-6)
    print(
        f"Feature moments: {rows:,} rows x {D}, {F:,} features, L0 {fires.sum() / rows:.1f}, one thread, CPU ms a token by round"
    )
    for name, seconds in (
        ("notebook, two dense passes", theirs),
        ("darkframe, one sparse pass", ours),
        ("x W_enc alone", product),
    ):
        print(f"  {name:27}", "  ".join(f"{value * 1e3 / rows:6.3f}" for value in seconds))
    print(f"  ratio {sum(theirs) / sum(ours):.1f} over all rounds (goal >= {GOAL:.0f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
