"""SAELens folders as dictionaries, against SAELens's own encode and decode."""

import json
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sae_lens import SAE
from sae_lens.saes.matching_pursuit_sae import MatchingPursuitSAE, MatchingPursuitSAEConfig
from support.tinylm import FEATURES, SAES, WIDTH, make_sae

from darkframe.errors import DataError
from darkframe.interfaces import Codes
from darkframe.lm import sae as sae_module
from darkframe.lm.sae import load_sae
from darkframe.lm.settings import read_settings

X = torch.randn(1300, WIDTH, generator=torch.Generator().manual_seed(3)) * 2 + 0.5
NORMALISATIONS = ["none", "expected_average_only_in", "constant_norm_rescale", "layer_norm"]


def saved(folder, sae):
    sae.save_model(folder)
    return folder


def relative(a, b):
    return float(torch.linalg.norm((a - b).double()) / torch.linalg.norm(b.double()))


@pytest.mark.parametrize("kind", list(SAES))
@pytest.mark.parametrize("normalize", NORMALISATIONS)
@pytest.mark.parametrize("bias_first", [True, False])
def test_reconstruction_is_saelens(tmp_path, kind, normalize, bias_first):
    folder = saved(tmp_path, make_sae(kind, normalize_activations=normalize, apply_b_dec_to_input=bias_first))
    dictionary, theirs = load_sae(folder), SAE.load_from_disk(folder)
    with torch.no_grad():
        codes_theirs = theirs.encode(X)
        expected = theirs.decode(codes_theirs)
    codes = dictionary.encode(X)
    torch.testing.assert_close(codes.to_dense(), codes_theirs, rtol=1e-5, atol=1e-5)
    x_hat = dictionary.decode(codes)
    assert relative(x_hat, expected) < 1e-5
    assert x_hat.dtype == torch.float32
    assert not x_hat.requires_grad
    assert not codes.values.requires_grad
    assert dictionary._sparse


def test_dictionary_gives_its_weights_without_gradients(tmp_path):
    dictionary = load_sae(saved(tmp_path, make_sae("standard")))
    assert dictionary.W_dec.shape == (FEATURES, WIDTH)
    assert dictionary.W_enc.shape == (WIDTH, FEATURES)
    assert dictionary.b_enc.shape == (FEATURES,)
    assert dictionary.b_dec.shape == (WIDTH,)
    assert not any(w.requires_grad for w in (dictionary.W_dec, dictionary.W_enc, dictionary.b_enc, dictionary.b_dec))
    assert load_sae(saved(tmp_path / "gated", make_sae("gated"))).b_enc is None


@pytest.mark.parametrize("normalize", ["none", "layer_norm"])
def test_other_architectures_are_decoded_by_saelens_itself(tmp_path, normalize):
    config = MatchingPursuitSAEConfig(
        d_in=WIDTH, d_sae=FEATURES, residual_threshold=1.0, max_iterations=6, normalize_activations=normalize
    )
    config.metadata.hook_name = "blocks.2.hook_resid_pre"
    torch.manual_seed(0)
    sae = MatchingPursuitSAE(config)
    sae.W_dec.data /= sae.W_dec.data.norm(dim=-1, keepdim=True)
    dictionary, theirs = load_sae(saved(tmp_path, sae)), SAE.load_from_disk(tmp_path)
    with torch.no_grad():
        expected = theirs.decode(theirs.encode(X))
    assert not dictionary._sparse
    assert relative(dictionary.decode(dictionary.encode(X)), expected) < 1e-5


def test_rescaled_codes_from_elsewhere_are_refused(tmp_path):
    dictionary = load_sae(saved(tmp_path, make_sae(normalize_activations="layer_norm")))
    codes = dictionary.encode(X[:5])
    with pytest.raises(DataError, match="only what its own encode returned"):
        dictionary.decode(Codes(codes.offsets, codes.indices, codes.values, codes.n_features))


@pytest.mark.parametrize("kind", list(SAES))
def test_nan_stays_in_its_row(tmp_path, kind):
    dictionary = load_sae(saved(tmp_path, make_sae(kind)))
    x = X[:40].clone()
    clean = dictionary.decode(dictionary.encode(x))
    x[7, 3] = float("nan")
    x_hat = dictionary.decode(dictionary.encode(x))
    assert x_hat[7].isnan().all()
    others = [i for i in range(40) if i != 7]
    torch.testing.assert_close(x_hat[others], clean[others])


def test_no_rows_and_one_row(tmp_path):
    for normalize in ("none", "layer_norm"):
        dictionary = load_sae(saved(tmp_path / normalize, make_sae(normalize_activations=normalize)))
        for n in (0, 1):
            assert dictionary.decode(dictionary.encode(X[:n])).shape == (n, WIDTH)


def test_dense_activations_are_held_a_block_at_a_time(tmp_path, monkeypatch):
    dictionary = load_sae(saved(tmp_path, make_sae()))
    sizes = []
    enter = dictionary.sae.process_sae_in
    monkeypatch.setattr(dictionary.sae, "process_sae_in", lambda x: (sizes.append(len(x)), enter(x))[1])
    whole = dictionary.encode(X)
    assert max(sizes) == sae_module.ROWS
    assert sum(sizes) == len(X)
    assert torch.equal(whole.to_dense()[:300], dictionary.encode(X[:300]).to_dense())


def test_transcoders_have_no_residual(tmp_path):
    saved(tmp_path, make_sae())
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps({**config, "architecture": "transcoder"}))
    with pytest.raises(DataError, match="residual is not defined"):
        load_sae(tmp_path)


def test_loading_prints_nothing(tmp_path, capfd, recwarn):
    folder = saved(tmp_path, make_sae(metadata={"model_from_pretrained_kwargs": {"center_writing_weights": True}}))
    capfd.readouterr()
    recwarn.clear()
    load_sae(folder)
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)


def test_bad_folders(tmp_path):
    with pytest.raises(DataError, match=r"has no cfg\.json"):
        load_sae(tmp_path)
    saved(tmp_path, make_sae())
    (tmp_path / "sae_weights.safetensors").unlink()
    with pytest.raises(DataError, match=r"has no sae_weights\.safetensors"):
        load_sae(tmp_path)
    (tmp_path / "sae_weights.safetensors").write_bytes(b"junk")
    with pytest.raises(DataError, match="cannot be opened by SAELens"):
        load_sae(tmp_path)
    (tmp_path / "cfg.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        load_sae(tmp_path)
    (tmp_path / "cfg.json").write_text('{"d_in": 3}')
    with pytest.raises(DataError, match="does not give d_sae"):
        load_sae(tmp_path)


def test_settings_agree_with_saelens_for_new_and_old_folders(tmp_path):
    kwargs = {"center_writing_weights": True, "fold_ln": False, "checkpoint_index": 3}
    new = saved(tmp_path / "new", make_sae("topk", metadata={"model_from_pretrained_kwargs": kwargs}))
    about = read_settings(new)
    assert about.centre
    assert about.unused == {"checkpoint_index": 3}
    assert (about.separator, about.prepend_bos) == ("bos", True)

    old = tmp_path / "old"
    shutil.copytree(new, old)
    flat = {"d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32", "device": "cpu", "activation_fn_str": "topk"}
    flat |= {"activation_fn_kwargs": {"k": 5}, "hook_point": "blocks.2.hook_resid_pre", "model_name": "gpt2", "context_size": 128}
    (old / "cfg.json").write_text(json.dumps({**flat, "normalize_activations": False}))
    for folder in (new, old):
        mine, theirs = read_settings(folder), SAE.load_from_disk(folder).cfg
        assert mine.architecture == theirs.architecture()
        assert (mine.d_in, mine.d_sae) == (theirs.d_in, theirs.d_sae)
        assert mine.hook_name == theirs.metadata.hook_name
        assert mine.context_size == theirs.metadata.context_size
        assert mine.prepend_bos == theirs.metadata.prepend_bos
        assert mine.normalize_activations == theirs.normalize_activations


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.integers(0, 2**31))
def test_codes_and_dense_activations_are_the_same(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(n, 7, generator=generator).relu() for n in sizes]
    dense = torch.cat(parts)
    codes = Codes.concatenate([Codes.from_dense(part) for part in parts])
    assert len(codes) == len(dense)
    assert torch.equal(codes.to_dense(), dense)
    assert (codes.values != 0).all()
    for i in range(len(dense)):
        mine = codes.indices[codes.offsets[i] : codes.offsets[i + 1]]
        assert torch.equal(mine, mine.sort().values)
    middle = codes[1 : len(dense) - 1]
    assert torch.equal(middle.to_dense(), dense[1 : max(len(dense) - 1, 1)])
