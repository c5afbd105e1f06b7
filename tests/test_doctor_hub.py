"""The doctor on GPT-2's and Pythia's SAEs, from a hub on loopback: right as they come, and each wrong wiring named."""

import json

import pytest
from support import hub_client
from support.hub import Hub
from support.hub_gpt2 import publish
from support.hub_pythia import add_pythia, make_pythia
from support.hub_text import english

from darkframe import api

# Both models' weights are random: what they predict, and what their losses recover, is no question here.
UNTAUGHT = {"prediction", "spliced-loss"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with Hub() as hub, pytest.MonkeyPatch.context() as patch:
        hub_client.use(patch, hub.endpoint, tmp_path_factory.mktemp("hf"))
        publish(hub, layers=(6,))
        add_pythia(hub, make_pythia(tmp_path_factory.mktemp("pythia")))
        yield hub


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.jsonl"
    path.write_text("".join(json.dumps({"text": document}) + "\n" for document in english(8)))
    return str(path)


def look(name, text, **params):
    found = api.doctor(name, tokens=600, set={"source": {"text": text, "batch_size": 4, **params}})
    return found, {check.name for check in found.having("wrong", "doubtful")} - UNTAUGHT


def test_gpt2_jb_as_it_comes(hub, text):
    found, amiss = look("gpt2-jb", text)
    assert not amiss
    assert {found.check(name).verdict for name in ("centring", "loading", "bos", "l0", "explained-variance")} == {"pass"}
    assert "pretrained_saes.yaml" in found.check("centring").by
    assert found.check("l0").reference == 51.0
    assert found.check("prediction").verdict == "wrong"  # the weights are random


def test_gpt2_jb_without_centring(hub, text):
    found, amiss = look("gpt2-jb", text, centre=False)
    assert {"centring", "loading", "fvu", "all-ones"} <= amiss
    assert "source.centre=true" in found.check("all-ones").cause  # which looks at numbers only
    assert found.stops


def test_gpt2_jb_without_bos(hub, text):
    found, amiss = look("gpt2-jb", text, bos=False)
    assert amiss == {"bos"}
    assert found.verdict == "wrong"


def test_pythias_mlp_sae_as_it_comes(hub, text):
    found, amiss = look("pythia-70m", text, hookpoint="layers.3.mlp", context_size=64)
    assert not amiss
    assert found.check("l0").reference == found.check("l0").value == 16


def test_pythias_mlp_sae_given_the_residual_stream(hub, text):
    found, amiss = look("pythia-70m", text, hookpoint="layers.3.mlp", hook_point="layers.3", context_size=64)
    assert "hook-point" in amiss
    assert found.verdict == "wrong"
    assert "The SAE reads the output of an MLP, but gets the residual stream." in found.check("hook-point").cause
