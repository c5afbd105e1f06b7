"""Pythia with EleutherAI's SAEs from a hub on loopback, through unmodified sparsify and transformers."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from support import hub_client
from support.hub_pythia import EOS, RELEASES, add_pythia, make_model, make_pythia
from support.outputs import check_every_output
from transformers import AutoModelForCausalLM, AutoTokenizer

from darkframe.errors import DataError, HubAwayError, MissingRevisionError, ParameterError
from darkframe.interfaces import SourceContext
from darkframe.testing import check_source
from darkframe_sparsify.plugin import Pythia70mParams, Pythia410mParams
from darkframe_sparsify.source import Pythia70mSource, Pythia410mSource

SOURCES = {"70m": (Pythia70mSource, Pythia70mParams), "410m": (Pythia410mSource, Pythia410mParams)}
MODEL, SAES = RELEASES["70m"][0], RELEASES["70m"][2]
DOCUMENTS = [f"The ship number {i} sailed through storm and night to the sea. " * (i % 20 + 1) for i in range(60)]


TEXT = []


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pythia")
    TEXT[:] = [folder / "text.jsonl"]
    TEXT[0].write_text("".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))
    return {size: make_pythia(folder / size, size) for size in RELEASES}


@pytest.fixture
def filled(hub, made):
    """The hub with both releases."""
    for size, folder in made.items():
        add_pythia(hub, folder, size)
    return hub


def pythia(size="70m", context=None, **params):
    source, kind = SOURCES[size]
    return source(kind(**{"text": str(TEXT[0]), "context_size": 64, **params}), context or SourceContext())


def as_documented(model_name, sae_name, hookpoint, tokens):
    """Activations and residuals as sparsify's README has it: load_from_hub, a forward pass, encode; and decode."""
    from sparsify import Sae

    sae = Sae.load_from_hub(sae_name, hookpoint=hookpoint)
    model = AutoModelForCausalLM.from_pretrained(model_name, dtype=torch.float32)
    seen = []
    model.base_model.get_submodule(hookpoint).register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        outputs = model(tokens, output_hidden_states=True)
        x = seen[0].flatten(0, 1)
        latents = sae.encode(x)
        e = x - sae.decode(latents.top_acts, latents.top_indices)
    return x, e, outputs.hidden_states


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize(("size", "hookpoint"), [("70m", "layers.3"), ("70m", "layers.3.mlp"), ("410m", "layers.12.mlp")])
def test_residuals_are_those_of_a_script_after_sparsifys_documentation(filled, size, hookpoint):
    source = pythia(size, hookpoint=hookpoint)
    batch = next(source.batches())
    dictionary = source.dictionary()
    ours = batch.x - dictionary.decode(dictionary.encode(batch.x))
    model, _, saes, _, k = RELEASES[size]
    tokens = torch.from_numpy(batch.tokens.reshape(4, 64)).long()
    x, e, states = as_documented(model, saes, hookpoint, tokens)
    assert relative(batch.x, x) < 1e-5
    assert relative(ours, e) < 1e-5
    if hookpoint == "layers.3":
        assert relative(batch.x, states[4].flatten(0, 1)) < 1e-5
    assert dictionary.encode(batch.x).offsets.diff().max() == k


@pytest.mark.parametrize("size", ["70m", "410m"])
def test_it_keeps_the_contract(filled, size):
    assert {"openings_agree", "fetch_says_what_there_is"} <= set(
        check_source(pythia(size), lambda context: pythia(size, context))
    )


def test_rows_are_what_sparsify_trains_on(filled, made):
    from datasets import Dataset
    from sparsify.data import chunk_and_tokenize

    tokenizer = AutoTokenizer.from_pretrained(made["70m"] / "model")
    theirs = chunk_and_tokenize(Dataset.from_dict({"text": DOCUMENTS}), tokenizer, max_seq_len=64, num_proc=1)["input_ids"]
    source = pythia(batch_size=500)
    batch = next(source.batches())
    stream = np.asarray(theirs).ravel()
    assert stream[0] == tokenizer.eos_token_id  # theirs begins with a separator; the rest is the same
    np.testing.assert_array_equal(batch.tokens[: len(stream) - 1], stream[1:])
    assert (batch.special == (batch.tokens == tokenizer.eos_token_id)).all()
    assert tokenizer.eos_token == EOS


def test_its_own_usage_is_that_of_the_training(filled):
    source = Pythia70mSource(Pythia70mParams(text="heldout"), SourceContext())
    card = source.card()
    assert (card.model, card.hook_point, card.context_size, card.n_features) == (MODEL, "layers.3", 2048, 96)
    assert (card.details["bos_first"], card.details["sae"]["transformer_lens"]) == (False, "blocks.3.hook_resid_post")
    wiring = source.wiring()
    for stated in wiring.stated:
        for name in ("model", "hook_point", "d_model", "n_features", "context_size", "bos"):
            assert getattr(stated, name) in (None, getattr(wiring.applied, name))
    assert wiring.figures.l0 == 16
    assert pythia("410m").card().hook_point == "layers.12.mlp"
    assert pythia(layer=4).card().hook_point == "layers.4"
    assert next(pythia(bos=True).batches()).special[::64].all()


def test_the_residual_stream_into_an_mlps_sae_shows_in_the_wiring(filled):
    wiring = pythia(hookpoint="layers.3.mlp", hook_point="layers.3").wiring()
    assert wiring.applied.hook_point == "layers.3"
    assert wiring.stated[0].hook_point == "layers.3.mlp"


def test_the_unembedding_is_the_untied_one_behind_the_final_norm(filled, made):
    directions = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    lm = AutoModelForCausalLM.from_pretrained(made["70m"] / "model", dtype=torch.float32)
    with torch.no_grad():
        expected = lm.get_output_embeddings()(lm.gpt_neox.final_layer_norm(directions))
    ours = pythia().unembedding().logits(directions)
    torch.testing.assert_close(ours, expected)
    with torch.no_grad():
        assert not torch.allclose(ours, directions @ lm.gpt_neox.embed_in.weight.T, atol=0.1)


def test_losses_are_the_models_and_a_patch_replaces_the_site(filled, made):
    source = pythia(hookpoint="layers.3.mlp")
    tokens = next(source.batches()).tokens.reshape(4, 64)
    lm = AutoModelForCausalLM.from_pretrained(made["70m"] / "model", dtype=torch.float32)
    with torch.no_grad():
        logits = lm(torch.from_numpy(tokens).long()).logits[:, :-1].log_softmax(-1)
    expected = -logits.gather(2, torch.from_numpy(tokens[:, 1:]).long()[..., None])[..., 0]
    torch.testing.assert_close(source.losses(tokens), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(source.losses(tokens, lambda x: x), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(source.losses(tokens, torch.zeros_like), expected, atol=1e-2)


def test_only_what_one_layer_needs_is_asked_for(filled):
    source = pythia()
    source.card()
    assert not filled.asked("*.safetensors")
    next(source.batches())
    source.dictionary()
    files = {request.path.split("/resolve/")[1].partition("/")[2] for request in filled.asked("*/resolve/*")}
    assert {name for name in files if name.startswith("layers")} == {"layers.3/cfg.json", "layers.3/sae.safetensors"}
    assert "model.safetensors" in files and "pytorch_model.bin" not in files
    assert {path.split("/resolve/")[0].strip("/") for path in (r.path for r in filled.asked("*/resolve/*"))} == {MODEL, SAES}


def test_offline_with_a_filled_cache_asks_nothing(filled, monkeypatch):
    first = pythia()
    fetched = {each.what: each for each in first.fetch(1000)}
    assert set(fetched) == {"model", "SAE"}
    assert (fetched["SAE"].name, fetched["SAE"].files) == (SAES, 2)
    expected = next(first.batches()).x
    filled.forget()
    hub_client.offline(monkeypatch)
    second = pythia()
    torch.testing.assert_close(next(second.batches()).x, expected, rtol=0, atol=0)
    second.dictionary()
    assert second.card().fingerprint == first.card().fingerprint
    assert not filled.requests


def test_revisions_are_pinned_and_recorded(filled, made, tmp_path):
    old_model = filled.repositories["model", MODEL].refs["main"]
    old_sae = filled.repositories["model", SAES].refs["main"]
    make_model(tmp_path / "model", seed=1)
    new_model = filled.add(MODEL, tmp_path / "model")
    filled.add(SAES, made["70m"] / "saes", tags=("v2",))
    pinned, latest = pythia(revision=old_model, sae_revision="v2"), pythia()
    details = pinned.card().details
    assert (details["model"]["revision"], details["model"]["commit"]) == (old_model, old_model)
    assert details["sae"]["revision"] == "v2" and details["sae"]["commit"] != old_sae
    assert latest.card().details["model"]["commit"] == new_model
    assert pinned.card().fingerprint != latest.card().fingerprint
    assert not torch.allclose(next(pinned.batches()).x, next(latest.batches()).x, atol=1e-3)
    with pytest.raises(MissingRevisionError, match="has no revision 'nowhere'"):
        pythia(revision="nowhere").card()


def test_what_is_not_there_is_said(filled, made):
    with pytest.raises(ParameterError, match=r"has no SAE of 'layers.9'. It has layers.3, layers.3.mlp, layers.4, layers.5"):
        pythia(hookpoint="layers.9").card()
    with pytest.raises(ParameterError, match="both set"):
        pythia(layer=1, hookpoint="layers.1.mlp")
    with pytest.raises(ParameterError, match=r"'layers.\*' is no hook point"):
        pythia(hookpoint="layers.*")
    with pytest.raises(DataError, match="holds no SAE of sparsify's"):
        pythia(sae=MODEL).card()
    files = {path.name: path for path in (made["70m"] / "model").iterdir() if path.suffix != ".safetensors"}
    filled.add("owner/pickled", files)
    with pytest.raises(DataError, match="no weights as safetensors"):
        next(pythia(model="owner/pickled").batches())


def test_without_network_and_cache_it_is_one_sentence(hub_home, made, monkeypatch, no_other_connections):
    hub_client.use(monkeypatch, "http://127.0.0.1:9", hub_home)
    start = time.monotonic()
    with pytest.raises(HubAwayError) as caught:
        pythia(layer=2).card()
    assert time.monotonic() - start < 10
    told = str(caught.value)
    assert f"'darkframe fetch --source pythia-70m --set source.layer=2 --set source.text={TEXT[0]}'" in told
    assert "--set source.sae=./FOLDER" in told


def darkframe(*arguments, environment):
    command = [sys.executable, "-m", "darkframe", *arguments]
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_whole_study_through_the_command(empty_hub, hub_environment, made, tmp_path):
    add_pythia(empty_hub, made["70m"])
    out = tmp_path / "run"
    arguments = ["--decomposer", "pca", "--quick", "--tokens", "8000", "--set", "source.text=heldout", "--out", str(out)]
    arguments += ["--set", "source.context_size=128"]
    hub_environment["DARKFRAME_CACHE"] = str(tmp_path / "cache")
    done = darkframe("run", "--source", "pythia-70m", *arguments, environment=hub_environment)
    assert done.returncode == 0, done.stderr
    assert "Triton" not in done.stdout + done.stderr
    results = json.loads((out / "results.json").read_text())
    details = results["source"]["details"]
    assert details["model"]["commit"] == empty_hub.repositories["model", MODEL].refs["main"]
    assert details["sae"]["commit"] == empty_hub.repositories["model", SAES].refs["main"]
    check_every_output(out, 8000, tmp_path / "exported")
    wrong = darkframe("run", "--source", "pythia-70m", "--set", "source.layer=6", environment=hub_environment)
    assert wrong.returncode == 2 and "layer" in wrong.stderr
