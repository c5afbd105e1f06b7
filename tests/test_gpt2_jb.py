"""``gpt2-jb`` against a hub on loopback, beside a script after SAELens's and TransformerLens's own documentation."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sae_lens import SAE, HookedSAETransformer
from support import hub_client
from support.hub import Hub
from support.hub_gpt2 import MODEL, SAES, model_files, publish, sae_files
from support.hub_text import add_openwebtext, english
from support.outputs import check_every_output
from transformers import AutoModelForCausalLM

from darkframe.errors import DataError, MissingRevisionError, ParameterError
from darkframe.interfaces import SourceContext
from darkframe.lm.texts import OPENWEBTEXT
from darkframe.testing import check_source
from darkframe_saelens import loading
from darkframe_saelens.lens import LensUnembedding
from darkframe_saelens.plugin import Gpt2Params
from darkframe_saelens.sources import Gpt2Source

RELEASE = "gpt2-small-res-jb"
BACKENDS = ("transformer-lens", "transformers")
TEXT = []


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A hub with a narrow GPT-2 of 12 layers and SAEs at four sites, and one cache for all tests of the module."""
    with Hub() as hub, pytest.MonkeyPatch.context() as patch:
        attempts = []
        hub_client.refuse_elsewhere(patch.setattr, attempts.append)
        hub_client.use(patch, hub.endpoint, tmp_path_factory.mktemp("hf"))
        hub.commits = publish(hub, layers=(0, 6, 8, 12), tags=("v1",))
        patch.setattr(loading, "load_named", loaded_once(loading.load_named))
        yield hub
        assert not attempts


def loaded_once(load):
    """``load_named`` that keeps what it has loaded: a model for each commit, way of loading and dtype."""
    kept = {}

    def load_or_take(snapshot, name, settings, device, dtype):
        key = snapshot.commit, settings.centre, dtype
        if key not in kept:
            kept[key] = load(snapshot, name, settings, device, dtype)
        return kept[key]

    load_or_take.original = load
    return load_or_take


@pytest.fixture(scope="module", autouse=True)
def text(tmp_path_factory):
    """A few documents: the whole held-out text takes a second to cut into tokens."""
    TEXT[:] = [tmp_path_factory.mktemp("text") / "text.jsonl"]
    TEXT[0].write_text("".join(json.dumps({"text": document}) + "\n" for document in english(4)))


def gpt2(context=None, **params):
    return Gpt2Source(Gpt2Params(**{"text": str(TEXT[0]), "batch_size": 2, **params}), context or SourceContext())


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


def as_documented(model, sae, tokens):
    """Activations and residuals as the libraries' documentation has it."""
    hook = sae.cfg.metadata.hook_name
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, prepend_bos=False, names_filter=[hook])
        x = cache[hook].flatten(0, 1)
        return x, x - sae.decode(sae.encode(x))


def load_as_documented(sae):
    kwargs = sae.cfg.metadata.model_from_pretrained_kwargs or {}
    return HookedSAETransformer.from_pretrained_no_processing("gpt2", device="cpu", **kwargs)


# ------------------------------------------------------------ the true shape


def test_residuals_at_gpt2s_true_shape_are_those_of_a_documented_script(tmp_path_factory, monkeypatch):
    with Hub() as hub:
        hub_client.use(monkeypatch, hub.endpoint, tmp_path_factory.mktemp("hf-full"))
        publish(hub, full=True)
        monkeypatch.setattr(loading, "load_named", loaded_once(loading.load_named))  # both sites' hooks are in one model
        theirs = None
        for layer in (6, 8):
            source = gpt2(layer=layer)
            batch, dictionary = next(source.batches()), source.dictionary()
            sae = SAE.from_pretrained(RELEASE, f"blocks.{layer}.hook_resid_pre", device="cpu")
            theirs = theirs or load_as_documented(sae)
            x, e = as_documented(theirs, sae, torch.from_numpy(batch.tokens.reshape(2, 128)).long())
            codes = dictionary.encode(batch.x)
            assert relative(batch.x, x) < 1e-5
            assert relative(batch.x - dictionary.decode(codes), e) < 1e-5
            assert dictionary.W_dec.shape == (24576, 768)
            assert 40 < len(codes.values) / len(batch.x) < 60
            assert batch.x.mean(dim=1).abs().max() < 1e-4


# ------------------------------------------------------------ a narrow one


@pytest.fixture(scope="module")
def documented(small):
    """A user's own objects for layer 6."""
    sae = SAE.from_pretrained(RELEASE, "blocks.6.hook_resid_pre", device="cpu")
    return load_as_documented(sae), sae


@pytest.mark.parametrize("backend", BACKENDS)
def test_residuals_are_those_of_a_documented_script(documented, backend):
    source = gpt2(backend=backend)
    batch, dictionary = next(source.batches()), source.dictionary()
    x, e = as_documented(*documented, torch.from_numpy(batch.tokens.reshape(2, 128)).long())
    assert relative(batch.x, x) < 1e-5
    assert relative(batch.x - dictionary.decode(dictionary.encode(batch.x)), e) < 1e-5
    assert (batch.tokens.reshape(2, 128)[:, 0] == 50256).all()
    assert batch.special.reshape(2, 128)[:, 0].all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_keeps_the_contract(small, backend):
    made = check_source(gpt2(backend=backend), lambda context: gpt2(context, backend=backend))
    assert {"openings_agree", "losses_are_next_token_losses", "fetch_says_what_there_is"} <= set(made)


@pytest.mark.parametrize("layer", [0, 12])
def test_the_first_and_the_last_site(documented, layer):
    hook = "blocks.11.hook_resid_post" if layer else "blocks.0.hook_resid_pre"
    for backend in BACKENDS:
        source = gpt2(layer=layer, backend=backend)
        assert source.card().hook_point == hook
        batch = next(source.batches())
        _, cache = documented[0].run_with_cache(torch.from_numpy(batch.tokens.reshape(2, 128)).long(), prepend_bos=False)
        assert relative(batch.x, cache[hook].flatten(0, 1)) < 1e-5


def test_the_centring_is_applied_and_can_be_left_out(small):
    lens, plain = gpt2(centre=False), gpt2(centre=False, backend="transformers")
    a, b, centred = (next(source.batches()).x for source in (lens, plain, gpt2()))
    assert relative(a, b) < 1e-5
    assert relative(centred, a) > 0.1
    assert relative(centred, a - a.mean(dim=1, keepdim=True)) < 1e-5
    assert lens.wiring().applied.centred is False
    assert [usage.centred for usage in gpt2().wiring().stated] == [None, True]


def test_without_bos(small):
    batch = next(gpt2(bos=False).batches())
    assert not batch.special.reshape(2, 128)[:, 0].any()


def test_the_models_loss_is_transformerlenss_own(documented):
    tokens = next(gpt2().batches()).tokens.reshape(2, 128)
    model, sae = documented
    ids = torch.from_numpy(tokens).long()
    with torch.no_grad():
        clean = model(ids, return_type="loss", loss_per_token=True, prepend_bos=False)
        spliced = model.run_with_saes(ids, saes=[sae], return_type="loss", loss_per_token=True, prepend_bos=False)
    for backend in BACKENDS:
        source = gpt2(backend=backend)
        dictionary = source.dictionary()
        torch.testing.assert_close(source.losses(tokens), clean, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(source.losses(tokens, lambda x: x), clean, rtol=1e-4, atol=1e-4)
        ours = source.losses(tokens, lambda x, d=dictionary: d.decode(d.encode(x)))
        torch.testing.assert_close(ours, spliced, rtol=1e-4, atol=1e-4)


def test_the_logit_lens_is_the_models_own(small):
    source = gpt2()
    directions = source.dictionary().W_dec[:20]
    ours = source.unembedding().logits(directions)
    lm = AutoModelForCausalLM.from_pretrained("gpt2", dtype=torch.float32)
    with torch.no_grad():
        theirs = lm.lm_head(lm.transformer.ln_f(directions))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_folding_changes_the_logit_lens_by_a_constant_at_most(documented):
    """What other loading arguments than this release's would do to it."""
    directions = torch.randn(5, 96, generator=torch.Generator().manual_seed(0))
    folded = HookedSAETransformer.from_pretrained("gpt2", device="cpu")
    logits = [
        LensUnembedding(lambda stream, m=m: m.unembed(m.ln_final(stream)), m).logits(directions) for m in (documented[0], folded)
    ]
    difference = logits[0] - logits[1]
    assert difference.std(dim=1).max() < 1e-4
    assert difference.mean(dim=1).abs().max() > 1e-3


def test_bfloat16_models_give_float32(small):
    exact = next(gpt2().batches()).x
    for backend in BACKENDS:
        x = next(gpt2(dtype="bfloat16", backend=backend).batches()).x
        assert x.dtype == torch.float32
        assert 1e-4 < relative(x, exact) < 0.05


# ------------------------------------------------------------ what is recorded


def test_commits_are_pinned_and_recorded(small):
    card = gpt2().card()
    assert (card.model, card.n_features, card.context_size) == ("gpt2-small", 3072, 128)
    assert [card.details[part]["commit"] for part in ("model", "sae")] == list(small.commits)
    older = small.commits[0]
    newer = small.add(MODEL, {**model_files(full=False), "README.md": "changed"})
    assert gpt2().card().details["model"]["commit"] == newer
    for pinned in ("v1", older):
        source = gpt2(revision=pinned)
        assert source.card().details["model"]["commit"] == older
        assert source.card().details["model"]["revision"] == pinned
        assert next(source.batches()).x.shape == (256, 96)
    assert gpt2().card().fingerprint != gpt2(revision="v1").card().fingerprint
    with pytest.raises(MissingRevisionError):
        gpt2(sae_revision="nowhere").card()


def test_what_is_said_of_the_sae(small):
    wiring = gpt2().wiring()
    assert (wiring.figures.l0, wiring.figures.explained_variance, wiring.figures.definition) == (51.0, 0.9, "")
    for stated in wiring.stated:
        for name in ("model", "hook_point", "d_model", "n_features", "context_size", "bos", "centred"):
            assert getattr(stated, name) in (None, getattr(wiring.applied, name))
    assert not wiring.applied.not_applied


def test_a_filled_cache_is_enough(small, monkeypatch):
    gpt2().fetch(None)
    small.forget()
    hub_client.offline(monkeypatch)
    for backend in BACKENDS:
        source = gpt2(backend=backend)
        assert len(source.dictionary().encode(next(source.batches()).x)) == 256
    assert [(fetched.what, fetched.name) for fetched in source.fetch(None)] == [("model", "gpt2"), ("SAE", SAES)]
    assert not small.requests


def test_loading_prints_nothing(small, monkeypatch, capfd, recwarn):
    monkeypatch.setattr(loading, "load_named", loading.load_named.original)
    source = gpt2()
    next(source.batches())
    source.dictionary()
    assert capfd.readouterr() == ("", "")
    assert not [w for w in recwarn if "darkframe" in str(w.filename) or "lens" in str(w.filename)]


# ------------------------------------------------------------ folders


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())
    return folder


@pytest.fixture(scope="module")
def copies(small, tmp_path_factory):
    """The repositories' files, copied into folders; the model's lies on a path that TransformerLens would misread."""
    folder = tmp_path_factory.mktemp("llama-and-bert")
    put(folder / "model", {name: file for name, file in model_files(full=False).items() if name != "README.md"})
    for layer in (6, 8):
        put(folder / "saes", sae_files(layer, full=False))
    return folder


@pytest.mark.parametrize("backend", BACKENDS)
def test_folders_give_the_same(small, copies, backend, monkeypatch):
    expected = next(gpt2(backend=backend).batches()).x
    monkeypatch.setattr("darkframe.hub.fetching._Request.online", lambda self: pytest.fail("the hub was asked"))
    for sae in ("saes", "saes/blocks.6.hook_resid_pre"):
        source = gpt2(backend=backend, model=str(copies / "model"), sae=str(copies / sae))
        assert relative(next(source.batches()).x, expected) < 1e-6
        assert source.card().details["sae"]["copy_of"] == f"blocks.6.hook_resid_pre of {RELEASE}"
        assert source.fetch(None) == []
        assert source.wiring().applied.centred


def test_a_folder_of_another_site_is_refused(small, copies):
    with pytest.raises(DataError, match=r"reads blocks\.8\.hook_resid_pre, not blocks\.6\.hook_resid_pre"):
        gpt2(sae=str(copies / "saes/blocks.8.hook_resid_pre")).card()
    with pytest.raises(ParameterError, match="there is no SAE in"):
        gpt2(sae=str(copies))
    with pytest.raises(ParameterError, match="which has no revision 'main'"):
        gpt2(sae=str(copies / "saes"), sae_revision="main")
    with pytest.raises(ParameterError, match="which has no revision 'v1'"):
        gpt2(model=str(copies / "model"), revision="v1").card()


def test_a_folder_named_gpt2_does_not_shadow_the_model(small, tmp_path, monkeypatch):
    expected = next(gpt2().batches()).x
    monkeypatch.setattr(loading, "load_named", loading.load_named.original)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    monkeypatch.chdir(tmp_path)
    for backend in BACKENDS:
        assert relative(next(gpt2(backend=backend).batches()).x, expected) < 1e-5
    assert Path.cwd() == tmp_path


# ------------------------------------------------------------ the installed command


def darkframe(*arguments, environment, cwd):
    command = [Path(sys.executable).with_name("darkframe"), *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command_runs_the_whole_study(small, tmp_path):
    (tmp_path / "guard").mkdir()
    hub = small.environment(tmp_path / "hf", **hub_client.guarded(tmp_path / "guard"))
    environment = {**os.environ, **hub, "DARKFRAME_CACHE": str(tmp_path / "cache")}
    add_openwebtext(small)
    chosen = ["--source", "gpt2-jb", "--decomposer", "fastica", "--tokens", "3000", "--quick", "--json"]
    options = ["--set", "study.null_directions=20", "--set", "decomposer.n_components=8", "--out", str(tmp_path / "run")]
    done = darkframe("run", *chosen, *options, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["collect"]["tokens_kept"] == 3000
    manifest = check_every_output(tmp_path / "run", 3000, tmp_path / "exported")
    for part, name in (("model", MODEL), ("sae", SAES)):
        assert manifest["source"]["details"][part]["commit"] == small.repositories["model", name].refs["main"]
    assert manifest["source"]["details"]["text"]["commit"] == OPENWEBTEXT.revision
    assert not hub_client.elsewhere(tmp_path / "guard")
    assert "TransformerBridge" not in done.stderr


def test_without_network_and_cache_one_sentence_says_what_to_do(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf")}
    environment |= {"DARKFRAME_CACHE": str(tmp_path / "cache")}
    start = time.monotonic()
    done = darkframe("run", "--source", "gpt2-jb", "--out", str(tmp_path / "run"), environment=environment, cwd=tmp_path)
    seconds = time.monotonic() - start
    assert done.returncode == 1
    assert "darkframe fetch --source gpt2-jb" in " ".join(done.stderr.split())
    assert "source.model=FOLDER and source.sae=FOLDER" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert seconds < 10  # what is promised; three on a quiet machine


def test_rows_are_the_release_s_own(small):
    """128 tokens, BOS first, documents behind one another with BOS between them."""
    batch = next(gpt2(batch_size=8).batches())
    rows = batch.tokens.reshape(8, 128)
    assert (rows[:, 0] == 50256).all()
    starts = np.flatnonzero(np.diff(batch.documents)) + 1
    assert (batch.tokens[starts] == 50256).all()
