"""Any SAE trained with sparsify: from folders and from the hub, in every variant that sparsify saves."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder
from support.hub_pythia import TEXT, WIDTH, activations_of, make_model, make_sae

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import SourceContext
from darkframe.testing import check_source
from darkframe_sparsify import dictionary as module
from darkframe_sparsify.config import transformer_lens_name
from darkframe_sparsify.dictionary import load_dictionary
from darkframe_sparsify.plugin import SparsifyParams
from darkframe_sparsify.source import SparsifySource

RUN = {"sae": {}, "model": "owner/gpt", "ctx_len": 96, "revision": "old", "dataset": "owner/text", "hookpoints": ["layers.1"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model, a run's folder with two SAEs, and a text."""
    folder = tmp_path_factory.mktemp("sparsify")
    make_model(folder / "model", layers=3)
    for name, x in activations_of(folder / "model", ("layers.1", "layers.2.mlp")).items():
        make_sae(folder / "run" / name, x)
    (folder / "run" / "config.json").write_text(json.dumps(RUN))
    lines = [json.dumps({"text": TEXT * (i % 9 + 1)}) for i in range(20)]
    (folder / "text.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(made, tmp_path / "made")


def sparsify(made, context=None, **params):
    given = {"model": str(made / "model"), "sae": str(made / "run"), "text": str(made / "text.jsonl"), **params}
    return SparsifySource(SparsifyParams(**given), context or SourceContext())


def test_it_keeps_the_contract(made):
    given = {"hookpoint": "layers.2.mlp", "context_size": 64}
    assert "openings_agree" in check_source(sparsify(made, **given), lambda context: sparsify(made, context, **given))


def test_the_runs_own_settings_are_used(made):
    card = sparsify(made, hookpoint="layers.2.mlp").card()
    assert (card.context_size, card.hook_point, card.details["bos_first"]) == (96, "layers.2.mlp", False)
    stated = sparsify(made, hookpoint="layers.1").wiring().stated
    assert (stated[1].by, stated[1].model, stated[1].context_size) == ("the SAE's config.json", "owner/gpt", 96)
    one = sparsify(made, sae=str(made / "run" / "layers.1")).card()
    assert (one.hook_point, one.context_size) == ("layers.1", 96)


def test_from_the_hub_with_the_model_that_the_run_names(made, hub):
    hub.add("owner/saes", made / "run")
    old = hub.add("owner/gpt", made / "model", tags=("old",))
    hub.add("owner/gpt", {"config.json": "{}"})
    source = SparsifySource(
        SparsifyParams(sae="owner/saes", hookpoint="layers.1", text=str(made / "text.jsonl")), SourceContext()
    )
    card = source.card()
    assert (card.model, card.details["model"]["revision"], card.details["model"]["commit"]) == ("owner/gpt", "old", old)
    torch.testing.assert_close(next(source.batches()).x, next(sparsify(made, hookpoint="layers.1").batches()).x)
    assert not hub.asked("*layers.2.mlp*")


def test_one_sae_at_the_top_of_a_repository(made, hub):
    hub.add("owner/one", made / "run" / "layers.1")
    with pytest.raises(ParameterError, match="Nothing says which submodule's output"):
        sparsify(made, sae="owner/one").card()
    source = sparsify(made, sae="owner/one", hook_point="layers.1")
    assert source.card().hook_point == "layers.1"
    assert source.wiring().stated[0].hook_point is None


def test_bos_comes_where_the_tokenizer_puts_it_by_itself(folder):
    path = folder / "model" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    path.write_text(json.dumps(tokenizer))
    config = folder / "model" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    assert sparsify(folder, hookpoint="layers.1").card().details["bos_first"]
    (folder / "run" / "config.json").write_text(json.dumps(RUN | {"dataset": "tokens.bin"}))
    assert not sparsify(folder, hookpoint="layers.1").card().details["bos_first"]


VARIANTS = {
    "topk": {},
    "groupmax": {"activation": "groupmax"},
    "multi_topk": {"multi_topk": True},
    "not normalised": {"normalize_decoder": False},
    "bfloat16": {"dtype": torch.bfloat16},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_codes_and_reconstruction_are_sparsifys_own(tmp_path, variant):
    make_sae(tmp_path / "layers.1", None, **VARIANTS[variant])
    dictionary = load_dictionary(tmp_path / "layers.1")
    coder = SparseCoder.load_from_disk(tmp_path / "layers.1").float()
    x = torch.randn(600, WIDTH, generator=torch.Generator().manual_seed(3))
    codes = dictionary.encode(x)
    with torch.no_grad():
        top = coder.encode(x)
        dense = torch.zeros(600, coder.num_latents).scatter_(1, top.top_indices, top.top_acts)
        torch.testing.assert_close(codes.to_dense(), dense)
        torch.testing.assert_close(dictionary.decode(codes), coder.decode(top.top_acts, top.top_indices), rtol=1e-5, atol=1e-6)
    inner = torch.ones(len(codes.indices), dtype=torch.bool)
    inner[codes.offsets[:-1]] = False
    assert (codes.indices.diff() > 0)[inner[1:]].all()
    assert codes.values.dtype == torch.float32 and (codes.values != 0).all()
    assert dictionary.W_enc.shape == (WIDTH, 96) and dictionary.W_dec.shape == (96, WIDTH)


def test_zeros_among_the_top_k_are_dropped(tmp_path):
    make_sae(tmp_path, None, k=64)
    codes = load_dictionary(tmp_path).encode(torch.randn(5, WIDTH))
    assert codes.offsets.diff().max() < 64
    assert (codes.values > 0).all()
    assert len(load_dictionary(tmp_path).encode(torch.zeros(0, WIDTH))) == 0


def test_weights_of_several_dtypes_keep_their_digits(tmp_path):
    make_sae(tmp_path, None)
    weights = load_file(tmp_path / "sae.safetensors")
    weights["W_dec"] = weights["W_dec"].bfloat16()  # the first of the file, whose dtype sparsify takes for all
    save_file(weights, tmp_path / "sae.safetensors")
    dictionary = load_dictionary(tmp_path)
    torch.testing.assert_close(dictionary.W_enc, weights["encoder.weight"].T, rtol=0, atol=0)
    assert dictionary.W_dec.dtype == torch.float32


def test_memory_is_bounded_and_the_random_state_is_left_alone(tmp_path, monkeypatch):
    make_sae(tmp_path, None)
    state = torch.get_rng_state()
    dictionary = load_dictionary(tmp_path)
    assert torch.equal(state, torch.get_rng_state())
    sizes, encode = [], dictionary.coder.encode
    monkeypatch.setattr(dictionary.coder, "encode", lambda x: (sizes.append(len(x)), encode(x))[1])
    dictionary.encode(torch.randn(3 * module.ROWS + 1, WIDTH))
    assert sizes == [module.ROWS] * 3 + [1]


def test_a_wider_submodule_can_be_read(made, tmp_path):
    make_sae(tmp_path / "layers.1.mlp.act", None, d_in=4 * WIDTH)
    source = sparsify(made, sae=str(tmp_path), hookpoint="layers.1.mlp.act", context_size=64)
    assert next(source.batches()).x.shape == (256, 4 * WIDTH)
    assert source.unembedding() is None
    assert source.card().details["sae"]["transformer_lens"] is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"transcode": True}, "is a transcoder: it reconstructs another site than it reads"),
        ({"skip_connection": True}, "has a linear skip connection"),
        ({"signed": True}, "has signed latents"),
        ({"activation": "jumprelu"}, "says activation 'jumprelu'"),
        ({"k": None}, "does not give k"),
        ({"d_in": "wide"}, "does not give d_in"),
    ],
)
def test_what_is_no_sae_of_that_kind_is_refused(folder, changed, message):
    path = folder / "run" / "layers.1" / "cfg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(DataError, match=message):
        sparsify(folder, hookpoint="layers.1").card()


def test_bad_folders_and_parameters_are_said(folder, tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match=r"holds several SAEs. Set source.hookpoint to one of layers.1, layers.2.mlp"):
        sparsify(folder)
    with pytest.raises(ParameterError, match=r"has no SAE of 'layers.0'. It has layers.1, layers.2.mlp"):
        sparsify(folder, hookpoint="layers.0")
    with pytest.raises(ParameterError, match=r"source.sae is not set"):
        sparsify(folder, sae=None)
    with pytest.raises(ParameterError, match="there is no folder"):
        sparsify(folder, sae="./nowhere")
    with pytest.raises(ParameterError, match="no revision"):
        sparsify(folder, sae_revision="main")
    with pytest.raises(DataError, match="holds no SAE"):
        sparsify(folder, sae=str(folder / "model"))
    (folder / "run" / "config.json").unlink()
    with pytest.raises(ParameterError, match="Nothing says of which model"):
        sparsify(folder, hookpoint="layers.1", model=None)
    monkeypatch.chdir(folder)
    with pytest.raises(ParameterError, match=r"'model' may be the folder ./model or a repository"):
        sparsify(folder, hookpoint="layers.1", model="model")
    (folder / "run" / "layers.1" / "sae.safetensors").rename(folder / "run" / "layers.1" / "sae_weights.safetensors")
    with pytest.raises(DataError, match="one that SAELens saved opens with --source saelens"):
        sparsify(folder, sae=str(folder / "run" / "layers.1"))


def test_what_does_not_fit_together_is_said(folder):
    make_sae(folder / "run" / "layers.0", None, d_in=16)
    with pytest.raises(DataError, match="The SAE reads 16 dimensions, but the model has 32"):
        next(sparsify(folder, hookpoint="layers.0").batches())
    make_sae(folder / "run" / "layers.7", None)
    with pytest.raises(DataError, match=r"reads 'layers.7', but GPTNeoXModel has no such submodule"):
        next(sparsify(folder, hookpoint="layers.7").batches())
    path = folder / "run" / "layers.1" / "sae.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="cannot be opened by sparsify"):
        sparsify(folder, hookpoint="layers.1").dictionary()


def test_names_in_transformer_lens():
    assert transformer_lens_name("layers.3") == "blocks.3.hook_resid_post"
    assert transformer_lens_name("h.11.mlp") == "blocks.11.hook_mlp_out"
    assert transformer_lens_name("layers.0.self_attn") == "blocks.0.hook_attn_out"
    assert transformer_lens_name("embed_tokens") is None
