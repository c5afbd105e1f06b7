"""The doctor on the embedded model: it passes as shipped, and each way of wiring it wrongly is named."""

import json
import math

import numpy as np
import pytest
import torch
from support import rewired
from support.rewired import (
    ASSETS,
    CENTRED,
    Mute,
    Wrapped,
    centre_sae,
    copy_assets,
    few_documents,
    offset_sae,
    shift_constant,
    shift_stream,
)

from darkframe.config import StudyParams
from darkframe.progress import QuietProgress
from darkframe.studies.collect import collect
from darkframe.studies.doctor.examine import examine
from darkframe.studies.doctor.scale import scan_scales

N = 600


@pytest.fixture(scope="module", autouse=True)
def text(tmp_path_factory):
    tiny.text = few_documents(tmp_path_factory.mktemp("text") / "few.jsonl")


def tiny(**params):
    return rewired.tiny(**({"text": tiny.text} | params))


def look(source, tokens=N, full=True):
    return examine(source, source.batches(), tokens=tokens, full=full, progress=QuietProgress())


def verdicts(found):
    return {check.name: check.verdict for check in found.checks}


@pytest.fixture(scope="module")
def shipped():
    return look(tiny(text=None), 4096)


def test_the_shipped_source_passes(shipped):
    assert shipped.verdict == "pass"
    assert set(verdicts(shipped).values()) == {"pass"}
    assert not shipped.stops
    assert shipped.tokens == 4096


def test_it_finds_the_published_figures_again(shipped):
    card = json.loads((ASSETS / "metrics.json").read_text())["sae"]
    assert shipped.check("l0").value == pytest.approx(card["l0"], rel=0.1)
    assert shipped.check("explained-variance").value == pytest.approx(card["explained_variance"], abs=0.03)
    assert shipped.check("explained-variance").found.endswith("(pooled)")
    assert shipped.losses.recovered == pytest.approx(card["recovered_against_zero"], abs=0.03)
    assert shipped.check("spliced-loss").reference == card["recovered_against_zero"]


def test_its_ledger_is_the_studys_on_the_same_tokens(shipped, tmp_path):
    study = StudyParams()
    collection, _ = collect(tiny(text=None), tokens=4096, study=study, strict=False, cache=tmp_path, progress=QuietProgress())
    assert shipped.ledger == collection.statistics.ledger


def test_more_tokens_than_a_pilot_are_measured_as_the_study_does(tmp_path):
    found = look(tiny(), 9001, full=False)
    collection, _ = collect(tiny(), tokens=9001, study=StudyParams(), strict=False, cache=tmp_path, progress=QuietProgress())
    assert found.tokens == 9001
    assert found.ledger == collection.statistics.ledger


def test_losses_are_those_of_plain_transformers():
    from transformers import AutoModelForCausalLM

    source, tokens = tiny(batch_size=4), 300
    found = look(source, tokens).losses
    batch = next(source.batches())
    rows = torch.from_numpy(batch.tokens.reshape(4, 128)[:3]).long()  # the rows that hold the first 300 tokens
    special = torch.from_numpy(batch.special.reshape(4, 128)[:3])
    x = batch.x[~torch.from_numpy(batch.special)][:tokens]
    model = AutoModelForCausalLM.from_pretrained(ASSETS / "model", dtype=torch.float32).eval()
    sae = source.dictionary().sae

    def loss(change):
        def before(_, args, kwargs):
            hidden = args[0] if args else kwargs["hidden_states"]
            changed = change(hidden)
            return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": changed})

        handle = model.transformer.h[3].register_forward_pre_hook(before, with_kwargs=True)
        with torch.no_grad():
            logits = model(rows).logits
        handle.remove()
        picked = -logits[:, :-1].log_softmax(-1).gather(-1, rows[:, 1:, None])[..., 0]
        return float(picked[~special[:, 1:]].mean())

    def spliced(h):
        return torch.where(special[..., None], h, sae.decode(sae.encode(h)))

    assert found.tokens == int((~special[:, 1:]).sum())
    assert found.clean == pytest.approx(loss(lambda h: h), rel=1e-4)
    assert found.sae == pytest.approx(loss(spliced), rel=1e-4)
    assert found.zero == pytest.approx(loss(torch.zeros_like), rel=1e-4)
    assert found.mean == pytest.approx(loss(lambda h: x.mean(0).expand_as(h)), rel=1e-3)
    assert found.vocabulary == 4096
    assert found.recovered == pytest.approx((found.zero - found.sae) / (found.zero - found.clean))
    counts = np.unique(rows[:, 1:][~special[:, 1:]].numpy(), return_counts=True)[1] / found.tokens
    assert found.unigram == pytest.approx(-(counts * np.log(counts)).sum())


# ---------------------------------------------------------------- BOS


def test_bos_left_out_is_said_by_the_metadata_and_by_the_numbers():
    source = tiny(bos=False)
    found = look(source, full=False)
    assert found.verdict == "wrong"
    assert found.check("bos").verdict == "wrong"
    assert "source.bos=true" in found.check("bos").cause
    assert found.check("bos").by == "the SAE's cfg.json"
    alone = look(Wrapped(source), full=False)
    assert alone.check("bos").verdict == "not known"
    assert alone.verdict == "doubtful"
    assert alone.check("row-starts").verdict == "doubtful"
    assert "source.bos=true" in alone.check("row-starts").cause


# ---------------------------------------------------------------- centring


@pytest.fixture(scope="module")
def for_centred(tmp_path_factory):
    """A model whose stream has a mean over d_model, and an SAE of its centred activations."""
    return copy_assets(tmp_path_factory.mktemp("centred"), weights=shift_stream, sae=centre_sae, metadata=CENTRED)


@pytest.fixture(scope="module")
def for_raw(tmp_path_factory):
    """A model whose stream has a mean over d_model, and an SAE that reconstructs it."""
    return copy_assets(tmp_path_factory.mktemp("raw"), weights=shift_constant, sae=offset_sae)


def test_the_shifted_model_is_the_same_function(for_centred):
    shifted, plain = tiny(assets=for_centred), tiny()
    batch = next(plain.batches())
    tokens = batch.tokens.reshape(-1, 128)[:2]
    assert torch.allclose(shifted.losses(tokens), plain.losses(tokens), atol=2e-3)
    raw = next(tiny(assets=for_centred, centre=False).batches()).x
    assert raw.mean(-1).abs().mean() > 0.5


def test_centred_as_it_was_trained_passes(for_centred):
    found = look(tiny(assets=for_centred), full=False)
    assert found.check("centring").verdict == found.check("all-ones").verdict == "pass"
    assert found.metric("fvu") < 0.25


def test_centring_left_out_is_said_by_the_metadata_and_by_the_numbers(for_centred):
    source = tiny(assets=for_centred, centre=False)
    found = look(source, full=False)
    assert found.verdict == found.check("centring").verdict == "wrong"
    assert "source.centre=true" in found.check("centring").cause
    alone = look(Wrapped(source), full=False)
    assert alone.check("centring").verdict == "not known"
    assert alone.check("all-ones").verdict == "wrong"
    assert "source.centre=true" in alone.check("all-ones").cause


def test_an_uncentred_sae_passes_uncentred(for_raw):
    found = look(tiny(assets=for_raw), full=False)
    assert found.check("centring").verdict == found.check("all-ones").verdict == "pass"
    assert found.metric("fvu") == pytest.approx(look(tiny(), full=False).metric("fvu"), abs=1e-3)


def test_centring_where_it_does_not_belong_is_said_by_both(for_raw):
    source = tiny(assets=for_raw, centre=True)
    found = look(source, full=False)
    assert found.verdict == found.check("centring").verdict == "wrong"
    assert "source.centre=false" in found.check("centring").cause
    alone = look(Wrapped(source), full=False)
    assert alone.check("all-ones").verdict == alone.verdict == "wrong"
    assert "source.centre=false" in alone.check("all-ones").cause


# ---------------------------------------------------------------- site, scale, tokenizer


def test_another_layer():
    found = look(tiny(hook_point="blocks.5.hook_resid_pre"))
    assert {"hook-point", "fvu", "l0", "explained-variance"} <= {check.name for check in found.having("wrong")}
    assert "source.hook_point=blocks.3.hook_resid_pre" in found.check("hook-point").cause
    assert "hook point" in found.check("fvu").cause
    assert len(found.stops) == 2


def test_an_mlps_output_in_place_of_the_residual_stream():
    found = look(tiny(hook_point="h.3.mlp"), full=False)
    assert found.check("hook-point").verdict == "wrong"
    assert "reads the residual stream, but gets the output of an MLP" in found.check("hook-point").cause
    alone = look(Wrapped(tiny(hook_point="h.3.mlp")), full=False)
    assert {"fvu"} <= {check.name for check in alone.having("wrong")}
    assert {"bias"} <= {check.name for check in alone.having("doubtful")}


@pytest.mark.parametrize("scale", [0.2, 8.0])
def test_a_forgotten_normalisation_is_found_with_its_factor(scale):
    found = look(Wrapped(tiny(), scale), full=False)
    assert found.check("scale").verdict == "wrong"
    assert found.check("scale").value == pytest.approx(1 / scale, rel=0.2)
    assert found.stops


def test_a_scan_of_scales():
    source = tiny()
    length = float(next(source.batches()).x.norm(dim=1).mean())
    block = next(source.batches()).x[1:257]
    scan = scan_scales(source.dictionary(), block * 5)
    assert scan.best == pytest.approx(1 / 5, rel=0.2)
    assert scan.to_root_d == pytest.approx(math.sqrt(160) / (5 * length), rel=0.1)
    assert not scan.is_root_d


def test_a_tokenizer_that_does_not_belong_to_the_model(tmp_path):
    folder = copy_assets(tmp_path / "assets")
    path = tmp_path / "assets/model/tokenizer.json"
    tokenizer = json.loads(path.read_text())
    words = [word for word, number in tokenizer["model"]["vocab"].items() if number]
    order = np.random.default_rng(0).permutation(len(words))
    numbers = [tokenizer["model"]["vocab"][word] for word in words]
    tokenizer["model"]["vocab"] |= {word: numbers[i] for word, i in zip(words, order)}
    path.write_text(json.dumps(tokenizer))
    for source in (tiny(assets=folder), Mute(tiny(assets=folder))):
        check = look(source, 600).check("prediction")
        assert check.verdict == "wrong"
        assert "tokenizer does not belong to the model" in check.cause


def test_published_figures_it_does_not_have(tmp_path):
    found = look(tiny(assets=copy_assets(tmp_path, figures={"l0": 40.0, "recovered_against_zero": 1.4})))
    assert found.check("l0").verdict == found.check("spliced-loss").verdict == "wrong"
    assert "off by more than 50%" in found.stops[0]
    assert "Fewer features fire" in found.check("l0").cause
