from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkframe import ParameterError, UserError, param
from darkframe.config import (
    PluginChoice,
    RunConfig,
    RunOptions,
    StudyParams,
    build,
    merge,
    parameters,
    parse_set,
    read_file,
    read_mapping,
    resolve_device,
    to_record,
)


@dataclass(frozen=True)
class Everything:
    count: int = param(3, help="Some.", ge=1, le=1000)
    rate: float = param(0.5, help="Share.", gt=0, lt=1)
    free: float = param(0.0, help="Any number.")
    flag: bool = param(False, help="Switch.")
    name: str = param("a b", help="Text.")
    mode: Literal["fast", "exact"] = param("fast", help="Mode.")
    shape: str = param("round", help="Shape.", choices=("round", "square"))
    level: Literal[1, 2] = param(1, help="Level.")
    limit: int | None = param(None, help="Limit.", ge=0)
    seeds: tuple[int, ...] = param((1, 2), help="Seeds.", ge=0)
    cuts: tuple[float, ...] | None = param(None, help="Cuts.")
    words: tuple[str, ...] = param((), help="Words.")
    tokens: int | Literal["all"] | None = param(None, help="Tokens.", ge=1)
    place: Path | None = param(None, help="Place.")


def made(**values):
    return build(Everything, values, kind="decomposer", owner="decomposer 'every'")


finite = st.floats(allow_nan=False, allow_infinity=False)
plain_text = st.text(string.printable + "äβ中 ", max_size=12)
everything = st.builds(
    Everything,
    count=st.integers(1, 1000),
    rate=st.floats(0, 1, exclude_min=True, exclude_max=True),
    free=finite,
    flag=st.booleans(),
    name=plain_text,
    mode=st.sampled_from(["fast", "exact"]),
    shape=st.sampled_from(["round", "square"]),
    level=st.sampled_from([1, 2]),
    limit=st.none() | st.integers(0, 10**12),
    seeds=st.lists(st.integers(0, 2**40), max_size=4).map(tuple),
    cuts=st.none() | st.lists(finite, max_size=3).map(tuple),
    words=st.lists(plain_text, max_size=3).map(tuple),
    tokens=st.none() | st.just("all") | st.integers(1, 10**9),
    place=st.none() | st.text(string.ascii_letters, min_size=1, max_size=8).map(lambda name: Path("/data") / name),
)


@given(everything)
def test_parameters_survive_json(params):
    record = json.loads(json.dumps(to_record(params)))
    assert build(Everything, record, kind="decomposer", owner="it") == params


@given(everything)
def test_parameters_survive_their_own_text(params):
    texts = {
        name: parameter.__class__(**{**vars(parameter), "default": getattr(params, name)}).default_text
        for name, parameter in parameters(Everything).items()
        if name not in ("words", "name")  # text may itself hold commas and outer blanks
    }
    read = build(
        Everything, {key: parse_set([f"source.{key}={text}"])["source"][key] for key, text in texts.items()}, kind="x", owner="it"
    )
    assert all(getattr(read, name) == getattr(params, name) for name in texts)


@given(
    everything,
    st.builds(StudyParams, seeds=st.lists(st.integers(0, 2**32 - 1), max_size=4).map(tuple)),
    st.none() | st.integers(1),
)
def test_a_run_configuration_survives_json(params, study, tokens):
    choice = PluginChoice("source", "every", "dist", "1.0", params)
    decomposer = PluginChoice("decomposer", "every", "dist", "1.0", Everything())
    config = RunConfig(choice, decomposer, study, tokens, 7, "cpu", strict=True, quick=True)
    record = json.loads(json.dumps(config.record()))
    assert RunConfig.from_record(record, source=Everything, decomposer=Everything) == config


@pytest.mark.parametrize(
    "key, text, value",
    [
        ("count", "32", 32),
        ("count", "1_000", 1000),
        ("rate", "1e-3", 0.001),
        ("free", "3", 3.0),
        ("flag", "yes", True),
        ("flag", "Off", False),
        ("mode", "exact", "exact"),
        ("level", "2", 2),
        ("limit", "none", None),
        ("limit", "7", 7),
        ("seeds", "1, 2,3", (1, 2, 3)),
        ("seeds", "5", (5,)),
        ("seeds", "", ()),
        ("cuts", "None", None),
        ("cuts", "0.5,1", (0.5, 1.0)),
        ("tokens", "all", "all"),
        ("tokens", "12", 12),
        ("place", "/a/b", Path("/a/b")),
        ("name", "x=y", "x=y"),
    ],
)
def test_text_is_read_as_the_declared_type(key, text, value):
    read = getattr(made(**parse_set([f"decomposer.{key}={text}"])["decomposer"]), key)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("value", [np.int64(4), np.array(4), 4])
def test_numpy_scalars_are_taken(value):
    count = made(count=value).count
    assert (count, type(count)) == (4, int)


def test_numpy_arrays_are_lists():
    assert made(seeds=np.arange(3)).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    "key, value, accepted",
    [
        ("count", "x", "an integer ≥ 1 and ≤ 1,000, not 'x' (default: 3)"),
        ("count", "2.0", "an integer"),
        ("count", 2.0, "an integer"),
        ("count", True, "an integer"),
        ("count", None, "an integer"),
        ("count", 0, "an integer ≥ 1"),
        ("count", "9" * 5000, "an integer"),
        ("rate", "1", "a number > 0 and < 1"),
        ("rate", "nan", "a number"),
        ("free", "inf", "a number, not 'inf' (default: 0.0)"),
        ("free", float("nan"), "a number"),
        ("free", 10**400, "a number"),
        ("flag", "maybe", "true or false"),
        ("flag", 1, "true or false"),
        ("name", 3, "text"),
        ("mode", "slow", "one of fast, exact"),
        ("shape", "Round", "one of round, square"),
        ("level", 3, "one of 1, 2"),
        ("limit", "-1", "an integer ≥ 0 or none"),
        ("seeds", "1,,2", "a comma-separated list, each an integer ≥ 0"),
        ("seeds", [1, -2], "a comma-separated list"),
        ("seeds", 3, "a comma-separated list"),
        ("tokens", "some", "an integer ≥ 1 or one of all or none"),
        ("place", "", "a path"),
        ("place", "~nobody-has-this-name/x", "a path"),
    ],
)
def test_an_ill_typed_value_is_told_what_is_accepted(key, value, accepted):
    with pytest.raises(ParameterError) as caught:
        made(**{key: value})
    assert caught.value.message.startswith(f"decomposer.{key} must be {accepted}")
    assert "(default: " in caught.value.message
    assert caught.value.exit_code == 2


def test_an_unknown_key_gets_the_nearest_and_everything_accepted():
    with pytest.raises(ParameterError) as caught:
        made(cuont=3)
    assert "decomposer 'every' has no parameter 'cuont'. Did you mean 'count'" in str(caught.value)
    assert "decomposer.rate (a number > 0 and < 1, default 0.5)" in str(caught.value)


def test_checks_of_the_dataclass_itself_are_told():
    with pytest.raises(ParameterError, match=r"novel_cut \(0.9\) is above study.known_cut \(0.8\)"):
        build(StudyParams, {"novel_cut": 0.9}, kind="study", owner="study")


def test_later_layers_override_earlier_ones(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('[run]\nsource = "tiny"\nseed = 1\n[decomposer]\nn_components = 8\ntol = 0.1\n[study]\nseeds = [1, 2]\n')
    merged = merge(read_file(file), parse_set(["decomposer.n_components=4", "decomposer.n_components=5"]), {"run": {"seed": 3}})
    assert merged["run"] == {"source": "tiny", "seed": 3}
    assert merged["decomposer"] == {"n_components": "5", "tol": 0.1}
    assert build(StudyParams, merged["study"], kind="study", owner="study").seeds == (1, 2)


def test_mappings_may_be_flat_nested_or_both():
    assert read_mapping({"study.nulls": 1, "study": {"examples": 2}}) == {"study": {"nulls": 1, "examples": 2}}


def test_a_bare_name_belongs_to_the_one_that_declares_it():
    assert parse_set(["pca_dims=32", "tokens=100", "null_rows=500"]) == {
        "taxonomy": {"pca_dims": "32"},
        "run": {"tokens": "100"},
        "study": {"null_rows": "500"},
    }
    with pytest.raises(ParameterError, match=r"KIND\.KEY"):
        parse_set(["nulls=3"])  # both studies have it


@pytest.mark.parametrize(
    "item, reason",
    [
        ("decomposer.n_components", "has no '='"),
        ("n_components=3", "must read KIND.KEY"),
        ("decomposer.=3", "must read KIND.KEY"),
        ("decomposr.n=3", "Unknown kind 'decomposr'. Did you mean 'decomposer'"),
        ("", "has no '='"),
    ],
)
def test_a_malformed_set_is_told_how_it_reads(item, reason):
    with pytest.raises(ParameterError) as caught:
        parse_set([item])
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"[run\n", "not valid TOML"),
        (b"seed = 3\n", "stands outside a table"),
        (b"[decomposr]\n", r"Unknown table \[decomposr\].* Did you mean 'decomposer'"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_bad_config_file_is_told_why(tmp_path, content, reason):
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        read_file(file)


def test_a_missing_config_file_is_told(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_file(tmp_path / "none.toml")


def test_relative_paths_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert made(place="text.txt").place == tmp_path / "text.txt"


def test_the_run_options_have_the_documented_defaults():
    options = RunOptions()
    assert (options.source, options.decomposer, options.seed, options.device) == ("tiny", None, 42, "auto")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "mps", "", "CPU"])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(UserError, match="use auto, cpu, cuda or cuda:N"):
        resolve_device(device)


@pytest.fixture
def cuda(monkeypatch):
    import torch

    def pretend(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return pretend


@pytest.mark.parametrize(
    "count, device, resolved", [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")]
)
def test_devices_are_resolved(cuda, count, device, resolved):
    cuda(count)
    assert resolve_device(device) == resolved


@pytest.mark.parametrize("count, device, reason", [(0, "cuda", "finds no CUDA device"), (2, "cuda:2", "cuda:0 to cuda:1")])
def test_missing_cuda_is_told(cuda, count, device, reason):
    cuda(count)
    with pytest.raises(UserError, match=reason):
        resolve_device(device)
