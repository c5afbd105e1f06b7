"""Dictionaries from files of weights: the same codes as the libraries' own, and no axis or bias is guessed."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tinylm import FEATURES, WIDTH, make_sae
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from darkframe.errors import DarkframeError, DataError, ParameterError
from darkframe.interfaces import SourceContext
from darkframe.lm.unembed import ModelUnembedding
from darkframe.testing import check_source
from darkframe_arrays.plugin import ArraysParams
from darkframe_arrays.source import ArraysSource

X = torch.randn(400, WIDTH, generator=torch.Generator().manual_seed(0)) * 3


def opened(**params):
    return ArraysSource(ArraysParams(**params), SourceContext())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "x.npy", X.numpy())
    for kind in ("standard", "topk", "jumprelu"):
        sae = make_sae(kind)
        with torch.no_grad():
            for name, value in sae.named_parameters():
                value += 0.3 * torch.rand(value.shape, generator=torch.Generator().manual_seed(len(name)))
        sae.save_model(folder / kind)
    return folder


RULES = {
    "standard": {"activation": "relu", "apply_b_dec_to_input": True},
    "topk": {"activation": "topk", "k": 5, "apply_b_dec_to_input": True},
    "jumprelu": {"apply_b_dec_to_input": False},
}


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("names", ["saelens", "linear", "npz"])
def test_weights_give_what_saelens_gives(folder, tmp_path, kind, names):
    from sae_lens import SAE

    sae = SAE.load_from_disk(folder / kind)
    sae.cfg.apply_b_dec_to_input = RULES[kind]["apply_b_dec_to_input"]
    weights = load_file(folder / kind / "sae_weights.safetensors")
    if names == "linear":  # a pair of torch.nn.Linear
        renamed = {"W_enc": "encoder.weight", "b_enc": "encoder.bias", "W_dec": "decoder.weight", "b_dec": "decoder.bias"}
        weights = {renamed.get(n, n): (w.T.contiguous() if w.ndim == 2 else w) for n, w in weights.items()}
    file = tmp_path / ("sae.npz" if names == "npz" else "sae.safetensors")
    np.savez(file, **{n: w.numpy() for n, w in weights.items()}) if names == "npz" else save_file(weights, file)
    source = opened(activations=(folder / "x.npy",), dictionary=file, **RULES[kind])
    assert check_source(source)
    dictionary = source.dictionary()
    with torch.no_grad():
        codes, x_hat = sae.encode(X), sae(X)
    torch.testing.assert_close(dictionary.encode(X).to_dense(), codes, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(dictionary.decode(dictionary.encode(X)), x_hat, rtol=1e-5, atol=1e-5)
    assert (source.card().n_features, source.card().d_model) == (FEATURES, WIDTH)


def test_a_saelens_folder_says_everything_itself(folder):
    from sae_lens import SAE

    source = opened(activations=(folder / "x.npy",), dictionary=folder / "topk")
    with torch.no_grad():
        expected = SAE.load_from_disk(folder / "topk")(X)
    dictionary = source.dictionary()
    torch.testing.assert_close(dictionary.decode(dictionary.encode(X)), expected, rtol=1e-5, atol=1e-5)
    assert source.card().hook_point == "blocks.2.hook_resid_pre"
    wiring = opened(activations=(folder / "x.npy",), dictionary=folder / "topk", hook_point="blocks.1.hook_resid_pre").wiring()
    assert (wiring.applied.hook_point, wiring.stated[0].hook_point) == ("blocks.1.hook_resid_pre", "blocks.2.hook_resid_pre")
    assert source.wiring().applied.hook_point is None
    with pytest.raises(ParameterError, match=r"source.k is set, but .*cfg.json says that itself"):
        opened(dictionary=folder / "topk", k=3)


@pytest.mark.parametrize("latents", [40, WIDTH], ids=["wide", "square"])
def test_a_sparsify_folder_gives_what_sparsify_gives(tmp_path, latents):
    from sparsify import SparseCoder, SparseCoderConfig

    coder = SparseCoder(WIDTH, SparseCoderConfig(num_latents=latents, k=6))
    with torch.no_grad():
        for value in coder.parameters():
            value += 0.2 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
        coder.save_to_disk(tmp_path / "layers.2")
        top = coder.encode(X)
        expected = coder.decode(top.top_acts, top.top_indices)
    source = opened(dictionary=tmp_path / "layers.2")
    assert source.lacks().keys() == {"activations", "unembedding", "text"}
    dictionary = source.dictionary()
    torch.testing.assert_close(dictionary.decode(dictionary.encode(X)), expected, rtol=1e-5, atol=1e-5)
    assert len(dictionary.encode(X).values) <= 6 * len(X)
    check_source(source)
    if latents == WIDTH:
        with pytest.raises(DataError, match="is square: which axis is the features cannot be told"):
            opened(dictionary=tmp_path / "layers.2" / "sae.safetensors")


# ------------------------------------------------------------ what is not said is not guessed

W_DEC = np.random.default_rng(0).normal(size=(40, WIDTH)).astype(np.float32)
WEIGHTS = {"W_dec": W_DEC, "W_enc": W_DEC.T, "b_enc": np.zeros(40, np.float32), "b_dec": np.ones(WIDTH, np.float32)}


@pytest.mark.parametrize(
    ("weights", "params", "words"),
    [
        (WEIGHTS, {}, "does not say how its features activate: set source.activation"),
        (WEIGHTS, {"activation": "relu"}, "does not say whether b_dec is subtracted"),
        ({"W_dec": W_DEC}, {}, "has no encoder"),
    ],
)
def test_what_is_missing_to_encode_is_said(tmp_path, weights, params, words):
    np.savez(tmp_path / "sae.npz", **weights)
    source = opened(dictionary=tmp_path / "sae.npz", **params)
    assert words in source.lacks()["encoder"]
    assert "dictionary_has_its_shapes" in check_source(source)
    with pytest.raises(DataError, match=words):
        source.dictionary().encode(X)


REFUSED = {
    "large k": (WEIGHTS, {"activation": "topk", "k": 41}, "k = 41 features cannot be active at once: .* has 40"),
    "no k": (WEIGHTS, {"activation": "topk"}, "needs source.k"),
    "k of relu": (WEIGHTS, {"activation": "relu", "k": 4}, "activate by relu"),
    "no threshold": (WEIGHTS, {"activation": "jumprelu"}, "needs source.threshold"),
    "two thresholds": ({**WEIGHTS, "threshold": np.ones(40)}, {"threshold": 1.0}, "holds thresholds"),
    "threshold of relu": ({**WEIGHTS, "threshold": np.ones(40)}, {"activation": "relu"}, "source.activation is relu"),
    "thresholds' number": ({**WEIGHTS, "threshold": np.ones(39)}, {}, "40 encoder biases but 39 thresholds"),
    "width": ({"W_dec": W_DEC[:, :-1]}, {"activations": True}, r"\(40, 23\), which are not F features of 24 dimensions"),
    "bias's width": (
        {"W_dec": W_DEC, "b_dec": np.ones(9)},
        {"activations": True},
        "reads 9 dimensions, but the activations have 24",
    ),
    "encoder's shape": ({**WEIGHTS, "W_enc": W_DEC[:30].T}, {}, r"\(24, 30\), which are not 40 features of 24 dimensions"),
    "square": ({"W_dec": W_DEC[:WIDTH]}, {"activations": True}, "is square"),
    "narrow": ({"W_dec": W_DEC.T}, {}, r"of shape \(24, 40\): which axis is the features cannot be told"),
    "unknown": ({**WEIGHTS, "W_skip": np.eye(3)}, {}, "holds 'W_skip' beside its weights"),
    "no decoder": ({"W_enc": W_DEC}, {}, "holds no decoder; it holds 'W_enc'"),
    "two decoders": ({"W_dec": W_DEC, "decoder.weight": W_DEC}, {}, "which is W_dec cannot be told"),
    "nan": ({"W_dec": W_DEC * np.nan}, {}, "holds NaN"),
    "a vector": ({"W_dec": W_DEC[0]}, {}, "a matrix of features × dimensions was expected"),
    "integers": ({"W_dec": W_DEC.astype(int)}, {}, "weights are one of float16"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_dictionaries_that_cannot_be_meant_are_refused(folder, tmp_path, case):
    weights, params, words = REFUSED[case]
    np.savez(tmp_path / "sae.npz", **weights)
    if params.get("activations"):
        params = {**params, "activations": (folder / "x.npy",)}
    with pytest.raises(DarkframeError, match=words):
        opened(dictionary=tmp_path / "sae.npz", **params)


def test_axes_are_told_by_the_biases_and_the_activations(folder, tmp_path):
    for array in (W_DEC, W_DEC.T):
        np.savez(tmp_path / "sae.npz", W_dec=array, b_dec=np.zeros(WIDTH))
        assert opened(dictionary=tmp_path / "sae.npz").dictionary().W_dec.numpy().tolist() == W_DEC.tolist()
        np.save(tmp_path / "W_dec.npy", array)
        source = opened(activations=(folder / "x.npy",), dictionary=tmp_path / "W_dec.npy")
        assert source.dictionary().W_dec.shape == (40, WIDTH)
    np.save(tmp_path / "W_dec.npy", W_DEC)
    card = opened(dictionary=tmp_path / "W_dec.npy").card()
    assert card.details["dictionary"]["axes"] == "the array read as 40 features × 24 dimensions"


def test_folders_that_are_no_saes_are_refused(folder, tmp_path):
    with pytest.raises(ParameterError, match="is no SAE's folder"):
        opened(dictionary=tmp_path)
    with pytest.raises(ParameterError, match="does not exist"):
        opened(dictionary=tmp_path / "none")
    np.save(tmp_path / "narrow.npy", X.numpy()[:, :-1])
    with pytest.raises(DataError, match=r"reads 24 dimensions, but .*narrow.npy has shape \(400, 23\)"):
        opened(activations=(tmp_path / "narrow.npy",), dictionary=folder / "topk")


# ------------------------------------------------------------ the logit lens


def models():
    small = {"vocab_size": 77, "bos_token_id": 0, "eos_token_id": 0}
    yield GPT2LMHeadModel(GPT2Config(n_embd=WIDTH, n_layer=1, n_head=2, n_positions=8, **small)), None
    shape = {"hidden_size": WIDTH, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    yield LlamaForCausalLM(LlamaConfig(**shape, rms_norm_eps=1e-5, tie_word_embeddings=False, **small)), "rms"


def test_the_unembedding_of_a_models_own_file_gives_the_models_own_logits(folder, tmp_path):
    for number, (model, norm) in enumerate(models()):
        with torch.no_grad():
            for name, value in model.named_parameters():
                if "norm" in name or "ln_f" in name:
                    value += torch.rand(value.shape, generator=torch.Generator().manual_seed(2))
        model.save_pretrained(tmp_path / str(number))
        file = tmp_path / str(number) / "model.safetensors"
        source = opened(dictionary=folder / "topk", unembedding=file, final_norm=norm)
        torch.testing.assert_close(source.unembedding().logits(X), ModelUnembedding(model).logits(X), rtol=1e-4, atol=1e-4)
        assert "unembedding_gives_logits" in check_source(source)
        if norm:
            with pytest.raises(DataError, match=r"which norm it is cannot be told. Set source.final_norm"):
                opened(dictionary=folder / "topk", unembedding=file).unembedding()


def test_an_unembedding_alone(folder, tmp_path):
    W_U = np.random.default_rng(0).normal(size=(77, WIDTH)).astype(np.float32)
    for array in (W_U, W_U.T):
        np.save(tmp_path / "W_U.npy", array)
        source = opened(dictionary=folder / "topk", unembedding=tmp_path / "W_U.npy")
        np.testing.assert_allclose(source.unembedding().logits(X).numpy(), X.numpy() @ W_U.T, rtol=1e-4, atol=1e-4)
    np.save(tmp_path / "t.npy", np.arange(400))
    with pytest.raises(DataError, match="has 77 tokens, but the tokens go up to 399"):
        opened(activations=(folder / "x.npy",), tokens=(tmp_path / "t.npy",), unembedding=tmp_path / "W_U.npy").unembedding()
    np.save(tmp_path / "W_U.npy", W_U[:, :-1])
    with pytest.raises(DataError, match=r"has shape \(77, 23\); 24 × vocabulary was expected"):
        opened(dictionary=folder / "topk", unembedding=tmp_path / "W_U.npy").unembedding()
