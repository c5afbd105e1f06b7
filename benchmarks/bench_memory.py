"""Peak memory of the whole study does not grow with the tokens: 200,000 against 2,000,000 synthetic rows of 768 dimensions.

Each size runs in a process of its own: collection, then every step of the dark-matter study with the shipped FastICA. The peak is
the process's high-water mark of resident memory, libraries included, after collecting and at the end. Activations are not kept,
to spare 6 GB of disk: they would be another file, not other memory.

    python -m benchmarks.bench_memory [--quick]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import GIB, ROOT, Clock, peak, run_side

D, COMPONENTS, GOAL = 768, 32, 1.2


def one_size(rows: int, d: int, folder: Path) -> dict:
    """Collect and analyse; CPU seconds and peaks."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import torch
    from synthetic import SyntheticParams, SyntheticSource

    from darkframe.config import PluginChoice, RunConfig, StudyParams
    from darkframe.progress import QuietProgress
    from darkframe.store.run import RunDir
    from darkframe.studies.collect import collect
    from darkframe.studies.dark_matter import run_dark_matter
    from darkframe_fastica.fastica import FastICA
    from darkframe_fastica.plugin import FastICAParams

    torch.set_num_threads(1)
    planted = SyntheticParams(
        held=rows, d_model=d, n_features=1024, firing=64, known=16, novel=16, context=128, rows=32, document=400, massive=0.0005
    )
    source, fastica = SyntheticSource(planted), FastICAParams(n_components=COMPONENTS)
    config = RunConfig(
        source=PluginChoice("source", "synthetic", "synthetic", "1.0", planted),
        decomposer=PluginChoice("decomposer", "fastica", "darkframe", "0", fastica),
        study=StudyParams(seeds=(42, 123), nulls=1, keep_activations=False),
        tokens=None,
        seed=42,
        device="cpu",
    )
    clock, quiet, cache = Clock(), QuietProgress(), folder / "cache"
    kept = {"tokens": None, "study": config.study, "strict": False, "cache": cache, "progress": quiet}
    clock("collect", lambda: collect(source, **kept))
    after_collecting = peak()
    run = RunDir.create(folder / "run", {})
    results = clock(
        "analyse", lambda: run_dark_matter(config, source, lambda: FastICA(fastica), run, cache=cache, progress=quiet)
    )
    assert results.collect.tokens_kept == rows
    return {"collect": after_collecting, "all": peak(), "seconds": clock.steps}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 against 200,000 rows of 256 dimensions")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("size", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        rows, d, folder = options.size
        print(json.dumps(one_size(int(rows), int(d), Path(folder))))
        return 0
    small, large, d = (20_000, 200_000, 256) if options.quick else (200_000, 2_000_000, D)
    print(f"Memory: the whole study on {small:,} and {large:,} rows x {d}, peak resident memory (libraries included)", flush=True)
    found = []
    for rows in (small, large):
        with tempfile.TemporaryDirectory() as folder:
            side = run_side("bench_memory", "one", rows, d, folder)
        found.append(side)
        seconds = ", ".join(f"{name} {value:.0f} s" for name, value in side["seconds"].items())
        peaks = f"collecting {side['collect'] / GIB:.3f} GiB, in all {side['all'] / GIB:.3f} GiB"
        print(f"  {rows:9,} rows   {peaks}   (CPU: {seconds})", flush=True)
    for stage, words in (("collect", "collecting"), ("all", "collecting and analysing")):
        print(f"  ratio {words} {found[1][stage] / found[0][stage]:.3f} (goal <= {GOAL})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
