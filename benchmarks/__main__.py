"""Run every ``bench_*.py`` one after another, each in a process of its own.

python -m benchmarks [--quick] [NAME …]      NAME such as ica, linear, feature_moments; all without one
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmark ratios.")
    parser.add_argument("--quick", action="store_true", help="small sizes: checks that the benchmarks run, not what they claim")
    parser.add_argument("names", nargs="*", help="which ones; all without a name")
    options = parser.parse_args()
    every = sorted(path.stem for path in HERE.glob("bench_*.py"))
    chosen = [f"bench_{name}" for name in options.names] or every
    if unknown := sorted(set(chosen) - set(every)):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(every)}")
    failed = []
    for name in chosen:
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if options.quick else [])]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
