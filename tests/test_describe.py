"""What ``describe`` and ``list-plugins`` show of sources, on a terminal of 80 columns."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from darkframe import param
from darkframe.config import grouped
from darkframe.lm.params import DtypeParams, RowParams, TextParams
from darkframe.registry import Registry

SOURCES = [found.name for found in Registry.discover({"DARKFRAME_PLUGINS": "darkframe"}).plugins("source")]


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
    assert max(map(len, text.splitlines())) <= 80
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
