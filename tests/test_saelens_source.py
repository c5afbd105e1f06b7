"""``saelens``: local folders at every kind of hook point, releases in several formats from a hub on loopback, refusals."""

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sae_lens import SAE
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig
from safetensors.torch import save
from support import hub_client, tinylm
from support.hub import Hub
from support.hub_gpt2 import publish, sae_files
from support.tinylm import CONTEXT, WIDTH, make_assets, make_sae, make_tokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from darkframe.errors import DataError, MissingFileError, MissingRepositoryError, ParameterError
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.progress import QuietProgress
from darkframe.testing import check_source
from darkframe_saelens.directory import find
from darkframe_saelens.plugin import SaeLensParams
from darkframe_saelens.saes import HubSae
from darkframe_saelens.sources import SaeLensSource
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

SHIPPED = Path(sys.modules[TinySource.__module__].__file__).parent / "assets"
BACKENDS = ("transformer-lens", "transformers")
HEADS = 3


def saelens(context=None, **params):
    return SaeLensSource(SaeLensParams(**{"batch_size": 4, **params}), context or SourceContext())


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return make_assets(tmp_path_factory.mktemp("a-bert-and-a-llama") / "assets")


def at(assets, folder, hook_name, **params):
    """A source over the minute model with an SAE at that hook point."""
    metadata = {"hook_name": hook_name, **params.pop("metadata", {})}
    make_sae(metadata=metadata, **params.pop("config", {})).save_model(folder)
    text = str(assets / "heldout.jsonl.gz")
    return saelens(**{"sae": str(folder), "model": str(assets / "model"), "text": text, **params})


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


# ------------------------------------------------------------ a second kind of truth


@pytest.mark.parametrize("backend", ["auto", "transformer-lens"])
def test_tinys_own_folders_give_the_same_numbers(backend):
    ours = saelens(sae=str(SHIPPED / "sae"), model=str(SHIPPED / "model"), text="heldout", backend=backend)
    tiny = TinySource(TinyParams(batch_size=4), SourceContext())
    a, b = next(ours.batches()), next(tiny.batches())
    for name in ("tokens", "documents", "positions", "context_positions", "special"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    mine, theirs = (source.dictionary().encode(b.x) for source in (ours, tiny))
    assert torch.equal(mine.indices, theirs.indices)
    assert torch.equal(mine.values, theirs.values)
    exact = backend == "auto"
    assert torch.equal(a.x, b.x) if exact else relative(a.x, b.x) < 1e-5
    for name in ("hook_point", "d_model", "n_features", "context_size", "packing", "text", "dictionary"):
        assert getattr(ours.card(), name) == getattr(tiny.card(), name)
    assert ours.card().details["centred"] == tiny.card().details["centred"]
    assert ours.card().details["model"]["library"] == ("transformers" if exact else backend)
    tokens = b.tokens.reshape(4, -1)
    torch.testing.assert_close(ours.losses(tokens), tiny.losses(tokens), rtol=1e-4, atol=1e-4)


def test_it_keeps_the_contract(assets, tmp_path):
    for number, hook_name in enumerate(("blocks.2.hook_resid_post", "blocks.1.attn.hook_z")):
        folder = tmp_path / str(number)
        made = check_source(
            at(assets, folder, hook_name), lambda context, f=folder, h=hook_name: at(assets, f, h, context=context)
        )
        assert {"openings_agree", "losses_are_next_token_losses"} <= set(made)


# ------------------------------------------------------------ hook points


def seen_by_transformers(assets, tokens):
    """What transformers' own modules read and give, by TransformerLens's names."""
    model = AutoModelForCausalLM.from_pretrained(assets / "model", dtype=torch.float32)
    block, seen = model.transformer.h[1], {}

    def keep(name, place):
        def hook(module, args, output):
            value = args[0] if place == "in" else output
            seen[name] = (value[0] if isinstance(value, tuple) else value).detach().flatten(0, 1)

        return hook

    block.mlp.register_forward_hook(keep("blocks.1.hook_mlp_out", "out"))
    block.attn.register_forward_hook(keep("blocks.1.hook_attn_out", "out"))
    block.attn.c_proj.register_forward_hook(keep("blocks.1.attn.hook_z", "in"))
    block.ln_1.register_forward_hook(keep("blocks.1.hook_resid_pre", "in"))
    block.ln_2.register_forward_hook(keep("blocks.1.hook_resid_mid", "in"))
    with torch.no_grad():
        model(torch.from_numpy(tokens).long())
    seen["blocks.1.hook_mlp_in"] = seen["blocks.1.hook_resid_mid"]
    x = seen["blocks.1.hook_resid_pre"]
    seen["blocks.1.ln1.hook_normalized"] = torch.nn.functional.layer_norm(x, x.shape[-1:])
    return seen


HOOKS = ("hook_mlp_out", "hook_attn_out", "attn.hook_z", "hook_resid_pre", "hook_resid_mid", "hook_mlp_in", "ln1.hook_normalized")


@pytest.mark.parametrize("hook", HOOKS)
def test_any_hook_point_that_transformerlens_names(assets, tmp_path, hook):
    source = at(assets, tmp_path / "sae", f"blocks.1.{hook}")
    batch = next(source.batches())
    tokens = batch.tokens.reshape(4, CONTEXT)
    assert relative(batch.x, seen_by_transformers(assets, tokens)[f"blocks.1.{hook}"]) < 1e-5
    on_stream = hook not in ("attn.hook_z", "hook_mlp_in", "ln1.hook_normalized")
    assert (source.unembedding() is not None) == on_stream
    clean = source.losses(tokens)
    torch.testing.assert_close(source.losses(tokens, lambda x: x), clean, rtol=1e-5, atol=1e-5)
    assert relative(source.losses(tokens, lambda x: -x), clean) > 1e-3
    dictionary = source.dictionary()
    sae = SAE.load_from_disk(tmp_path / "sae")
    with torch.no_grad():
        expected = sae(batch.x)
    assert relative(dictionary.decode(dictionary.encode(batch.x)), expected) < 1e-5


def test_one_head_of_a_hook_point(assets, tmp_path, monkeypatch):
    whole = next(at(assets, tmp_path / "all", "blocks.1.attn.hook_z").batches())
    monkeypatch.setattr(tinylm, "WIDTH", WIDTH // HEADS)
    source = at(assets, tmp_path / "one", "blocks.1.attn.hook_z", metadata={"hook_head_index": 1})
    batch = next(source.batches())
    assert torch.equal(batch.x, whole.x.view(-1, HEADS, WIDTH // HEADS)[:, 1])
    tokens = batch.tokens.reshape(4, CONTEXT)
    torch.testing.assert_close(source.losses(tokens, lambda x: x), source.losses(tokens))
    assert source.unembedding() is None
    with pytest.raises(DataError, match=r"reads head 1 .* transformers backend cannot"):
        at(assets, tmp_path / "one", "blocks.1.attn.hook_z", metadata={"hook_head_index": 1}, backend="transformers").card()


def test_hook_points_that_are_not_there(assets, tmp_path):
    with pytest.raises(DataError, match=r"blocks\.9\.hook_mlp_out.*no such hook point.*4 blocks"):
        next(at(assets, tmp_path / "a", "blocks.9.hook_mlp_out").batches())
    with pytest.raises(DataError, match="backend=transformer-lens, which reads any"):
        at(assets, tmp_path / "b", "blocks.1.hook_mlp_out", backend="transformers").card()


# ------------------------------------------------------------ the model's side


def test_loading_arguments_are_applied_or_named(assets, tmp_path):
    wanted = {"center_writing_weights": True, "fold_ln": True, "checkpoint_index": 3}
    sources = {
        backend: at(assets, tmp_path / backend, "blocks.2.hook_resid_pre", metadata={"model_from_pretrained_kwargs": wanted},
                    backend=backend)
        for backend in BACKENDS
    }  # fmt: skip
    x = {backend: next(source.batches()).x for backend, source in sources.items()}
    assert relative(*x.values()) < 1e-4
    assert x["transformers"].mean(dim=1).abs().max() < 1e-5
    for source in sources.values():
        assert source.card().details["loading_arguments_not_used"] == {"checkpoint_index": "3"}
        assert source.wiring().applied.not_applied == {"checkpoint_index": 3}


def make_llama(folder):
    make_tokenizer(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=3, max_position_embeddings=CONTEXT, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_models_with_rmsnorm_cannot_be_centred(assets, tmp_path):
    llama = make_llama(tmp_path / "model")
    params = {"model": str(llama), "text": str(assets / "heldout.jsonl.gz")}
    sources = [at(assets, tmp_path / backend, "blocks.1.hook_resid_post", backend=backend, **params) for backend in BACKENDS]
    assert relative(*(next(source.batches()).x for source in sources)) < 1e-5
    for backend in BACKENDS:
        with pytest.raises(DataError, match="only models with LayerNorm"):
            next(at(assets, tmp_path / backend, "blocks.1.hook_resid_post", centre=True, backend=backend, **params).batches())


def test_submodules_named_as_in_transformers(assets, tmp_path):
    for number, hook_name in enumerate(("transformer.h.1", "h.1")):
        source = at(assets, tmp_path / str(number), hook_name, backend="transformers")
        reference = at(assets, tmp_path / "lens", "blocks.1.hook_resid_post")
        assert relative(next(source.batches()).x, next(reference.batches()).x) < 1e-5


def test_which_model_and_which_library(assets, tmp_path):
    nameless = {"metadata": {"model_name": ""}}
    with pytest.raises(ParameterError, match="does not name its language model"):
        at(assets, tmp_path / "a", "blocks.1.hook_resid_pre", model=None, **nameless).card()
    with pytest.raises(DataError, match=r"TransformerLens does not know the model 'gpt3-small'.* gpt2-small"):
        at(assets, tmp_path / "b", "blocks.1.hook_resid_pre", model="gpt3-small", backend="transformer-lens").card()
    with pytest.raises(ParameterError, match="there is no folder"):
        at(assets, tmp_path / "c", "blocks.1.hook_resid_pre", model="./nowhere").card()
    with pytest.raises(ParameterError, match="needs an SAE"):
        saelens(text="heldout")
    with pytest.raises(ParameterError, match="there is no SAE in"):
        saelens(sae=str(tmp_path), text="heldout")


# ------------------------------------------------------------ releases on the hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """GPT-2 (narrow) and SAEs in several publishers' formats."""
    with Hub() as hub, pytest.MonkeyPatch.context() as patch:
        attempts = []
        hub_client.refuse_elsewhere(patch.setattr, attempts.append)
        hub_client.use(patch, hub.endpoint, tmp_path_factory.mktemp("hf"))
        publish(hub, layers=(6,))
        yield hub
        assert not attempts


def on_hub(**params):
    return saelens(**{"text": "heldout", "batch_size": 2, **params})


def random_weights(d_in, d_sae):
    generator = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_enc": (d_sae,), "b_dec": (d_in,)}
    return {name: torch.randn(*shape, generator=generator) * 0.3 for name, shape in shapes.items()}


def pickled(weights):
    file = io.BytesIO()
    torch.save(weights, file)
    return file.getvalue()


def test_hook_z_in_its_publishers_own_format(hub):
    published = find("gpt2-small-hook-z-kk", "blocks.1.hook_z")
    config = json.dumps({"act_size": 96, "dict_size": 200, "act_name": "blocks.1.attn.hook_z"})
    stem = published.path.removesuffix(".pt")
    hub.add(published.repository, {published.path: pickled(random_weights(96, 200)), f"{stem}_cfg.json": config})
    source = on_hub(release=published.release, sae_id=published.sae_id)
    card = source.card()
    assert (card.hook_point, card.d_model, card.n_features) == ("blocks.1.attn.hook_z", 96, 200)
    batch = next(source.batches())
    sae = SAE.from_pretrained(published.release, published.sae_id, device="cpu")
    model = source._model.model
    with torch.no_grad():
        _, cache = model.run_with_cache(torch.from_numpy(batch.tokens.reshape(2, 128)).long(), names_filter=[card.hook_point])
        z = cache[card.hook_point]
        expected = (z - sae.decode(sae.encode(z))).flatten(2).flatten(0, 1)  # SAELens reshapes the heads itself
    dictionary = source.dictionary()
    assert relative(batch.x - dictionary.decode(dictionary.encode(batch.x)), expected) < 1e-5


def part(release, sae_id):
    return HubSae(find(release, sae_id), None, lambda settings: settings, Advice(), QuietProgress())


def test_gemma_scope_in_npz(hub):
    published = find("gemma-scope-2b-pt-res", "embedding/width_4k/average_l0_6")
    file = io.BytesIO()
    zeros = {"w_enc": (2304, 4096), "w_dec": (4096, 2304), "b_enc": (4096,), "b_dec": (2304,), "threshold": (4096,)}
    np.savez_compressed(file, **{name: np.zeros(shape, np.float32) for name, shape in zeros.items()})
    hub.add(published.repository, {f"{published.path}/params.npz": file.getvalue()})
    sae = part(published.release, published.sae_id)
    assert (sae.settings.hook_name, sae.settings.architecture, sae.settings.context_size) == ("hook_embed", "jumprelu", 1024)
    dictionary = sae.open("cpu")
    assert dictionary.W_dec.shape == (4096, 2304)
    assert sae.stated()[1].model == published.model
    assert sae.fetch().files == 1


def test_gemma_scope_2_without_asking_the_hub_for_shapes(hub):
    release = "gemma-scope-2-270m-pt-res"
    published = find(release, "layer_5_width_16k_l0_small")
    weights = random_weights(32, 64)
    tensors = {name.lower() if name[0] == "W" else name: value for name, value in weights.items()}
    tensors["threshold"] = torch.full((64,), 0.1)
    config = {"architecture": "jump_relu", "model_name": "gemma-v3-270m-pt", "hf_hook_point_in": "model.layers.5.output"}
    hub.add(
        published.repository,
        {f"{published.path}/params.safetensors": save(tensors), f"{published.path}/config.json": json.dumps(config)},
    )
    sae = part(release, published.sae_id)
    assert (sae.settings.hook_name, sae.settings.d_in, sae.settings.d_sae) == ("blocks.5.hook_resid_post", 32, 64)
    hub.forget()
    x = torch.randn(10, 32, generator=torch.Generator().manual_seed(1))
    pre = x @ weights["W_enc"] + weights["b_enc"]
    torch.testing.assert_close(sae.open("cpu").encode(x).to_dense(), torch.where(pre > 0.1, pre, 0.0), rtol=1e-5, atol=1e-5)
    assert not [request for request in hub.requests if "safetensors" in request.path]


def test_a_repository_that_is_in_no_release(hub, tmp_path):
    config = StandardSAEConfig(d_in=96, d_sae=150)
    metadata = {"model_name": "gpt2", "hook_name": "blocks.2.hook_resid_post", "context_size": 64, "prepend_bos": True}
    for name, value in metadata.items():
        config.metadata[name] = value
    StandardSAE(config).save_model(tmp_path)
    files = {f"mine/{path.name}": path for path in tmp_path.iterdir()}
    commit = hub.add("somebody/saes", files)
    source = on_hub(release="somebody/saes", sae_id="mine", backend="transformers")
    assert source.card().details["sae"]["commit"] == commit
    assert next(source.batches()).x.shape == (128, 96)
    assert source.dictionary().W_dec.shape == (150, 96)
    assert len(source.wiring().stated) == 1
    assert source.wiring().figures is None
    with pytest.raises(MissingFileError, match="yours"):
        on_hub(release="somebody/saes", sae_id="yours").card()
    with pytest.raises(MissingRepositoryError, match="nobody/saes"):
        on_hub(release="nobody/saes", sae_id="mine").card()


def test_a_copy_of_a_published_sae_is_used_as_the_table_says(hub, tmp_path):
    folder = tmp_path / "blocks.6.hook_resid_pre"
    folder.mkdir()
    for name, content in sae_files(6, full=False).items():
        path = folder / Path(name).name
        shutil.copy(content, path) if isinstance(content, Path) else path.write_text(content)
    source = on_hub(sae=str(folder))
    details = source.card().details
    assert details["centred"]
    assert details["sae"]["copy_of"] == "blocks.6.hook_resid_pre of gpt2-small-res-jb"
    assert details["sae"]["loading_arguments_from"] == "SAELens's pretrained_saes.yaml, release gpt2-small-res-jb"
    assert source.wiring().figures.l0 == 51
    renamed = folder.rename(tmp_path / "mine")
    assert not on_hub(sae=str(renamed)).card().details["centred"]
    assert on_hub(sae=str(renamed), release="gpt2-small-res-jb", sae_id="blocks.6.hook_resid_pre").card().details["centred"]


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("release", "sae_id", "sentence"),
    [
        ("gpt2-small-res-jp", None, r"no release 'gpt2-small-res-jp'. Did you mean gpt2-small-res-jb.* It knows 1\d\d"),
        ("gpt2-small-res-jb", None, r"has 13 SAEs; name one. The first are blocks\.0\.hook_resid_pre, blocks\.1"),
        ("gpt2-small-res-jb", "blocks.6.hook_resid_prf", r"Did you mean blocks\.6\.hook_resid_pre"),
        ("somebody/saes", None, "name the SAE's folder in the repository somebody/saes"),
    ],
)
def test_unknown_names(release, sae_id, sentence):
    with pytest.raises(ParameterError, match=sentence):
        saelens(release=release, sae_id=sae_id)


def test_transcoders_are_refused_before_anything_is_downloaded(hub):
    for release in ("gemma-scope-2b-pt-transcoders", "mwhanna-qwen3-0.6b-transcoders-lowl0"):
        published = next(iter(_saes(release)))
        hub.forget()
        with pytest.raises(DataError, match="is a transcoder"):
            on_hub(release=release, sae_id=published).card()
        assert not hub.requests


def _saes(release):
    from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory

    return get_pretrained_saes_directory()[release].saes_map


def test_the_table_is_saelenss_own():
    from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory

    directory = get_pretrained_saes_directory()
    for release in ("gpt2-small-res-jb", "gpt2-small-mlp-tm", "gemma-scope-2-270m-pt-res", "mistral-7b-res-wg"):
        theirs = directory[release]
        for sae_id in list(theirs.saes_map)[:3]:
            ours = find(release, sae_id)
            assert (ours.repository, ours.path, ours.model) == (theirs.repo_id, theirs.saes_map[sae_id], theirs.model)
            assert ours.l0 in (theirs.expected_l0[sae_id], None)
            assert ours.explained_variance in (theirs.expected_var_explained[sae_id], None)


def test_damaged_files_are_named(hub, tmp_path):
    folder = tmp_path / "sae"
    make_sae().save_model(folder)
    hub.add("somebody/broken", {"x/cfg.json": folder / "cfg.json", "x/sae_weights.safetensors": b"\0" * 100})
    with pytest.raises(DataError, match=r"SAELens cannot open x of somebody/broken"):
        on_hub(release="somebody/broken", sae_id="x").dictionary()
