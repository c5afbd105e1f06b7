"""Sources in the conformance kit: the built-in ones pass, here or beside their own tests; a broken one fails what says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import hub_client
from support.broken_sources import BROKEN, INFO, Short, raising
from support.plain_source import Plain, with_card

from darkframe import UserError
from darkframe.deprecation import DarkframeDeprecationWarning
from darkframe.errors import PluginError
from darkframe.interfaces import SourceContext
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


def bench(kind, **declared):
    return GivenSubject("source", lambda context: kind(None, context), replace(INFO, **declared))


def failed(one):
    own = {check.name for check in SOURCE}
    outcomes = [run(check) for check in checks_of(one) if check.name in own]
    for outcome in outcomes:
        assert outcome.good or (len(outcome.reason.split()) > 3 and "\n" not in outcome.reason), outcome
    return {outcome.name: outcome.reason for outcome in outcomes if not outcome.good}


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
