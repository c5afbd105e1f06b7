"""Models run up to their hook point, and their unembedding."""

import socket

import numpy as np
import pytest
import torch
from support.tinylm import CONTEXT, WIDTH, make_model, make_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

from darkframe.errors import DataError
from darkframe.lm.hooked import HookedModel, find_blocks, load_model
from darkframe.lm.settings import Site
from darkframe.lm.tokens import Tokenizer
from darkframe.lm.unembed import ModelUnembedding

TOKENS = np.random.default_rng(0).integers(0, 90, (3, 10)).astype(np.int32)
SIZES = {"vocab_size": 90, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}


def build(name):
    torch.manual_seed(0)
    if name == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(vocab_size=90, n_positions=32, n_embd=16, n_layer=3, n_head=2))
    elif name == "gpt-neox":
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES, max_position_embeddings=32))
    else:
        model = LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=1, max_position_embeddings=32))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=0.1, std=0.3)
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    make_model(folder)
    return folder


@pytest.mark.parametrize("name", ["gpt2", "gpt-neox", "llama"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_activations_are_the_full_passes_hidden_states(name, layer):
    model = build(name)
    with torch.no_grad():
        states = model(torch.from_numpy(TOKENS).long(), output_hidden_states=True).hidden_states
    before = HookedModel(model, Site(layer, after=False)).activations(TOKENS)
    torch.testing.assert_close(before, states[layer], rtol=1e-6, atol=1e-6)
    after = HookedModel(model, Site(layer, after=True)).activations(TOKENS)
    if layer < 2:  # transformers gives the last state after the final norm
        torch.testing.assert_close(after, states[layer + 1], rtol=1e-6, atol=1e-6)
    else:
        logits = model.get_output_embeddings()(find_norm(model)(after))
        torch.testing.assert_close(logits, model(torch.from_numpy(TOKENS).long()).logits, rtol=1e-5, atol=1e-5)
    assert before.dtype == torch.float32
    assert not before.requires_grad
    assert not before.is_inference()


def find_norm(model):
    base = model.base_model
    return next(getattr(base, name) for name in ("ln_f", "final_layer_norm", "norm") if hasattr(base, name))


@pytest.mark.parametrize("site, expected", [(Site(1, False), [1, 0, 0]), (Site(1, True), [1, 1, 0]), (Site(0, False), [0, 0, 0])])
def test_later_blocks_are_not_computed(site, expected):
    model = build("gpt2")
    calls = [0, 0, 0]

    def counter(number):
        def count(*_):
            calls[number] += 1

        return count

    for number, block in enumerate(find_blocks(model.transformer, 3)):
        block.mlp.register_forward_hook(counter(number))
    model.lm_head.register_forward_hook(lambda *_: pytest.fail("the unembedding was computed"))
    HookedModel(model, site).activations(TOKENS)
    assert calls == expected


def test_padding_at_the_end_does_not_reach_the_tokens_before_it():
    model = HookedModel(build("gpt2"), Site(2, after=True))
    short = model.activations(TOKENS[:, :6])
    padded = TOKENS.copy()
    padded[:, 6:] = 0
    torch.testing.assert_close(model.activations(padded)[:, :6], short, rtol=1e-5, atol=1e-6)


def test_centring_takes_the_mean_over_d_model_and_changes_no_output():
    model = build("gpt2")
    plain = HookedModel(model, Site(2, after=False)).activations(TOKENS)
    centred = HookedModel(model, Site(2, after=False), centre=True).activations(TOKENS)
    torch.testing.assert_close(centred, plain - plain.mean(-1, keepdim=True))
    with torch.no_grad():
        norm = model.transformer.h[2].ln_1
        torch.testing.assert_close(norm(centred), norm(plain), rtol=1e-4, atol=1e-4)
    with pytest.raises(DataError, match="only models with LayerNorm"):
        HookedModel(build("llama"), Site(0, after=False), centre=True)


@pytest.mark.parametrize("name", ["gpt2", "gpt-neox", "llama"])
def test_unembedding_is_final_norm_then_w_u(name, monkeypatch):
    monkeypatch.setattr("darkframe.lm.unembed.CHUNK", 2)
    model = build(name)
    directions = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        x, norm = directions.double(), find_norm(model).double()
        expected = norm(x) @ model.get_output_embeddings().weight.double().T
        norm.float()
    logits = ModelUnembedding(model).logits(directions)
    torch.testing.assert_close(logits.double(), expected, rtol=1e-4, atol=1e-4)
    assert not logits.requires_grad


def test_loading_is_float32_silent_and_offline(folder, monkeypatch, capfd, recwarn):
    def no_network(*_, **__):
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    model = load_model(folder)
    tokenizer = Tokenizer(folder)
    tokenizer.encode(["word " * 10 * CONTEXT])
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert HookedModel(model, Site(0, after=False)).d_model == WIDTH
    assert capfd.readouterr() == ("", "")
    assert not [w for w in recwarn if "darkframe" not in str(w.message)]


def test_a_loaded_model_computes_what_transformers_does(folder):
    theirs = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32)
    tokens = TOKENS % 64 + 1
    with torch.no_grad():
        states = theirs(torch.from_numpy(tokens).long(), output_hidden_states=True).hidden_states
    model = load_model(folder)
    assert "NewGELUActivation" in str(theirs)
    assert "NewGELUActivation" not in str(model)
    for layer in range(4):
        mine = HookedModel(model, Site(layer, after=False)).activations(tokens)
        assert float((mine - states[layer]).norm() / states[layer].norm()) < 2e-6


def test_pickled_weights_are_refused(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(DataError, match="has no weights"):
        load_model(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(DataError, match="pickled"):
        load_model(tmp_path)


def test_damaged_weights_and_foreign_folders(folder, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot be loaded"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(DataError, match="cannot be loaded"):
        load_model(tmp_path)
    with pytest.raises(DataError, match="has no tokenizer"):
        Tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="No tokenizer could be opened"):
        Tokenizer(tmp_path)


def test_sites():
    assert Site.parse("blocks.11.hook_resid_post") == Site(11, after=True)
    for name in ("blocks.6.hook_mlp_out", "hook_embed", "blocks.x.hook_resid_pre", "blocks.1.hook_resid_pre.more"):
        with pytest.raises(DataError, match=r"not a site on the residual stream.*hook_resid_pre"):
            Site.parse(name)
    with pytest.raises(DataError, match="reads block 7, but the model has 3 blocks"):
        HookedModel(build("gpt2"), Site(7, after=False))


def test_tokens_decode_one_by_one(folder):
    tokenizer = Tokenizer(folder)
    text = "the white whale."
    (ids,) = tokenizer.encode([text])
    assert "".join(tokenizer.decode_each(ids.tolist())) == text
    assert ids.dtype == np.int32
    assert tokenizer.special_ids == {0}
    assert tokenizer.special("pad") is None
    assert tokenizer.encode(["<|endoftext|>"])[0].tolist() == [0]
