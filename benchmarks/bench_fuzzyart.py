"""Fuzzy ART and SMART: the original's way, artlib's C++ and darkframe's on the same rows, labels the same; and the full size.

The original's way is its torch module: one row at a time against all categories, on the CPU (here in float64, which its labels
need, with |w| kept rather than summed anew). darkframe's side is one whole fit: from float32 rows to labels, match and margin of
every row, bounds and scaling included; the others' is scaling and learning only. Everything on one thread, compiled beforehand.

    python -m benchmarks.bench_fuzzyart [--quick]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import GIB, cpu, peak, run_side
from benchmarks.planted import decoder_rows
from darkframe.progress import QuietProgress

LEVELS = (0.2, 0.5, 0.8)
ALPHA = 0.01
NAMES = {"ours": "darkframe", "torch": "the original's way, torch", "cpp": "artlib 0.1.12, C++"}
FULL = (65_536, 1024)


class Stopwatch(QuietProgress):
    """Notes when the labels are there: when the fit turns to match and margin."""

    def __init__(self) -> None:
        self.tasks: list[float] = []

    def task(self, label, total, unit):
        self.tasks.append(cpu())
        return super().task(label, total, unit)


def ours(rows: np.ndarray, rho: tuple[float, ...]) -> tuple[np.ndarray, dict]:
    from darkframe import ClusterContext
    from darkframe_fuzzyart.fuzzyart import FuzzyART
    from darkframe_fuzzyart.plugin import FuzzyARTParams, SmartParams
    from darkframe_fuzzyart.smart import Smart

    def model():
        if len(rho) > 1:
            return Smart(SmartParams(rho=rho, alpha=ALPHA, threads=1))
        return FuzzyART(FuzzyARTParams(rho=rho[0], alpha=ALPHA, threads=1))

    model().fit(rows[:300], ClusterContext())  # compiles, as the next line does what many categories need
    FuzzyART(FuzzyARTParams(rho=0.95, threads=1)).fit(rows[:1100], ClusterContext())
    watch, start = Stopwatch(), cpu()
    clustering = model().fit(rows, ClusterContext(progress=watch))
    return clustering.labels, {"cpu": watch.tasks[-1] - start, "whole": cpu() - start}


def _prepared(rows: np.ndarray) -> np.ndarray:
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    scaled = (rows - low) / (high - low)
    return np.hstack([scaled, 1 - scaled])


def cpp(rows: np.ndarray, rho: tuple[float, ...]) -> tuple[np.ndarray, dict]:
    from artlib.optimized.backends.cpp.FuzzyART import FuzzyART

    start = cpu()
    model = FuzzyART(rho=rho[0], alpha=ALPHA, beta=1.0)
    model.fit(_prepared(rows))
    return model.labels_[None], {"cpu": cpu() - start}


def torch_way(rows: np.ndarray, rho: tuple[float, ...]) -> tuple[np.ndarray, dict]:
    import torch

    torch.set_num_threads(1)
    start = cpu()
    coded = torch.from_numpy(_prepared(rows))
    labels = np.zeros((len(rho), len(rows)), np.int64)
    for level, vigilance in enumerate(rho):
        above = torch.from_numpy(labels[level - 1]) if level else None
        labels[level] = _learn(torch, coded, above, vigilance)
    return labels, {"cpu": cpu() - start}


def _learn(torch, coded, above, rho: float) -> np.ndarray:
    """One level: each row against all categories, those of another parent masked out."""
    n, width = coded.shape
    weights, norms, parents = torch.empty(n, width, dtype=torch.float64), torch.empty(n, dtype=torch.float64), torch.zeros(n)
    labels, size = np.empty(n, np.int64), 0
    for i in range(n):
        shared = torch.minimum(coded[i], weights[:size]).sum(dim=1)
        passes = shared / (width // 2) >= rho
        if above is not None:
            passes &= parents[:size] == above[i]
        choice = torch.where(passes, shared / (ALPHA + norms[:size]), -1.0)
        winner = int(choice.argmax()) if size else 0
        if size and bool(passes[winner]):
            weights[winner] = torch.minimum(coded[i], weights[winner])
        else:
            winner, size = size, size + 1
            weights[winner] = coded[i]
            if above is not None:
                parents[winner] = above[i]
        norms[winner] = weights[winner].sum()
        labels[i] = winner
    return labels


SIDES = {"ours": ours, "cpp": cpp, "torch": torch_way}


def side(name: str, folder: Path, n: int, rho: tuple[float, ...], keep: bool) -> None:
    whole = np.load(folder / "rows.npy", mmap_mode="r")
    rows = np.array(whole[:n])
    del whole
    labels, result = SIDES[name](rows, rho)
    if keep:
        np.save(folder / f"{name}.npy", labels)
    clusters = [int(level.max()) + 1 for level in labels]
    print(json.dumps(result | {"peak": peak(), "clusters": clusters}))


def measure(name: str, folder: Path, n: int, rho: tuple[float, ...]) -> dict:
    return run_side("bench_fuzzyart", name, "--folder", folder, "--rows", n, "--rho", *rho)


def compare(n: int, d: int, rho: tuple[float, ...], goals: dict[str, float]) -> None:
    """All sides on the same rows; the labels must be the same."""
    told = "/".join(map(str, rho))
    print(f"{'SMART' if len(rho) > 1 else 'Fuzzy ART'} {told}: {n:,} x {d}, CPU seconds, one thread")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", decoder_rows(n, d))
        results = {key: measure(key, folder, n, rho) for key in ("ours", *goals)}
        labels = {key: np.load(folder / f"{key}.npy") for key in results}
    for key, r in results.items():
        assert np.array_equal(labels[key], labels["ours"]), f"{NAMES[key]}: other labels"
        ratio = r["cpu"] / results["ours"]["cpu"]
        more = f"  ({r['whole']:.3f} s with match and margin)" if key == "ours" else ""
        goal = f"  {ratio:6.1f} times darkframe's (goal >= {goals[key]:g})" if goals.get(key) else ""
        print(f"  {NAMES[key]:26s} {r['cpu']:8.3f} s  peak {r['peak'] / GIB:4.2f} GiB  clusters {r['clusters']}{more}{goal}")
    print("  all labels are the same")


def growth(sizes: list[int], d: int, goals: dict[tuple[float, ...], float]) -> None:
    """Seconds, clusters and peak memory from small to full size."""
    print(f"Growth with n at {d} dimensions: CPU seconds to the labels and of the whole fit (clusters of the last level)")
    print(f"  {'rho':12s}" + "".join(f"{n:>24,}" for n in sizes))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", decoder_rows(sizes[-1], d))
        for rho, goal in goals.items():
            results = [measure("ours", folder, n, rho) for n in sizes]
            cells = "".join(f"{r['cpu']:7.2f} {r['whole']:7.2f} ({r['clusters'][-1]:6d})" for r in results)
            told = f" (goal <= {goal:g} s and 1.6 GiB)" if goal and sizes[-1] == FULL[0] else ""
            print(f"  {'/'.join(map(str, rho)):12s}{cells}  peak {results[-1]['peak'] / GIB:.2f} GiB{told}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 x 64, up to 2,000 rows")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rho", type=float, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side(options.side, options.folder, options.rows, tuple(options.rho), options.rows <= 10_000)
        return 0
    small, wide, dims = (500, 64, 64) if options.quick else (4000, 1024, 512)
    compare(small, wide, (0.8,), {"torch": 0 if options.quick else 25, "cpp": 0 if options.quick else 150})
    compare(small, wide, (0.2,), {"torch": 0, "cpp": 0 if options.quick else 5})
    compare(small, dims, LEVELS, {"torch": 0 if options.quick else 25})
    sizes = [500, 2000] if options.quick else [4096, 16_384, FULL[0]]
    goals = {(0.2,): 1.0, (0.5,): 0.0, (0.8,): 30.0, (0.9,): 0.0, LEVELS: 6.0}
    growth(sizes, wide if options.quick else FULL[1], goals)
    print("  0.9 is the worst case: nearly every row is a category of its own, and each is compared with all others")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
