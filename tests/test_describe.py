"""What ``describe`` and ``list-plugins`` show, on a terminal of 80 columns."""

import inspect
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_distributions import Site

from darkframe import param
from darkframe.cli.describe_plugin import CAN, docs_of
from darkframe.cli.group import darkframe as command
from darkframe.config import grouped
from darkframe.lm.params import DtypeParams, RowParams, TextParams
from darkframe.registry import Registry
from darkframe.testing import CAPABILITIES

BUILT_IN = Registry.discover({"DARKFRAME_PLUGINS": "darkframe"}).plugins()
SOURCES = [found.name for found in BUILT_IN if found.kind == "source"]
DOCS = Path(__file__).parents[1] / "docs"


def told(*arguments):
    command = [sys.executable, "-m", "darkframe", *arguments]
    environment = {"PATH": "", "COLUMNS": "80", "DARKFRAME_PLUGINS": "darkframe"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, encoding="utf-8").stdout


@dataclass(frozen=True)
class Shared(DtypeParams, TextParams, RowParams):
    """Parameters of a family."""

    later: int = param(1, help="Of the family.")
    common: int = param(1, help="Of the family.")


@dataclass(frozen=True)
class Own(Shared):
    """Parameters of one."""

    batch_size: int = param(4, help="Other rows.")
    common: int = param(2, help="Said anew.")
    layer: int = param(3, help="Its own.")


def test_a_plugins_own_parameters_come_first_and_shared_ones_in_groups():
    groups = grouped(Own)
    assert groups[0].title == ""
    assert groups[0].names == ("common", "layer", "later")
    assert [group.title for group in groups[1:]] == [
        "How documents fill the model's input rows",
        "Which text is read",
        "What the model computes in",
    ]
    assert groups[1].names == ("packing", "batch_size", "context_size")
    assert sorted(name for group in groups for name in group.names) == sorted(Own.__dataclass_fields__)


@pytest.mark.parametrize("name", [SOURCES[0], "tiny"])
def test_every_parameter_is_described_within_the_width(name):
    text = told("describe", "source", name)
    assert all(len(line) <= 80 or len(line.split()) <= 2 for line in text.splitlines())  # paths stay whole
    record = json.loads(told("describe", "source", name, "--json"))
    shown = re.findall(r"^  (source\.\w+) (?:= |\(empty\))", text, re.MULTILINE)
    assert shown == [parameter["name"] for parameter in record["parameters"]]
    assert record["parameters"][0]["group"] == ""


def test_what_a_source_gives_where_parameters_name_it():
    assert "gives: activations, dictionary, unembedding, text, each where its parameters" in told("describe", "source", "arrays")


def test_the_list_keeps_names_and_versions_on_one_line():
    text = told("list-plugins", "--kind", "source")
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("(darkframe 0.1.0)") == len(SOURCES)
    assert all(re.search(rf"^  {name}  ", text, re.MULTILINE) for name in SOURCES)


# ---------------------------------------------------------------- what only the class says


def described(*arguments):
    done = CliRunner().invoke(command, ["describe", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_what_a_plugin_can_do_and_where_its_code_lies():
    record = described("decomposer", "pca")
    target = Registry.discover().get("decomposer", "pca").load()
    assert record["code"] == f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"
    assert record["hooks"] == f"darkframe_pca.plugin ({import_module('darkframe_pca.plugin').__file__})"
    assert record["distribution"] == "darkframe"
    assert (record["api"], record["can"], record["expected_failures"]) == (1, {}, {})


def test_a_clusterers_optional_methods_are_told_in_words():
    assert "goes on learning, for 'darkframe track' (partial_fit); places new vectors (predict)" in " ".join(
        told("describe", "gpu-fuzzyart").split()
    )
    assert "partial_fit" not in described("cviart")["can"]  # artlib's validity indices need all rows at once
    assert "boxes" in described("smart")["can"]


def test_every_capability_that_is_a_method_has_words():
    parts = {"activations", "dictionary", "encoder", "unembedding", "text"}
    assert {kind: set(words) for kind, words in CAN.items()} == {kind: set(has) - parts for kind, has in CAPABILITIES.items()}


def test_a_name_alone_is_enough_where_it_is_unique():
    for found in BUILT_IN[:3] + BUILT_IN[-3:]:
        assert described(found.name) == described(found.kind, found.name) == described(found.qualified)


def test_what_is_meant_by_one_word_that_is_none():
    for arguments, sentence in {
        ("fastcia",): "No plugin 'fastcia' is installed. Did you mean 'fastica'",
        ("decomposer",): "Which decomposer? 'darkframe list-plugins --kind decomposer' lists them.",
        ("decompser", "pca"): "'decompser' is no kind of plugin; the kinds are source, decomposer, clusterer.",
    }.items():
        done = CliRunner().invoke(command, ["describe", *arguments])
        assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr


# ---------------------------------------------------------------- plugins of others

PLUGIN = """
import darkframe

@darkframe.hookimpl
def darkframe_clusterers():
    failing = {"nan_is_refused": "It reads NaN as a group."}
    yield darkframe.ClustererInfo("both", "others_code:Loud", "Groups.", expected_failures=failing, docs="https://example.org/both")
    yield darkframe.ClustererInfo("gone", "others_nowhere:Gone", "Cannot.", install_hint="pip install others[gone]")
    yield darkframe.ClustererInfo("picky", "others_code:Picky", "Takes nothing.")

@darkframe.hookimpl
def darkframe_decomposers():
    yield darkframe.DecomposerInfo("both", "others_code:Loud", "Splits.")
"""
CODE = """
print("loaded \x1b[2J")

class Loud:
    def __init__(self, params):
        print("made")
    def fit(self, vectors, context): ...
    def predict(self, vectors): ...

class Picky(Loud):
    def __init__(self, params):
        raise SystemExit(3)
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("others") / "site")
    site.install("others", {"o": "others_plugin"}, {"others_plugin.py": PLUGIN, "others_code.py": CODE})
    metadata = site.path / "others-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Project-URL: Documentation, https://example.org/docs\n")
    with site.active():
        yield site


def test_a_plugin_that_cannot_be_loaded_is_described_with_its_fault(others):
    done = CliRunner().invoke(command, ["describe", "gone"])
    assert done.exit_code == 0
    told = " ".join(done.stdout.split())
    assert "FAULT: The clusterer 'gone' of others 1.0 cannot be loaded: No module named 'others_nowhere'." in told
    assert "needs: pip install others[gone]" in told
    assert "code" not in described("gone")


def test_what_a_plugin_prints_is_captured_and_one_that_cannot_be_made_is_described_by_its_class(others):
    done = CliRunner().invoke(command, ["describe", "clusterer", "both", "--json"])
    assert "loaded" not in done.output
    assert "made" not in done.output
    assert set(json.loads(done.stdout)["can"]) == set(described("picky")["can"]) == {"predict"}


def test_a_name_of_several_kinds_needs_its_kind(others):
    done = CliRunner().invoke(command, ["describe", "both"])
    assert done.exit_code == 2
    assert "Several plugins have the name 'both'; say which: decomposer both or clusterer both." in done.stderr


def test_expected_failures_and_the_addresses_of_documentation(others):
    record = described("clusterer", "both")
    assert record["expected_failures"] == {"nan_is_refused": "It reads NaN as a group."}
    assert record["docs"] == "https://example.org/both"
    assert described("gone")["docs"] == "https://example.org/docs"
    assert docs_of("page.html#there", "others") == "https://example.org/docs/page.html#there"
    assert docs_of("", "no-such-distribution") == ""
    shown = " ".join(CliRunner().invoke(command, ["describe", "clusterer", "both"]).stdout.split())
    assert "expected failures: nan_is_refused (It reads NaN as a group.)" in shown


@pytest.mark.parametrize("found", BUILT_IN, ids=lambda found: found.name)
def test_every_built_in_plugin_names_a_page_of_the_documentation(found):
    page, _, anchor = found.info.docs.partition("#")
    text = (DOCS / page).with_suffix(".md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]
