"""One ICA fit on the same whitened rows: scikit-learn's FastICA as the notebook calls it, python-picard, and darkframe's two.

Sources are sparse (identifiable); all sides start from the same float32 whitened rows and end on all of them.

    python -m benchmarks.bench_ica [--quick] [--rows N …]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import GIB, available, cpu, peak, run_side
from benchmarks.planted import DIMENSIONS, SOURCES, FileRows, write_rows

GOAL = 8.0
NAMES = {"notebook": "scikit-learn FastICA, float32", "picard": "python-picard, float64", "fastica": "darkframe fastica"}
NAMES["picard-o"] = "darkframe picard"


def prepare(folder: Path, n: int, d: int, k: int) -> None:
    """Whiten the planted rows once, for all sides, and keep the true mixing as they see it."""
    from darkframe.numerics.rows import mean_and_covariance
    from darkframe.numerics.whitening import Whitening

    mixing = write_rows(folder / "rows.f32", n, d, k)
    rows = FileRows(folder / "rows.f32", n, d)
    _, mean, covariance = mean_and_covariance(rows.blocks(), d)
    whitening = Whitening.fit(mean, covariance, k)
    with (folder / "white.f32").open("wb") as file:
        for block in rows.blocks():
            file.write(whitening.whiten(block).tobytes())
    (folder / "rows.f32").unlink()
    np.save(folder / "truth.npy", mixing @ (whitening.components / np.sqrt(whitening.variances)[:, None]).T)


def notebook(white: np.ndarray) -> tuple[np.ndarray, dict]:
    from sklearn.decomposition import FastICA

    ica = FastICA(n_components=white.shape[1], algorithm="parallel", whiten=False, max_iter=1000, tol=1e-4, random_state=42)
    start = cpu(), time.perf_counter()
    ica.fit_transform(white)
    return ica.mixing_.T, {"cpu": cpu() - start[0], "wall": time.perf_counter() - start[1], "iterations": int(ica.n_iter_)}


def picard(white: np.ndarray) -> tuple[np.ndarray, dict]:
    from picard import picard as fit

    start = cpu(), time.perf_counter()
    tol = 0.3 / np.sqrt(len(white))
    _, unmixing, _, iterations = fit(white.T, ortho=True, whiten=False, tol=tol, random_state=42, return_n_iter=True)
    return unmixing, {"cpu": cpu() - start[0], "wall": time.perf_counter() - start[1], "iterations": int(iterations)}


def ours(folder: Path, n: int, k: int, which: str) -> tuple[np.ndarray, dict]:
    from darkframe.interfaces import FitContext
    from darkframe.numerics.rows import ArrayRows
    from darkframe.progress import QuietProgress
    from darkframe_fastica.fastica import FastICASearch
    from darkframe_fastica.picard import PicardSearch
    from darkframe_fastica.plugin import FastICAParams, PicardParams
    from darkframe_fastica.whitened import whitened_stages
    from darkframe_fastica.workers import workers

    search, params = (FastICASearch, FastICAParams()) if which == "fastica" else (PicardSearch, PicardParams())
    rows = FileRows(folder / "white.f32", n, k)
    rows.mean, rows.covariance = np.zeros(k), np.diag(1 + 1e-9 * np.arange(k, 0, -1))  # white already: taken as they are
    with workers() as pool, QuietProgress().task("", None, "") as task:
        search(
            params, whitened_stages(ArrayRows(next(rows.blocks())), k, None, FitContext(), pool), 0, pool, task
        ).run()  # compiles
        stages = whitened_stages(rows, k, None, FitContext(scratch=folder), pool)
        start = cpu(), time.perf_counter()
        found = search(params, stages, 42, pool, task).run()
        used = {"cpu": cpu() - start[0], "wall": time.perf_counter() - start[1]}
    facts = found.diagnostics
    assert facts.converged, facts.warnings
    passes = [f"{stage['iterations']} x {stage['rows']}" for stage in facts.details["stages"]]
    return found.patterns, used | {"iterations": facts.iterations, "passes": passes}


def side(name: str, folder: Path, n: int, k: int) -> None:
    if name in ("notebook", "picard"):
        white = np.fromfile(folder / "white.f32", np.float32).reshape(n, k)
        before = peak()
        patterns, result = (notebook if name == "notebook" else picard)(white)
    else:
        before = 0
        patterns, result = ours(folder, n, k, name)
    truth = np.load(folder / "truth.npy")
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (patterns, truth)]
    match = np.abs(unit[0] @ unit[1].T).max(axis=0)
    print(json.dumps(result | {"peak": peak(), "before": before, "worst": float(match.min())}))


def compare(n: int, d: int, k: int) -> None:
    print(f"One ICA fit: {n:,} rows whitened to {k} components, {k} sparse sources, CPU seconds of all threads")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, n, d, k)
        results = {}
        for key, label in NAMES.items():
            if key in ("notebook", "picard") and available() < 60 * n * k:
                print(f"  {label:31s} left out: needs about {60 * n * k / GIB:.0f} GiB of memory")
                continue
            r = results[key] = run_side("bench_ica", key, "--folder", folder, "--rows", n, "--components", k)
            passes = ", ".join(r.get("passes", [f"{r['iterations']} x {n}"]))
            print(
                f"  {label:31s} cpu {r['cpu']:7.2f}  wall {r['wall']:7.2f}  peak {r['peak'] / GIB:5.2f} GiB"
                f"  worst |cos| with truth {r['worst']:.4f}  passes {passes}"
            )
        for base, theirs in (("notebook", "fastica"), ("notebook", "picard-o"), ("picard", "picard-o")):
            if base in results:
                ratio, memory = (results[base][what] / results[theirs][what] for what in ("cpu", "peak"))
                goal = f" (goal >= {GOAL:.0f})" if base == "notebook" else ""
                print(f"  {NAMES[base]} / {NAMES[theirs]}: {ratio:.1f} in CPU time{goal}, {memory:.1f} in peak memory")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 rows, 20 components")
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--components", type=int, default=SOURCES)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side(options.side, options.folder, options.rows[0], options.components)
    elif options.quick:
        compare(20_000, 64, 20)
    else:
        for n in options.rows:
            compare(n, DIMENSIONS, options.components)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
