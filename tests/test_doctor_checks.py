"""The doctor's single checks, on statements and numbers made by hand."""

import dataclasses

import pytest
import torch
from support.synthetic import SyntheticParams, SyntheticSource

from darkframe.interfaces import PublishedFigures, SourceCard, Usage, Wiring
from darkframe.progress import QuietProgress
from darkframe.results import LedgerEntry, SplicedLoss
from darkframe.results.doctor import Examination
from darkframe.store.atomic import plain
from darkframe.store.records import record_from_plain
from darkframe.studies.doctor.decoder import decoder_checks
from darkframe.studies.doctor.examine import examine
from darkframe.studies.doctor.figures import loss_checks, nearest_definition
from darkframe.studies.doctor.metadata import metadata_checks
from darkframe.studies.doctor.numbers import prediction_check
from darkframe.studies.doctor.replayed import Replayed
from darkframe.studies.doctor.sites import place, same_place

APPLIED = Usage(
    by="this source",
    model="gpt2",
    hook_point="blocks.6.hook_resid_pre",
    d_model=8,
    n_features=32,
    context_size=128,
    bos=True,
    centred=True,
    dtype="float32",
    normalize_activations="none",
    loading={"center_writing_weights": True},
)


def judged(stated, **applied):
    """Verdicts by name of a source that does ``applied`` where an SAE's cfg.json says ``stated``."""
    usage = dataclasses.replace(APPLIED, by="the SAE's cfg.json", **stated)
    checks = metadata_checks(Wiring(dataclasses.replace(APPLIED, **applied), (usage,)))
    return {check.name: check for check in checks}


def test_what_agrees_passes():
    assert {check.verdict for check in judged({}).values()} == {"pass"}


@pytest.mark.parametrize(
    "name, verdict, stated, applied",
    [
        ("model", "pass", {"model": "openai-community/gpt2"}, {}),
        ("model", "pass", {"model": "gpt2-small"}, {}),
        ("model", "doubtful", {"model": "gpt2-medium"}, {}),
        ("model", "doubtful", {"model": "EleutherAI/pythia-70m-deduped"}, {"model": "EleutherAI/pythia-70m"}),
        ("hook-point", "pass", {"hook_point": "blocks.5.hook_resid_post"}, {}),
        ("hook-point", "wrong", {"hook_point": "blocks.7.hook_resid_pre"}, {}),
        ("hook-point", "wrong", {"hook_point": "layers.6.mlp"}, {"hook_point": "layers.6"}),
        ("hook-point", "doubtful", {"hook_point": "somewhere"}, {}),
        ("shape", "wrong", {"n_features": 64}, {}),
        ("centring", "wrong", {"centred": False}, {}),
        ("loading", "doubtful", {"loading": {"rescale": 2}}, {"not_applied": {"rescale": 2}}),
        ("loading", "wrong", {}, {"not_applied": {"center_writing_weights": True}}),
        ("bos", "wrong", {}, {"bos": False}),
        ("bos", "doubtful", {"bos": False}, {}),
        ("context", "doubtful", {"context_size": 64}, {}),
        ("context", "pass", {"context_size": 256}, {}),
        ("dtype", "doubtful", {"dtype": "torch.float32"}, {"dtype": "bfloat16"}),
        ("dtype", "pass", {"dtype": "bfloat16"}, {}),
        ("dtype", "not known", {"dtype": None}, {"dtype": "bfloat16"}),
        ("normalisation", "wrong", {"normalize_activations": "layer_norm"}, {}),
        ("centring", "not known", {"centred": None}, {}),
    ],
)
def test_verdicts_of_the_metadata(name, verdict, stated, applied):
    check = judged(stated, **applied)[name]
    assert check.verdict == verdict
    assert bool(check.cause) == (verdict in ("wrong", "doubtful"))
    assert all(other.verdict == "pass" for key, other in judged(stated, **applied).items() if key != name)


def test_centring_asked_for_and_not_done_is_wrong_twice():
    found = judged({}, centred=False)
    assert [name for name, check in found.items() if check.verdict == "wrong"] == ["centring", "loading"]
    assert found["loading"].found == "not applied: center_writing_weights"


def test_publishers_who_disagree_are_both_named():
    nearest = dataclasses.replace(APPLIED, by="the SAE's cfg.json")
    table = dataclasses.replace(APPLIED, by="SAELens's table", centred=False)
    check = next(c for c in metadata_checks(Wiring(APPLIED, (nearest, table))) if c.name == "centring")
    assert check.verdict == "wrong"
    assert check.by == "SAELens's table"
    assert "the SAE's cfg.json says yes, SAELens's table no" in check.cause


@pytest.mark.parametrize(
    "a, b, same",
    [
        ("blocks.5.hook_resid_post", "blocks.6.hook_resid_pre", True),
        ("layers.5", "blocks.6.hook_resid_pre", True),
        ("gpt_neox.layers.12.mlp", "layers.12.mlp", True),
        ("transformer.h.2.mlp", "blocks.2.hook_mlp_out", True),
        ("h.2.attn", "blocks.2.hook_attn_out", True),
        ("layers.2.attention", "layers.2.mlp", False),
        ("layers.5", "blocks.5.hook_resid_pre", False),
        ("blocks.2.attn.hook_z", "blocks.2.attn.hook_z", True),
        ("blocks.2.attn.hook_z", "blocks.2.hook_attn_out", False),
        ("embed", "embed", True),
        ("embed", "unembed", False),
    ],
)
def test_one_place_by_two_names(a, b, same):
    assert same_place(a, b) == same_place(b, a) == same
    assert place("embed") is None


class Decoder:
    def __init__(self, decoder):
        self.W_dec, self.W_enc, self.b_enc, self.b_dec = decoder, None, None, None


@pytest.mark.parametrize(
    "change, verdict, said",
    [
        (lambda w: w, "pass", "length 1"),
        (lambda w: 3 * w, "pass", "3 to 3"),
        (lambda w: w.T, "wrong", "transposed"),
        (lambda w: w[:5], "wrong", "loaded wrongly"),
        (lambda w: w.index_fill(0, torch.tensor([3]), float("nan")), "wrong", "NaN"),
        (lambda w: w.index_fill(0, torch.tensor([3]), 0.0), "doubtful", "no direction"),
    ],
)
def test_decoders(change, verdict, said):
    unit = torch.nn.functional.normalize(torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    card = SourceCard("m", "s", "blocks.1.hook_resid_pre", 8, 32, 16, "packed", "text", "f")
    worst = decoder_checks(Decoder(change(unit)), card)[-1]
    assert worst.verdict == verdict
    assert said in f"{worst.found} {worst.cause}"


def entry(name, *values):
    return LedgerEntry(name, name, name, *values)


def test_explained_variance_is_compared_by_the_publishers_definition_or_the_nearest():
    ledger = (entry("ev_pooled", 0.7, 0.9, 0.95), entry("ev_per_token", 0.6, 0.5, 0.4), entry("l0", 3, 3, 3))
    assert nearest_definition(ledger, PublishedFigures("x", None, 0.9, "pooled")) == (0.7, "pooled")
    assert nearest_definition(ledger, PublishedFigures("x", None, 0.9, "ev_per_token")) == (0.6, "per token")
    assert nearest_definition(ledger, PublishedFigures("x", None, 0.9)) == (0.9, "nearest: pooled, with massive")
    assert nearest_definition(ledger, PublishedFigures("x", None, 0.42)) == (0.4, "nearest: per token, with position 0")


@pytest.mark.parametrize(
    "losses, published, verdict",
    [
        ((3.0, 3.1, 8.0, 6.0), None, "pass"),
        ((3.0, 4.5, 8.0, 6.0), None, "doubtful"),
        ((3.0, 6.5, 8.0, 6.0), None, "wrong"),  # worse than the mean
        ((3.0, 8.5, 8.0, 9.0), None, "wrong"),  # worse than zeros
        ((3.0, 3.01, 3.02, 3.1), None, "not known"),
        ((3.0, 3.5, 8.0, 6.0), 0.99, "doubtful"),
        ((3.0, 4.5, 8.0, 6.0), 0.99, "wrong"),
    ],
)
def test_loss_recovered(losses, published, verdict):
    figures = None if published is None else PublishedFigures("x", recovered=published)
    (check,) = loss_checks(SplicedLoss(100, *losses, vocabulary=100, unigram=4.0), figures)
    assert check.verdict == verdict


@pytest.mark.parametrize("clean, verdict", [(3.0, "pass"), (4.2, "doubtful"), (4.7, "wrong")])
def test_the_models_own_loss(clean, verdict):
    found = prediction_check(SplicedLoss(100, clean, 5, 6, 7, vocabulary=100, unigram=4.0), None)
    assert found.verdict == verdict


# ---------------------------------------------------------------- a source that says nothing


def look(source, batches=None, tokens=512, full=False):
    return examine(source, batches or source.batches(), tokens=tokens, full=full, progress=QuietProgress())


def test_a_source_that_says_nothing_is_judged_by_its_numbers():
    found = look(SyntheticSource(), full=True)
    assert [check.name for check in found.having("doubtful", "wrong")] == ["fvu"]  # its plant leaves three quarters out
    assert {check.name for check in found.having("not known")} >= {"hook-point", "bos", "l0", "spliced-loss", "prediction"}
    assert found.losses is None


def test_massive_tokens_do_not_move_the_figures():
    found, plain_found = look(SyntheticSource(SyntheticParams(massive=0.01))), look(SyntheticSource())
    assert found.check("fvu").value == pytest.approx(plain_found.check("fvu").value, rel=0.1)
    assert found.ledger[0].all != found.ledger[0].ordinary


def test_too_few_tokens_are_not_judged():
    found = look(SyntheticSource(SyntheticParams(held=50, firing=0)))
    assert found.check("fvu").verdict == "not known"
    assert not found.stops
    assert look(SyntheticSource(SyntheticParams(held=0))).tokens == 0


def test_a_decoder_that_cannot_be_used_ends_the_examination():
    source = SyntheticSource()
    broken = source.dictionary()
    broken.W_dec = broken.W_dec.clone()
    broken.W_dec[0] = float("nan")
    source.dictionary = lambda: broken
    found = look(source)
    assert found.verdict == "wrong"
    assert found.tokens == 0
    assert "NaN" in found.stops[0]


def test_looking_first_makes_no_batch_twice():
    plain_source, source = SyntheticSource(), SyntheticSource()
    replayed = Replayed(source)
    look(source, replayed.peek())
    assert source.batches_encoded == 3  # of 248 tokens each
    again, wanted = list(replayed.batches()), list(plain_source.batches())
    assert source.batches_encoded == plain_source.batches_encoded == len(again) == len(wanted)
    assert all(torch.equal(a.x, b.x) for a, b in zip(again, wanted))
    assert len(list(replayed.batches(2))) == len(wanted) - 2
    assert len(list(replayed.batches())) == len(wanted)


def test_going_on_later_in_the_text_reads_from_there():
    source = SyntheticSource()
    replayed = Replayed(source)
    next(replayed.peek())
    assert torch.equal(next(replayed.batches(2)).x, next(SyntheticSource().batches(2)).x)
    assert torch.equal(next(replayed.batches()).x, next(SyntheticSource().batches()).x)


def test_an_examination_is_written_and_read_back():
    found = look(SyntheticSource())
    assert record_from_plain(Examination, plain(found)) == found
