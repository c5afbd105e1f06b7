"""The embedded source's code over a minute model, end to end."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sae_lens import SAE
from support.tinylm import CONTEXT, FEATURES, WIDTH, make_assets, make_documents, make_sae, write_jsonl
from transformers import AutoModelForCausalLM

from darkframe.errors import DataError, ParameterError, UserError
from darkframe.interfaces import Source, SourceContext
from darkframe.testing import ChecksFailed, check_source
from darkframe_tiny.plugin import TinyParams, darkframe_sources
from darkframe_tiny.source import TinySource


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return make_assets(tmp_path_factory.mktemp("assets") / "tiny")


def tiny(assets, context=None, **params):
    return TinySource(TinyParams(assets=str(assets), **{"batch_size": 4, **params}), context or SourceContext())


@pytest.mark.parametrize("packing", ["packed", "split", "truncate"])
def test_it_keeps_the_contract(assets, packing):
    source = tiny(assets, packing=packing)
    assert isinstance(source, Source)
    assert "openings_agree" in check_source(source, lambda context: tiny(assets, context, packing=packing))


@pytest.mark.parametrize("packing", ["packed", "split", "truncate"])
def test_available_tokens_are_what_the_batches_hold(assets, packing):
    source = tiny(assets, packing=packing)
    batches = list(source.batches())
    assert sum(int((~batch.special).sum()) for batch in batches) == source.available_tokens()
    assert batches[-1].skipped == sum(len(text.strip()) < 20 for text in make_documents())


def test_batches_are_the_models_own_activations_of_the_texts_own_tokens(assets):
    model = AutoModelForCausalLM.from_pretrained(assets / "model", dtype=torch.float32)
    source = tiny(assets)
    batch = next(source.batches())
    rows = torch.from_numpy(batch.tokens.reshape(4, CONTEXT)).long()
    with torch.no_grad():
        states = model(rows, output_hidden_states=True).hidden_states[2]
    torch.testing.assert_close(batch.x, states.flatten(0, 1), rtol=1e-5, atol=1e-5)
    text = next(text for text in make_documents() if len(text.strip()) >= 20)
    first = (batch.documents == 0) & ~batch.special
    assert text.startswith("".join(source.decode_tokens(batch.tokens[first].tolist())))
    sae = SAE.load_from_disk(assets / "sae")
    dictionary = source.dictionary()
    with torch.no_grad():
        torch.testing.assert_close(dictionary.decode(dictionary.encode(batch.x)), sae(batch.x), rtol=1e-4, atol=1e-4)


def test_the_sae_says_whether_to_centre_and_where(tmp_path):
    kwargs = {"model_from_pretrained_kwargs": {"center_writing_weights": True, "checkpoint_index": 5}}
    folder = make_assets(tmp_path / "a", metadata={**kwargs, "hook_name": "blocks.3.hook_resid_post"})
    source = tiny(folder)
    assert next(source.batches()).x.mean(dim=1).abs().max() < 1e-5
    card = source.card()
    assert (card.details["centred"], card.hook_point) == (True, "blocks.3.hook_resid_post")
    assert card.details["loading_arguments_not_used"] == {"checkpoint_index": "5"}


def test_without_bos_where_the_sae_was_trained_without(tmp_path):
    source = tiny(make_assets(tmp_path / "a", metadata={"prepend_bos": False}), packing="split")
    batch = next(source.batches())
    assert not batch.special[batch.context_positions == 0].any()
    assert "BOS" not in source.card().packing


def test_the_fingerprint_depends_on_what_the_numbers_depend_on(assets, tmp_path):
    prints = {tiny(assets).card().fingerprint}
    assert tiny(assets).card().fingerprint in prints
    for params in ({"packing": "split"}, {"batch_size": 5}, {"context_size": 8}):
        prints.add(tiny(assets, **params).card().fingerprint)
    other = write_jsonl(tmp_path / "other.jsonl", make_documents(seed=5))
    prints.add(tiny(assets, text=str(other)).card().fingerprint)
    changed = make_assets(tmp_path / "changed", seed=9)
    prints.add(tiny(changed).card().fingerprint)
    assert len(prints) == 6


def test_another_text(assets, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("the white whale and the ship at night\n\nthe captain and the crew on deck\n")
    source = tiny(assets, text=str(path))
    assert next(source.batches()).documents.max() == 1
    body = write_jsonl(tmp_path / "body.jsonl", make_documents(), field="body")
    assert tiny(assets, text=str(body), text_field="body").available_tokens() == tiny(assets).available_tokens()
    with pytest.raises(DataError, match="has no text in field 'text'"):
        tiny(assets, text=str(body)).available_tokens()


def test_what_does_not_fit_is_said(assets, tmp_path):
    with pytest.raises(ParameterError, match=f"A context of 99 tokens is more than the model's {CONTEXT}"):
        tiny(assets, context_size=99).card()
    with pytest.raises(ParameterError, match="holds no model/ folder"):
        tiny(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        tiny(assets, text=str(tmp_path / "none.txt")).card()
    folder = make_assets(tmp_path / "a", metadata={"hook_name": "blocks.9.hook_resid_pre"})
    with pytest.raises(DataError, match="reads block 9, but the model has 4 blocks"):
        next(tiny(folder).batches())
    sae = make_sae(metadata={"hook_name": "blocks.1.hook_mlp_out"})
    sae.save_model(folder / "sae")
    with pytest.raises(DataError, match="not a site on the residual stream"):
        tiny(folder).card()


def test_an_sae_of_another_width_is_refused(tmp_path, monkeypatch):
    folder = make_assets(tmp_path / "a")
    monkeypatch.setattr("support.tinylm.WIDTH", WIDTH + 1)
    make_sae().save_model(folder / "sae")
    with pytest.raises(DataError, match=f"SAE reads {WIDTH + 1} dimensions, but the model has {WIDTH}"):
        next(tiny(folder).batches())


def test_the_card(assets):
    card = tiny(assets).card()
    assert (card.model, card.d_model, card.n_features, card.context_size) == ("fixture", WIDTH, FEATURES, CONTEXT)
    assert card.hook_point == "blocks.2.hook_resid_pre"
    assert "SAELens" in card.packing


def test_declaring_it_imports_nothing_heavy():
    code = (
        "import sys, darkframe_tiny.plugin as p; infos = list(p.darkframe_sources()); "
        "assert infos[0].default_tokens is None; print(sorted({'torch', 'numpy', 'transformers', 'sklearn'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout.strip() == "[]"
    )
    assert [info.name for info in darkframe_sources()] == ["tiny"]


class Broken:
    """A source that breaks one promise of its inner one's."""

    def __init__(self, inner, **changed):
        self._inner, self._changed = inner, changed

    def __getattr__(self, name):
        return self._changed.get(name) or getattr(self._inner, name)


def test_the_checks_find_broken_promises(assets):
    source = tiny(assets)

    def batches(start=0):
        for number, batch in enumerate(source.batches(start)):
            yield replace(batch, positions=np.where(batch.positions == 3, 4, batch.positions), skipped=start + number)

    def restarted(start=0):
        return (replace(batch, x=batch.x + start) for batch in source.batches(start))

    with pytest.raises(ChecksFailed) as caught:
        check_source(Broken(source, batches=batches))
    assert set(caught.value.failures) == {"positions_follow_the_text"}
    with pytest.raises(ChecksFailed, match="batches_restart: x of batch 1 differs when starting there") as caught:
        check_source(Broken(source, batches=restarted))
    assert set(caught.value.failures) == {"batches_restart"}
    with pytest.raises(ChecksFailed, match="raised ZeroDivisionError") as caught:
        check_source(Broken(source, decode_tokens=lambda tokens: 1 / 0))
    assert set(caught.value.failures) == {"tokens_decode", "special_tokens_are_no_content"}
