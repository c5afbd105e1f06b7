"""CPU seconds of one fit by each clusterer of darkframe_artlib, on rows planted as a decoder's, one thread, compiled beforehand.

Parameters are the defaults but where those make one cluster or one for every row of these rows; they are printed. A fit is from
float32 rows to labels, match and margin of every row. The two backends of a module must give the same labels.

    python -m benchmarks.bench_artlib [--quick]
"""

import argparse
import importlib
import json
from dataclasses import fields
from typing import Any

import numpy as np

from benchmarks.measure import cpu, run_side
from benchmarks.planted import decoder_rows

ROWS, DIMS, QUICK_ROWS = 2000, 64, 200
FEWER = {"cviart": 200, "icvifuzzyart": 500}
"""Rows of those whose index is computed anew for every candidate of every row."""
CHANGED: dict[str, dict[str, Any]] = {
    "gaussianart": {"sigma_unit": "half-diagonal", "rho": 0.3},
    "hypersphereart": {"radius_unit": "half-diagonal"},
    "bayesianart": {"rho": 0.008, "cov_init": 0.01, "rho_of": "dimension"},
    "ellipsoidart": {"radius_unit": "half-diagonal", "rho": 0.5},
    "quadraticneuronart": {"s_init": 0.2},
    "art2a": {"rho": 0.95},
    "dualvigilanceart": {"rho": 0.7, "rho_lower": 0.69, "alpha": 0.01},
}


def _infos() -> dict[str, Any]:
    from darkframe_artlib.plugin import darkframe_clusterers

    return {info.name: info for info in darkframe_clusterers()}


def side(name: str, backend: str, rows: int) -> dict:
    """Fit one clusterer and say how long it took and what came out."""
    from darkframe import ClusterContext

    info = _infos()[name]
    module, _, attribute = info.target.partition(":")
    params = CHANGED.get(name, {}) | ({"backend": backend} if backend else {})

    def clusterer() -> Any:
        return getattr(importlib.import_module(module), attribute)(info.params(**params))

    data = decoder_rows(rows, DIMS, seed=0)
    clusterer().fit(data[:40], ClusterContext())
    start = cpu()
    found = clusterer().fit(data, ClusterContext())
    spent = cpu() - start
    digest = np.concatenate(list(found.labels)).tolist()
    return {"cpu": spent, "clusters": found.clusters, "labels": digest}


def table(rows: int) -> None:
    print(f"| clusterer | rows × {DIMS} | clusters | python, s | C++, s | parameters changed |\n|---|---|---|---|---|---|")
    for name, info in _infos().items():
        n = min(rows, FEWER.get(name, rows))
        two = any(field.name == "backend" for field in fields(info.params))
        python = run_side("bench_artlib", name, "--backend", "python" if two else "", "--rows", n)
        cpp = run_side("bench_artlib", name, "--backend", "cpp", "--rows", n) if two else None
        if cpp and name != "art1":  # whose Python keeps float32 weights
            assert cpp["labels"] == python["labels"], name
        clusters = " / ".join(f"{count:,}" for count in python["clusters"])
        changed = ", ".join(f"{key}={value}" for key, value in CHANGED.get(name, {}).items())
        compiled = f"{cpp['cpu']:.2f}" if cpp else ""
        print(f"| `{name}` | {n:,} | {clusters} | {python['cpu']:.2f} | {compiled} | {changed} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS} rows")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--backend", default="", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(side(options.side, options.backend, options.rows)))
    else:
        table(QUICK_ROWS if options.quick else options.rows)


if __name__ == "__main__":
    main()
