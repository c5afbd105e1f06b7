"""The generated pages are as the code is, and complete: hooks, contracts, commands, parameters, checks, figures."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from docs_pages import DOCS, table_rows

from darkframe import hookspecs, interfaces, results
from darkframe.cli.group import COMMANDS
from darkframe.config.parameters import parameters
from darkframe.registry import Registry
from darkframe.results import sweep as sweep_records
from darkframe.testing.kit import GENERAL, KINDS

ROOT = DOCS.parent
REFERENCE = DOCS / "reference"
METRICS = DOCS / "metrics.md"
COMMAND = "python -m tools.reference"
FRAMEWORK = ROOT / "framework" / "darkframe"


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _generate(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "57", "PYTHONPATH": str(cwd)}  # the terminal's width must not matter
    command = [sys.executable, "-m", "tools.reference", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, check=False)


def test_no_page_is_stale():
    done = _generate("--check")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nRun `{COMMAND}` (make reference), and look at what changes."


def test_a_stale_page_is_told_with_the_command_that_writes_it_anew(tmp_path):
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    script = (
        "import sys; from pathlib import Path; from tools import reference as r\n"
        "r.DOCS = Path(sys.argv[1]); r.PAGES = {'a.md': lambda: 'new\\n', 'b.md': lambda: 'kept\\n'}\n"
        "(r.DOCS / 'a.md').write_text('old\\n'); (r.DOCS / 'b.md').write_text('kept\\n')\n"
        "for arguments in (['--check'], [], ['--check']):\n    sys.argv = ['', *arguments]; print(r.main())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    first, second, third = re.findall(r"(.+)\n(\d)\n", done.stdout)
    assert first == (f"Stale: docs/a.md. Write them anew with `{COMMAND}` (make reference).", "1")
    assert second == ("Wrote a.md.", "0") and third == ("Every generated page is up to date.", "0")


def test_generated_pages_say_so_and_name_no_machine():
    for page in (*REFERENCE.glob("*.md"), METRICS):
        text = _text(page)
        assert text.startswith(f"<!-- Written by `{COMMAND}`")
        assert not re.search(r"/home/|/usr/|/tmp/|/work/|PosixPath| object at 0x|\b20\d\d-\d\d-\d\d\b", text), page.name


def test_every_hook_is_there():
    text = _text(REFERENCE / "hooks.md")
    assert all(f"## {name}\n" in text for name in vars(hookspecs) if name.startswith("darkframe_"))


@pytest.mark.parametrize("name", interfaces.__all__)
def test_every_contract_is_there_with_its_fields(name):
    text = _text(REFERENCE / "contracts.md")
    if name in {"F32", "F64", "I32", "I64", "Bool"}:
        assert f"| `{name}` |" in text
        return
    start = text.index(f"### {name}\n")
    section = text[start : text.find("\n### ", start + 4)]
    contract = getattr(interfaces, name)
    own = vars(contract).get("__annotations__", {})
    for field in own:
        assert f"| `{field}` |" in section
    for member in vars(contract):
        if not member.startswith("_") and member not in own:
            assert f"**`{member}`**" in section


def test_every_command_is_there_as_it_is_printed():
    text = _text(REFERENCE / "commands.md")
    assert all(f"## darkframe {name}\n" in text for name in COMMANDS)
    environment = {**os.environ, "COLUMNS": "100"}
    for name in ("run", "explore"):
        command = [sys.executable, "-m", "darkframe", name, "--help"]
        printed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
        assert f"```\n{printed}```" in text


def test_every_parameter_of_every_built_in_plugin_is_there():
    registry = Registry.discover({"DARKFRAME_PLUGINS": "darkframe"})
    rows = {(row[0], row[-1]) for _, *body in table_rows(REFERENCE / "plugins.md") for row in body}
    for found in registry.plugins():
        for name, parameter in parameters(found.info.params).items():
            assert (f"`{found.kind}.{name}`", parameter.help) in rows, f"{found.qualified}.{name}"


def test_every_check_is_there():
    rows = [row[0] for _, *body in table_rows(REFERENCE / "checks.md") for row in body]
    names = [f"`{check.name}`" for checks in (GENERAL, *KINDS.values()) for check in checks]
    assert [row for row in rows if row in set(names)] == names


def _records():
    """Every record of ``darkframe.results``: whatever the roots of the results reach, and whatever else is there."""
    modules = [module for name, module in sys.modules.items() if name.startswith("darkframe.results")]
    found = {
        each for module in modules for each in vars(module).values() if isinstance(each, type) and dataclasses.is_dataclass(each)
    }
    assert {results.DarkMatterResults, results.TaxonomyResults, results.TrackingResults, sweep_records.SweepResults} <= found
    return sorted((each for each in found if each.__module__.startswith("darkframe.results")), key=lambda each: each.__name__)


@pytest.mark.parametrize("record", _records(), ids=lambda record: record.__name__)
def test_every_figure_of_a_record_is_defined_and_nothing_else(record):
    (table,) = [table for table in table_rows(METRICS, record.__name__) if table[0][0] == "figure"]
    defined = [row[0].strip("`") for row in table[1:]]
    assert defined == [field.name for field in dataclasses.fields(record)]
    assert all(len(row[2]) >= 3 for row in table[1:]), "a definition says something"


def test_records_say_where_they_are_computed():
    named = re.findall(r"^Computed in (.+)\.$", _text(METRICS), re.MULTILINE)
    files = {file for line in named for file in re.findall(r"`([\w/]+\.py)`", line)}
    assert len(named) >= len(_records()) and files
    assert all((FRAMEWORK / file).is_file() for file in files), [f for f in files if not (FRAMEWORK / f).is_file()]


def test_every_array_is_defined():
    defined = {row[0].strip("`") for _, *body in table_rows(METRICS) for row in body}
    assert {*results.ARRAYS, *results.TAXONOMY_ARRAYS, *results.TRACKING_ARRAYS} <= defined


def test_headline_figures_stand_beside_what_they_are_held_against():
    (table,) = table_rows(METRICS, "What headline figures are held against")
    for _, figure, _, beside in table[1:]:
        for name in (figure, beside):
            record, field = re.search(r"`(\w+)\.(\w+)`", name).groups()
            assert field in typing.get_type_hints(getattr(results, record))
