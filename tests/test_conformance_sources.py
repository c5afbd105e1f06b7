"""Sources in the conformance kit: the built-in ones pass, here or beside their own tests; a broken one fails what says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import hub_client
from support.plain_source import WIDTH, Plain, PlainDictionary, each_batch, having, refuse, with_card, with_dictionary

from darkframe import SourceInfo, UserError
from darkframe.deprecation import DarkframeDeprecationWarning
from darkframe.errors import PluginError
from darkframe.interfaces import Codes, SourceContext, Usage, Wiring
from darkframe.registry import Registry
from darkframe.testing import ChecksFailed, check_source, checks_of, number_of_checks, parametrize_with_checks, run, subject
from darkframe.testing.given import GivenSubject
from darkframe.testing.kit import GENERAL, SOURCE

EVERYTHING = ("activations", "dictionary", "encoder", "unembedding", "text")
EXTRAS = ("wiring", "losses", "fetch")

TESTED = {
    "arrays": "test_conformance_sources.py",
    "gpt2-jb": "test_gpt2_jb.py",
    "pythia-410m": "test_pythia.py",
    "pythia-70m": "test_pythia.py",
    "saelens": "test_saelens_source.py",
    "smollm2": "test_smollm2.py",
    "sparsify": "test_sparsify_source.py",
    "tiny": "test_conformance_sources.py",
}
"""Where each built-in source passes the checks, with what it needs (a hub, a conversion) at hand."""

TINY = subject("source", "tiny")
CHECKPOINT = subject("source", "tiny", checkpoint=1)


def test_no_built_in_was_left_out():
    built_in = [found.name for found in Registry.discover({}).plugins("source") if found.distribution == "darkframe"]
    assert sorted(TESTED) == built_in
    for file in set(TESTED.values()):
        assert "check_source(" in (Path(__file__).parent / file).read_text()


@parametrize_with_checks(TINY)
def test_tiny_keeps_the_contract(check):
    check()


@pytest.mark.parametrize("check", [check for check in checks_of(CHECKPOINT) if "dictionary" in check.check.needs], ids=repr)
def test_a_checkpoint_of_tiny_keeps_it_too(check):
    check()


def test_no_check_was_left_out():
    assert len(checks_of(TINY)) == number_of_checks("source", *EVERYTHING, *EXTRAS, "lacks") == len(GENERAL) + len(SOURCE)
    given = set(EVERYTHING) - {"encoder"}
    assert len(checks_of(CHECKPOINT)) == number_of_checks("source", *given, *EXTRAS, "lacks") == len(GENERAL) + len(SOURCE) - 3
    assert len(SOURCE) == 23


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Tiny's first batches and its SAE in files, as somebody's own."""
    folder, source = tmp_path_factory.mktemp("arrays"), TINY.source
    batches = [batch for batch, _ in zip(source.batches(), range(4), strict=False)]
    for name in ("tokens", "documents", "special"):
        np.save(folder / f"{name}.npy", np.concatenate([getattr(batch, name) for batch in batches]))
    x = torch.cat([batch.x for batch in batches]).numpy()
    np.save(folder / "x.npy", x.reshape(-1, source.card().context_size, x.shape[1]))
    dictionary = source.dictionary()
    np.savez(folder / "sae.npz", **{name: getattr(dictionary, name).numpy() for name in ("W_enc", "b_enc", "W_dec", "b_dec")})
    np.savez(folder / "decoder.npz", W_dec=dictionary.W_dec.numpy())
    return folder


SAE = {"activation": "relu", "apply_b_dec_to_input": True}


@pytest.mark.parametrize(
    ("named", "given", "left_out"),
    [
        (
            {"activations": "x", "tokens": "tokens", "documents": "documents", "special": "special", "dictionary": "sae"},
            SAE,
            "text",
        ),
        ({"activations": "x", "dictionary": "sae"}, SAE | {"batch_size": 700}, "text"),
        ({"activations": "x"}, {}, "dictionary text"),
        ({"dictionary": "decoder"}, {}, "activations encoder text"),
    ],
)
def test_arrays_keep_the_contract_whatever_they_are_given(files, named, given, left_out):
    suffix = {"dictionary": "npz"}
    paths = {kind: str(files / f"{name}.{suffix.get(kind, 'npy')}") for kind, name in named.items()}
    one = subject("source", "arrays", **paths, **given)
    lacking = {*left_out.split(), "unembedding", "fetch", "losses"} | ({"encoder"} if "dictionary" in left_out else set())
    assert one.capabilities == {*EVERYTHING, "wiring", "lacks"} - lacking
    assert len(checks_of(one)) == number_of_checks("source", *one.capabilities)
    assert {outcome.name: outcome.reason for check in checks_of(one) if not (outcome := run(check)).good} == {}


@pytest.mark.parametrize("name", ["arrays", "saelens", "sparsify", "gpt2-jb", "pythia-70m", "pythia-410m"])
def test_what_cannot_be_opened_here_is_only_asked_to_say_why(name, hub_home, monkeypatch, no_other_connections):
    hub_client.use(monkeypatch, "http://127.0.0.1:9", hub_home)
    one = subject("source", name)
    assert one.obstacle and not one.capabilities
    checks = checks_of(one)
    assert [check.name for check in checks[len(GENERAL) :]] == ["it_opens"]
    assert len(checks) == number_of_checks("source")
    assert run(checks[-1]).status == "passed"


# ------------------------------------------------------------ broken ones

INFO = SourceInfo(name="plain", target="support.plain_source:Plain", summary="It is plain.", partial=True)


def bench(kind, **declared):
    return GivenSubject("source", lambda context: kind(None, context), replace(INFO, **declared))


def failed(one):
    own = {check.name for check in SOURCE}
    outcomes = [run(check) for check in checks_of(one) if check.name in own]
    for outcome in outcomes:
        assert outcome.good or (len(outcome.reason.split()) > 3 and "\n" not in outcome.reason), outcome
    return {outcome.name: outcome.reason for outcome in outcomes if not outcome.good}


def raising(error):
    def card(self):
        raise error

    return having(card=card)


class Random(Plain):
    def card(self):
        return replace(super().card(), fingerprint=str(id(self)))


class OtherText(Plain):
    """Its first batch is another one each time it is opened."""

    opened = 0

    def __init__(self, params, context):
        super().__init__(params, context)
        OtherText.opened += 1
        self.embedding = self.embedding + OtherText.opened


class Backwards(Plain):
    def __init__(self, params, context):
        super().__init__(params, context)
        with context.progress.task("Going back", 2, "files") as task:
            task.advance(-1)


class Talks(Plain):
    def __init__(self, params, context):
        print("Loading…")
        super().__init__(params, context)


class GoesOn(Plain):
    def __init__(self, params, context):
        try:
            super().__init__(params, context)
        except KeyboardInterrupt:
            super().__init__(params, SourceContext())


class Restless(Plain):
    asked = 0

    def card(self):
        self.asked += 1
        return replace(super().card(), details={"asked": self.asked})


class Short(Plain):
    rows = 4


def backwards(self, x):
    codes = PlainDictionary.encode(self, x)
    order = torch.arange(len(codes.indices)).flip(0)
    rows = torch.repeat_interleave(torch.arange(len(codes)), codes.offsets.diff())
    order = order[torch.argsort(rows.flip(0), stable=True)]
    return Codes(codes.offsets, codes.indices[order], codes.values[order], codes.n_features)


def in_place(self, x):
    codes = PlainDictionary.encode(self, x)
    x *= 2
    return codes


def decoded_double(self, codes):
    return PlainDictionary.decode(self, codes).double()


def decoded_centred(self, codes):
    rows = PlainDictionary.decode(self, codes)
    return rows - rows.mean(dim=0) if len(rows) > 1 else rows


def logits_of(change):
    class Changed(Plain):
        def unembedding(self):
            logits = super().unembedding().logits
            return type("Lens", (), {"logits": lambda self, directions: change(logits(directions))})()

    return Changed


def lacking(**words):
    return having(lacks=lambda self: words)


def positions_jump(batch, *_):
    return replace(batch, positions=np.where(batch.positions == 3, 4, batch.positions))


def one_fetched(self, **changed):
    return [replace(each, **changed) for each in Plain.fetch(self, 1)]


BROKEN = {
    "cannot be read": (raising(ValueError("bad magic number")), {}, {"it_opens"}),
    "groans": (raising(UserError("no")), {}, {"it_opens"}),
    "breaks": (raising(PluginError("Its weights are of another kind.")), {}, {"it_opens"}),
    "no card": (having(card=lambda self: None), {}, {"it_opens"}),
    "gives nothing": (
        having(
            lacks=lambda self: dict.fromkeys(("activations", "dictionary"), "Name it."),
            available_tokens=refuse,
            dictionary=refuse,
            unembedding=lambda self: None,
        ),
        {"capabilities": ("activations", "dictionary")},
        {"it_opens"},
    ),
    "no name": (with_card(model=""), {}, {"card_is_complete"}),
    "arrays in the card": (with_card(details={"x": np.arange(2)}), {}, {"card_is_complete"}),
    "restless": (Restless, {}, {"card_is_complete", "openings_agree"}),
    "other fingerprint": (Random, {}, {"openings_agree"}),
    "other first batch": (OtherText, {}, {"openings_agree"}),
    "steps back": (Backwards, {}, {"opening_reports_properly"}),
    "talks": (Talks, {}, {"opening_says_nothing"}),
    "goes on": (GoesOn, {}, {"ctrl_c_ends_the_opening"}),
    "gives what it does not declare": (
        Plain,
        {"capabilities": ("activations", "unembedding", "text")},
        {"what_it_declares_is_given"},
    ),
    "declares a kitchen": (Plain, {"capabilities": (*INFO.capabilities, "kitchen")}, {"what_it_declares_is_given"}),
    "no lens": (having(unembedding=lambda self: None), {}, {"what_it_declares_is_given"}),
    "a hidden lens": (Plain, {"capabilities": ("activations", "dictionary", "text")}, {"what_it_declares_is_given"}),
    "lacks what it gives": (lacking(dictionary="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks a lens that it gives": (lacking(unembedding="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks an encoder that it gives": (lacking(encoder="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks without a word": (lacking(text=""), {}, {"what_it_lacks_is_refused"}),
    "int64": (
        each_batch(lambda batch, *_: replace(batch, documents=batch.documents.astype(np.int64))),
        {},
        {"batches_have_their_shapes"},
    ),
    "positions jump": (each_batch(positions_jump), {}, {"positions_follow_the_text"}),
    "documents fall": (
        each_batch(lambda batch, number, _: replace(batch, documents=batch.documents - 2 * np.int32(number))),
        {},
        {"positions_follow_the_text"},
    ),
    "long rows": (with_card(context_size=4), {}, {"rows_stay_in_the_context"}),
    "another start": (each_batch(lambda batch, _, start: replace(batch, x=batch.x + start)), {}, {"batches_restart"}),
    "few tokens": (having(available_tokens=lambda self: 7), {}, {"available_tokens_are_counted"}),
    "many tokens": (type("Many", (Short,), {"available_tokens": lambda self: 99}), {}, {"available_tokens_are_counted"}),
    "words for nothing": (having(decode_tokens=lambda self, tokens: [" x"] * max(1, len(tokens))), {}, {"tokens_decode"}),
    "numbers": (having(decode_tokens=lambda self, tokens: list(tokens)), {}, {"tokens_decode"}),
    "BOS in the text": (
        having(decode_tokens=lambda self, tokens: ["<|endoftext|>" if token == 3 else " x" for token in tokens]),
        {},
        {"special_tokens_are_no_content"},
    ),
    "transposed": (
        with_dictionary(W_enc=None, encode=lambda self, x: PlainDictionary().encode(x), b_enc=torch.zeros(WIDTH)),
        {},
        {"dictionary_has_its_shapes"},
    ),
    "backwards codes": (with_dictionary(encode=backwards), {}, {"codes_are_well_formed"}),
    "doubles": (with_dictionary(decode=decoded_double), {}, {"codes_decode_to_rows"}),
    "centred": (with_dictionary(decode=decoded_centred), {}, {"rows_are_encoded_alone"}),
    "in place": (with_dictionary(encode=in_place), {}, {"rows_are_encoded_alone"}),
    "NaN logits": (logits_of(lambda logits: logits * np.nan), {}, {"unembedding_gives_logits"}),
    "few logits": (logits_of(lambda logits: logits[:, :5]), {}, {"unembedding_gives_logits"}),
    "other wiring": (
        having(wiring=lambda self: Wiring(Usage(by="this source", d_model=3))),
        {},
        {"wiring_is_said_properly"},
    ),
    "nobody's wiring": (having(wiring=lambda self: Wiring(Usage(by=""))), {}, {"wiring_is_said_properly"}),
    "deaf losses": (
        having(losses=lambda self, tokens, patch=None: Plain.losses(self, tokens)),
        {},
        {"losses_are_next_token_losses"},
    ),
    "losses of all slots": (
        having(losses=lambda self, tokens, patch=None: torch.zeros(tokens.shape)),
        {},
        {"losses_are_next_token_losses"},
    ),
    "fetched to nowhere": (
        having(fetch=lambda self, tokens: one_fetched(self, folder=Path("/nowhere/at/all"))),
        {},
        {"fetch_says_what_there_is"},
    ),
    "fetched nothing": (having(fetch=lambda self, tokens: one_fetched(self, files=0)), {}, {"fetch_says_what_there_is"}),
}


def test_a_right_one_passes_every_check():
    one = bench(Plain)
    assert one.capabilities == {*EVERYTHING, *EXTRAS, "lacks"}
    assert failed(one) == failed(bench(Short)) == {}
    assert len(checks_of(one)) == number_of_checks("source", *one.capabilities)


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_one_fails_the_checks_that_say_so_and_no_others(breakage):
    kind, declared, expected = BROKEN[breakage]
    found = failed(bench(kind, **declared))
    assert set(found) == expected, found


def test_every_check_has_one_that_fails_it():
    assert {name for _, _, expected in BROKEN.values() for name in expected} == {check.name for check in SOURCE}


def test_one_that_needs_to_be_told_says_so():
    one = bench(raising(UserError("Nothing is named to be opened.", hint="Name it.")))
    assert one.obstacle == "Nothing is named to be opened. Name it."
    assert failed(one) == {} and len(checks_of(one)) == number_of_checks("source")


def test_a_source_at_hand_is_checked_without_being_installed():
    source = Plain(None, SourceContext(cache=Path.cwd()))
    once, twice = check_source(source), check_source(source, lambda context: Plain(None, context))
    assert set(twice) - set(once) == {
        "openings_agree",
        "opening_reports_properly",
        "opening_says_nothing",
        "ctrl_c_ends_the_opening",
    }
    assert set(twice) == {check.name for check in SOURCE}
    with pytest.raises(ChecksFailed, match=r"breaks 1 of its contract's promises:\n- unembedding_gives_logits: Logits must be"):
        check_source(BROKEN["NaN logits"][0](None, SourceContext(cache=Path.cwd())))


def test_the_old_table_of_checks_works_and_warns():
    import darkframe.testing

    with pytest.warns(
        DarkframeDeprecationWarning, match=r"darkframe.testing.SOURCE_CHECKS.*0\.3.*parametrize_with_checks"
    ) as caught:
        checks = darkframe.testing.SOURCE_CHECKS
    assert caught[0].filename == __file__
    assert {"card_is_complete", "batches_restart", "tokens_decode"} <= set(checks)
    for check in checks.values():
        check(Plain(None, SourceContext(cache=Path.cwd())))
    with pytest.raises(PluginError, match="fingerprint is empty"):
        checks["card_is_complete"](with_card(fingerprint="")(None, SourceContext()))
