"""The plugin guide's three plugins, put together from the page: installed, listed, checked and run."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from docs_pages import DOCS, blocks
from fake_distributions import Site

import darkframe
from darkframe.registry import Registry

GUIDE = DOCS / "plugin-guide.md"
FILES = {block.file: block.text for block in blocks(GUIDE) if block.file}
DISTRIBUTION = "darkframe-guide"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The guide's distribution, installed as its pyproject.toml says."""
    (project,) = [tomllib.loads(block.text) for block in blocks(GUIDE) if block.language == "toml"]
    assert project["project"]["name"] == DISTRIBUTION
    made = Site(tmp_path_factory.mktemp("guide") / "site")
    files = {name: text for name, text in FILES.items() if name.startswith("darkframe_guide/")}
    entry_points = project["project"]["entry-points"]["darkframe"]
    made.install(DISTRIBUTION, entry_points, {"darkframe_guide/__init__.py": "", **files}, version="1.0")
    return made


def test_the_page_has_every_file_of_its_tree():
    (tree,) = [block.text for block in blocks(GUIDE) if "├──" in block.text]
    assert {name.rpartition("/")[2] for name in FILES} == {
        "pyproject.toml",
        "plugin.py",
        "leader.py",
        "ica.py",
        "planted.py",
        "test_contract.py",
    }
    assert all(name.rpartition("/")[2] in tree for name in FILES)


def test_its_plugins_are_listed(site):
    with site.active():
        registry = Registry.discover({"DARKFRAME_PLUGINS": DISTRIBUTION})
    assert registry.problems == []
    assert {(found.kind, found.name) for found in registry.plugins()} == {
        ("clusterer", "leader"),
        ("decomposer", "small-ica"),
        ("source", "planted"),
    }


def test_its_own_tests_pass(site):
    """The page's test file: the whole conformance kit on all three."""
    with site.active():
        module: dict[str, Any] = {}
        exec(compile(FILES["tests/test_contract.py"], "test_contract.py", "exec"), module)
        (checks,) = module["test_the_contract"].pytestmark
        for case in checks.args[1]:
            assert not case.marks, "the guide's plugins pass every check"
            module["test_the_contract"](*case.values)
        (counts,) = module["test_no_check_was_left_out"].pytestmark
        for plugin, expected in counts.args[1]:
            module["test_no_check_was_left_out"](plugin, expected)
    assert len(checks.args[1]) == sum(expected for _, expected in counts.args[1]) > 100


def test_they_run_and_find_what_was_planted(site, tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DARKFRAME_PLUGINS", f"darkframe,{DISTRIBUTION}")
    settings = {"taxonomy.embedding_rows": 0, "decomposer.n_components": 4}
    with site.active():
        result = darkframe.run("planted", "small-ica", "leader", quick=True, set=settings, out=tmp_path / "run")
    conclusion = result.results.conclusion
    assert conclusion.beat_null == 1 and result.results.match.novel_beyond_null == 1  # the source that the SAE misses
    assert result.taxonomy.fit.rows == 12 and result.taxonomy.fit.converged
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["clusterer"]["distribution"] == DISTRIBUTION
