"""The generated reference: ``python -m tools.reference`` writes docs/reference/ and docs/metrics.md.

With ``--check`` it only compares. All of it comes from the code: docstrings and signatures of hooks,
contracts and functions, declarations of parameters, what ``--help`` prints, the conformance kit's checks,
and the records of ``darkframe.results``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ["DARKFRAME_PLUGINS"] = "darkframe"  # the built-in plugins alone, whatever else is installed

from tools import reference_api, reference_checks, reference_commands, reference_metrics, reference_plugins

DOCS = Path(__file__).parents[1] / "docs"
COMMAND = "python -m tools.reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/commands.md": reference_commands.commands,
    "reference/python.md": reference_api.python,
    "reference/plugins.md": reference_plugins.plugins,
    "reference/hooks.md": reference_api.hooks,
    "reference/contracts.md": reference_api.contracts,
    "reference/checks.md": reference_checks.checks,
    "metrics.md": reference_metrics.metrics,
}


def stale() -> list[str]:
    """Pages that are missing, or say something else than they would if they were written now."""
    return [name for name, made in PAGES.items() if _read(DOCS / name) != made()]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write() -> list[str]:
    """Write every page that is stale; returns their names."""
    written = []
    for name, made in PAGES.items():
        path, text = DOCS / name, made()
        if _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(name)
    return written


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Write the generated pages of the documentation."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where a page is stale"
    )
    if not parser.parse_args().check:
        written = write()
        print(f"Wrote {', '.join(written)}." if written else "Every page was up to date.")
        return 0
    if found := stale():
        print(
            f"Stale: {', '.join(f'docs/{name}' for name in found)}. Write them anew with `{COMMAND}` "
            "(make reference)."
        )
        return 1
    print("Every generated page is up to date.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
