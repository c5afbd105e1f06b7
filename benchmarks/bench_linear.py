"""The linear half of the study on the same rows: the notebook's own cells against darkframe's streamed steps.

Moments, PCA, whitening, ICA with three seeds, projection with top 20 and kurtosis, and the explained share. The notebook's side
is its code (cells 4, 5, 6, 8 and 9) on the rows loaded as an array; darkframe reads them from the file.

    python -m benchmarks.bench_linear [--quick] [--rows N …]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import GIB, Clock, available, peak, run_side
from benchmarks.planted import DIMENSIONS, SOURCES, FileRows, write_rows

GOAL, TOP, SEEDS = 6.0, 20, (42, 123, 999)


def notebook(path: Path, n: int, d: int, k: int, clock: Clock) -> dict:
    from scipy.stats import kurtosis
    from sklearn.decomposition import PCA, FastICA

    residuals = np.fromfile(path, np.float32).reshape(n, d)

    def moments():
        return np.var(residuals, axis=0).sum(), kurtosis(residuals, axis=0)

    def ica(seed):
        return FastICA(n_components=k, algorithm="parallel", whiten=False, max_iter=1000, tol=1e-4, random_state=seed)

    def first(white):
        model = ica(42)
        return model, model.fit_transform(white)

    def seeds(white):
        dirs = [ica(seed).fit(white).mixing_.T @ pca.components_ for seed in SEEDS]
        return [each / np.linalg.norm(each, axis=1, keepdims=True) for each in dirs]

    def project(directions):
        activations = residuals @ directions.T
        top = [np.argsort(np.abs(activations[:, c]))[-TOP:][::-1] for c in range(k)]
        return top, kurtosis(activations, axis=0)

    def reconstruct(model, sources):
        reconstruction = sources @ model.mixing_.T @ pca.components_
        return 1 - np.var(residuals - reconstruction, axis=0).sum() / variance

    variance, _ = clock("moments", moments)
    clock("pca", lambda: PCA(n_components=k).fit(residuals))
    pca = PCA(n_components=k, whiten=True, random_state=42)
    white = clock("whiten", pca.fit_transform, residuals)
    model, sources = clock("first fit", first, white)
    clock("three seeds", seeds, white)
    directions = model.mixing_.T @ pca.components_
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    clock("project, top 20", project, directions)
    share = clock("reconstruction", reconstruct, model, sources)
    right = model.mixing_.T @ (np.sqrt(pca.explained_variance_)[:, None] * pca.components_)
    return {"share": float(share), "patterns": directions, "right": right}


def darkframe(path: Path, n: int, d: int, k: int, clock: Clock) -> dict:
    from darkframe.interfaces import FitContext
    from darkframe.numerics.moments import MomentAccumulator
    from darkframe.numerics.rows import ArrayRows, mean_and_covariance
    from darkframe.numerics.topk import TopK
    from darkframe.numerics.whitening import principal_components
    from darkframe_fastica.fastica import FastICA

    rows, accumulator = FileRows(path, n, d), MomentAccumulator(d)
    warm = ArrayRows(next(rows.blocks())[:2000].copy())
    FastICA().fit(warm, FitContext(n_components=5))  # compiles
    MomentAccumulator(d).update(warm.sample(10, 0))

    def one_pass():
        def seen():
            for block in rows.blocks():
                accumulator.update(block)
                yield block

        _, rows.mean, rows.covariance = mean_and_covariance(seen(), d)
        return accumulator.result()

    def fits():
        return [FastICA().fit(rows, FitContext(seed=s, n_components=k, scratch=path.parent)) for s in SEEDS]

    def project(found):
        top, kurtosis, at = TopK(k, TOP), MomentAccumulator(k), 0
        for block in rows.blocks():
            sources = found.transform(block)
            top.update(sources, np.arange(at, at + len(block)))
            kurtosis.update(sources)
            at += len(block)
        return [top.result(c) for c in range(k)], kurtosis.result().kurtosis

    clock("moments, covariance", one_pass)
    clock("pca", lambda: np.cumsum(principal_components(rows.covariance)[0]))
    found = clock("whiten, three seeds", fits)
    clock("project, top 20", project, found[0])
    assert all(f.diagnostics.converged for f in found)
    return {"share": found[0].explained_total, "patterns": found[0].directions, "right": found[0].patterns}


def side(name: str, path: Path, n: int, d: int, k: int) -> None:
    clock = Clock()
    result = (notebook if name == "notebook" else darkframe)(path, n, d, k, clock)
    truth = np.load(path.with_suffix(".npy"))

    def worst(patterns):
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (patterns, truth)]
        return float(np.abs(unit[0] @ unit[1].T).max(axis=0).min())

    facts = {"share": result["share"], "worst": worst(result["patterns"]), "right": worst(result["right"])}
    print(json.dumps(facts | {"steps": clock.steps, "peak": peak()}))


def compare(n: int, d: int, k: int) -> None:
    print(f"The linear half: {n:,} rows x {d} ({n * d * 4 / GIB:.2f} GiB), {k} components, CPU seconds of all threads")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.f32"
        np.save(path.with_suffix(".npy"), write_rows(path, n, d, k))
        totals = {}
        for key in ("notebook", "darkframe"):
            if key == "notebook" and available() < 21 * n * d:
                print(
                    f"  notebook   left out: needs about {21 * n * d / GIB:.0f} GiB of memory, {available() / GIB:.0f} can be had"
                )
                continue
            r = run_side("bench_linear", key, "--path", path, "--rows", n, "--shape", d, k)
            totals[key] = sum(r["steps"].values()), r["peak"]
            steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in r["steps"].items())
            print(f"  {key:10s} cpu {totals[key][0]:7.1f}  peak {r['peak'] / GIB:5.2f} GiB  ({steps})")
            print(f"             worst |cos| with truth {r['worst']:.4f}, explained share said {r['share']:.4f}", end="")
            print(f" (with the corrected directions {r['right']:.4f})" if key == "notebook" else "")
        if "notebook" in totals:
            ratio, memory = (a / b for a, b in zip(totals["notebook"], totals["darkframe"]))
            print(f"  ratio {ratio:.1f} in CPU time (goal >= {GOAL:.0f}), {memory:.1f} in peak memory (goal: under 1 GiB)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 rows x 64, 20 components")
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--shape", type=int, nargs=2, default=[DIMENSIONS, SOURCES], help="dimensions and components")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side(options.side, options.path, options.rows[0], *options.shape)
    elif options.quick:
        compare(20_000, 64, 20)
    else:
        for n in options.rows:
            compare(n, *options.shape)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
