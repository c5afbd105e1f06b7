"""Collection through its public face: what is kept, what is computed from it, what bad input gets."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import scipy.stats
import torch
from support.synthetic import SyntheticParams, SyntheticSource

from darkframe.config import StudyParams
from darkframe.errors import DataError, PluginError, StoreError, UserError
from darkframe.interfaces import Codes
from darkframe.progress import QuietProgress
from darkframe.store import arrays as store_arrays
from darkframe.store.collection import Collection
from darkframe.store.lock import try_lock
from darkframe.studies import passing
from darkframe.studies.collect import collect
from darkframe.studies.pieces import document_halves


def gather(cache, *, tokens=None, study=None, strict=False, source=None, **params):
    source = source or SyntheticSource(SyntheticParams(**params))
    collection, record = collect(
        source, tokens=tokens, study=study or StudyParams(), strict=strict, cache=cache, progress=QuietProgress()
    )
    return source, collection, record


def everything(source):
    """All rows of a source in float64, encoded apart from the framework: kept tokens, and position-0 ones."""
    dictionary = source.dictionary()
    kept, first = [], []
    for batch in source.batches():
        x_hat = dictionary.decode(dictionary.encode(batch.x))
        both = np.stack([batch.x.numpy(), x_hat.numpy(), (batch.x - x_hat).numpy()], axis=1).astype(np.float64)
        active = dictionary.encode(batch.x).to_dense().numpy().astype(np.float64)
        keep, zero = ~batch.special, batch.special & (batch.context_positions == 0)
        kept.append((both[keep], active[keep], batch.tokens[keep], batch.documents[keep], batch.positions[keep]))
        first.append((both[zero], active[zero]))
    return [np.concatenate(column) for column in zip(*kept, strict=True)], [np.concatenate(c) for c in zip(*first, strict=True)]


def plain_ledger(x, x_hat, e, active, m):
    """The ledger's metrics, written again from their definitions."""
    ee, xx = (e**2).sum(1), (x**2).sum(1)
    return {
        "ev_pooled": 1 - ee.sum() / ((x - x.mean(0)) ** 2).sum(),
        "ev_variances": 1 - e.var(0).sum() / x.var(0).sum(),
        "ev_per_token": np.mean(1 - ee / ((x - m) ** 2).sum(1)),
        "ev_about_zero": 1 - ee.sum() / xx.sum(),
        "ev_per_token_about_zero": np.mean(1 - ee / xx),
        "fvu": ee.sum() / ((x - x.mean(0)) ** 2).sum(),
        "l0": (active != 0).sum(1).mean(),
        "dead_features": (active != 0).sum(0).tolist().count(0),
        "norm_ratio": np.sqrt(ee / xx).mean(),
        "relative_reconstruction_bias": (x_hat**2).sum(1).mean() / (x * x_hat).sum(1).mean(),
        "cosine": np.mean(
            [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) if b.any() else 0.0 for a, b in zip(x, x_hat, strict=True)]
        ),
    }


CASES = {
    "plain": {},
    "massive": {"massive": 0.004},
    "huge mean": {"mean": 1e4, "noise": 0.3},
    "both": {"massive": 0.004, "mean": 1e4},
    "biased residual": {"residual_mean": 3.0, "noise": 0.3},
}


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def case(request, tmp_path_factory):
    source, collection, record = gather(tmp_path_factory.mktemp("cache"), held=12_000, **CASES[request.param])
    return collection, record, everything(source)


def test_arrays_are_what_the_source_gave(case):
    collection, record, ((both, _, tokens, documents, positions), _) = case
    assert record.tokens_kept == collection.n_tokens == 12_000
    np.testing.assert_array_equal(collection.array("tokens"), tokens)
    np.testing.assert_array_equal(collection.array("documents"), documents)
    np.testing.assert_array_equal(collection.array("positions"), positions)
    np.testing.assert_array_equal(collection.array("activations"), both[:, 0].astype(np.float32))
    np.testing.assert_array_equal(collection.array("residuals"), both[:, 2].astype(np.float32))
    np.testing.assert_allclose(collection.array("norms"), np.linalg.norm(both[:, 0], axis=1), rtol=1e-6)
    assert record.documents_read == documents.max() + 1
    assert record.documents_skipped == 3


def test_the_ledger_agrees_with_its_definitions(case):
    collection, _, ((both, active, *_), (zero_both, zero_active)) = case
    ordinary = ~np.asarray(collection.array("massive"))
    pilot = collection.meta["pilot_ordinary"]
    m = both[ordinary, 0][:pilot].mean(0).astype(np.float32)  # the fixed point is a float32 vector
    sets = {
        "ordinary": (both[ordinary], active[ordinary]),
        "all": (both, active),
        "with_position_0": (np.concatenate([both, zero_both]), np.concatenate([active, zero_active])),
    }
    for which, (rows, codes) in sets.items():
        expected = plain_ledger(rows[:, 0], rows[:, 1], rows[:, 2], codes, m)
        for entry in collection.statistics.ledger:
            assert entry.formula
            assert getattr(entry, which) == pytest.approx(expected[entry.name], rel=2e-5, abs=2e-6), (entry.name, which)


@pytest.mark.parametrize("subset", ["ordinary", "all", "half-a", "half-b"])
def test_rows_and_statistics_agree_with_numpy(case, subset):
    collection, _, ((both, active, *_), _) = case
    massive, half = np.asarray(collection.array("massive")), np.asarray(collection.array("half"))
    chosen = np.ones(len(both), bool) if subset == "all" else ~massive
    if subset.startswith("half"):
        chosen &= half == (subset == "half-b")
    e = both[chosen, 2]
    rows = collection.rows(subset)
    assert rows.shape == (len(rows), 24) == e.shape
    np.testing.assert_array_equal(collection.row_numbers(subset), np.flatnonzero(chosen))
    np.testing.assert_array_equal(np.asarray(rows), e.astype(np.float32))
    np.testing.assert_array_equal(np.concatenate([b.copy() for b in rows.blocks(1000)]), e.astype(np.float32))
    covariance = np.cov(e.T)
    np.testing.assert_allclose(rows.mean, e.mean(0), atol=1e-6 * np.sqrt(covariance.max()), rtol=1e-7)
    np.testing.assert_allclose(rows.covariance, covariance, atol=1e-6 * covariance.max())
    moments = collection.statistics.residual(subset)
    np.testing.assert_allclose(moments.variance, e.var(0), rtol=1e-6)
    np.testing.assert_allclose(moments.kurtosis, scipy.stats.kurtosis(e), rtol=1e-5, atol=1e-4)
    features = collection.statistics.features(subset)
    np.testing.assert_array_equal(features.fire_count, (active[chosen] != 0).sum(0))
    fires = features.fire_count > 0
    np.testing.assert_allclose(features.kurtosis[fires], scipy.stats.kurtosis(active[chosen][:, fires]), rtol=1e-6, atol=1e-6)
    sample = rows.sample(50, seed=3)
    assert sample.shape == (50, 24)
    assert all((e.astype(np.float32) == row).all(1).any() for row in sample)
    np.testing.assert_array_equal(rows.sample(10**9, seed=1), e.astype(np.float32))
    x = collection.statistics.activation(subset)
    np.testing.assert_allclose(x.variance, both[chosen, 0].var(0), rtol=1e-6)


def test_massive_tokens_are_found_reported_and_left_out(tmp_path):
    source, collection, record = gather(tmp_path, held=12_000, massive=0.004)
    (both, *_), _ = everything(source)
    x, e = both[:, 0], both[:, 2]
    massive = np.linalg.norm(x, axis=1) > record.massive.cut
    planted = np.linalg.norm(x, axis=1) > 200
    assert 20 < massive.sum() == planted.sum() == record.massive.count
    assert record.massive.excluded_from_fit
    assert f"{np.median(np.linalg.norm(x[:8416], axis=1)):.3f}" == f"{record.massive.median:.3f}"
    shares = [((v - v.mean(0)) ** 2).sum(1)[massive].sum() / ((v - v.mean(0)) ** 2).sum() for v in (x, e)]
    assert [record.massive.share_of_variance, record.massive.share_of_residual] == pytest.approx(shares, rel=1e-5)
    listed = record.massive.tokens
    assert [t.norm for t in listed] == sorted((t.norm for t in listed), reverse=True)
    assert listed[0].text == f" w{listed[0].token}"
    _, clean, _ = gather(tmp_path, held=12_000)
    moved = (
        collection.rows("ordinary").covariance / clean.rows("ordinary").covariance.max()
        - clean.rows("ordinary").covariance / clean.rows("ordinary").covariance.max()
    )
    assert np.abs(moved).max() < 0.05  # the findings do not move; over all tokens they do:
    assert collection.rows("all").covariance.max() > 100 * clean.rows("all").covariance.max()


def test_massive_tokens_can_be_kept_in(tmp_path):
    _, collection, record = gather(tmp_path, held=12_000, massive=0.004, study=StudyParams(massive="include"))
    assert record.massive.count > 0
    assert not record.massive.excluded_from_fit
    assert len(collection.rows("ordinary")) == len(collection.rows("all")) == 12_000
    assert len(collection.rows("half-a")) + len(collection.rows("half-b")) == 12_000
    for entry in collection.statistics.ledger:
        assert entry.ordinary == entry.all


def test_exactly_the_tokens_asked_for(tmp_path):
    _, collection, record = gather(tmp_path, held=12_000, tokens=1001)
    assert record.tokens_kept == record.tokens_requested == len(collection.array("residuals")) == 1001
    assert record.notes == ()


@pytest.mark.parametrize("known_length", [True, False])
def test_a_text_that_is_too_short(tmp_path, known_length):
    _, _, record = gather(tmp_path, held=900, tokens=5000, known_length=known_length)
    assert record.tokens_kept == 900
    assert "only 900 tokens; 5,000 were asked for" in record.notes[0]
    with pytest.raises(UserError, match="only 900 tokens; 5,000"):
        gather(tmp_path, held=900, tokens=5000, known_length=known_length, strict=True)
    _, _, again = gather(tmp_path, held=900, tokens=5000, known_length=known_length)
    assert again.reused


def test_strict_keeps_what_it_collected(tmp_path):
    with pytest.raises(UserError, match="only 900 tokens"):
        gather(tmp_path, held=900, tokens=5000, known_length=False, strict=True)
    _, _, record = gather(tmp_path, held=900, tokens=5000, known_length=False)
    assert record.reused


def test_no_tokens(tmp_path):
    for known_length in (True, False):
        with pytest.raises(DataError, match="no tokens"):
            gather(tmp_path, held=0, known_length=known_length)
    with pytest.raises(UserError, match="at least 1"):
        gather(tmp_path, tokens=0)


def test_a_complete_entry_is_reused_and_keyed_by_what_matters(tmp_path):
    source, first, _ = gather(tmp_path, held=2000)
    encoded = source.batches_encoded
    _, second, record = gather(tmp_path, source=source)
    assert record.reused
    assert source.batches_encoded == encoded
    assert second.key == first.key == first.path.name
    keys = {first.key}
    keys.add(gather(tmp_path, held=2000, study=StudyParams(keep_activations=False))[1].key)
    keys.add(gather(tmp_path, held=2000, study=StudyParams(massive="include"))[1].key)
    keys.add(gather(tmp_path, held=2000, tokens=1999)[1].key)
    keys.add(gather(tmp_path, held=2000, seed=1)[1].key)
    assert len(keys) == 5
    assert gather(tmp_path, held=2000, study=StudyParams(nulls=1))[1].key == first.key


def test_the_dictionary_encodes_every_used_token_once(tmp_path):
    source = SyntheticSource(SyntheticParams(held=5000))
    dictionary, counted = source.dictionary(), []
    encode = dictionary.encode
    dictionary.encode = lambda x: counted.append(len(x)) or encode(x)
    source.dictionary = lambda: dictionary
    gather(tmp_path, source=source)
    rows = -(-5000 // 31)
    assert sum(counted) == 5000 + rows  # kept tokens, and the BOS of every row for the ledger's position 0


def test_activations_need_not_be_kept(tmp_path):
    _, with_x, _ = gather(tmp_path, held=3000)
    _, without, record = gather(tmp_path, held=3000, study=StudyParams(keep_activations=False))
    assert not (without.path / "activations.npy").exists()
    assert record.bytes_on_disk < with_x.meta["bytes_on_disk"]
    assert without.statistics.ledger == with_x.statistics.ledger
    with pytest.raises(StoreError, match="keep_activations"):
        without.array("activations")


def test_a_nan_is_named_and_what_came_before_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(passing, "PILOT_TOKENS", 500)
    source = SyntheticSource(SyntheticParams(held=5000, nan_token=4321))
    with pytest.raises(
        DataError, match=r"activations hold NaN or infinity in batch 17, first at document \d+, position \d+"
    ) as caught:
        gather(tmp_path, source=source)
    batch = source.batch(17)
    bad = int(torch.nonzero(torch.isnan(batch.x[:, 0]))[0])
    assert f"document {batch.documents[bad]}, position {batch.positions[bad]}, token id {batch.tokens[bad]}" in str(caught.value)
    seen = []
    healed = SyntheticSource(SyntheticParams(held=5000))
    healed.card = source.card
    batches = healed.batches
    healed.batches = lambda start=0: seen.append(start) or batches(start)
    _, collection, _ = gather(tmp_path, source=healed)
    assert seen == [17]
    assert collection.n_tokens == 5000


def test_an_infinite_reconstruction_is_named(tmp_path):
    source = SyntheticSource(SyntheticParams(held=500))
    dictionary = source.dictionary()
    dictionary.decode = lambda codes: torch.full((len(codes), 24), torch.inf)
    source.dictionary = lambda: dictionary
    with pytest.raises(DataError, match="SAE's residuals hold NaN or infinity in batch 0"):
        gather(tmp_path, source=source)


def test_a_source_that_breaks_its_contract(tmp_path):
    source = SyntheticSource(SyntheticParams(held=500))
    batch = source.batch(0)
    for broken, words in (
        (dataclasses.replace(batch, x=batch.x[:, :5]), "shape"),
        (dataclasses.replace(batch, documents=batch.documents[:3]), "inconsistent"),
    ):
        source.batches = lambda start=0, b=broken: iter([b])
        with pytest.raises(PluginError, match=words):
            gather(tmp_path, source=source)


class Stopped(BaseException):
    pass


def test_an_interruption_commits_and_the_next_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(passing, "PILOT_TOKENS", 500)
    _, whole, _ = gather(tmp_path / "whole", held=5000)
    source = SyntheticSource(SyntheticParams(held=5000))
    batches = source.batches

    def interrupted(start=0):
        for number, batch in enumerate(batches(start), start):
            if number == 9:
                raise KeyboardInterrupt
            yield batch

    source.batches = interrupted
    with pytest.raises(KeyboardInterrupt):
        gather(tmp_path / "cut", source=source)
    starts = []
    source.batches = lambda start=0: starts.append(start) or batches(start)
    _, resumed, record = gather(tmp_path / "cut", source=source)
    assert starts == [9]
    assert not record.reused
    for path in sorted(whole.path.iterdir()):
        if path.name != "meta.json":
            assert path.read_bytes() == (resumed.path / path.name).read_bytes(), path.name


def test_statistics_do_not_depend_on_where_segments_fall(tmp_path, monkeypatch):
    found = []
    for name, segment, seconds in (("one", 10**9, 1e9), ("many", 1, 1e9), ("by time", 10**9, 0.0)):
        monkeypatch.setattr(passing, "SEGMENT_TOKENS", segment)
        monkeypatch.setattr(passing, "SEGMENT_SECONDS", seconds)
        monkeypatch.setattr(passing, "PILOT_TOKENS", 700)
        _, collection, _ = gather(tmp_path / name, held=3000, massive=0.01)
        found.append({p.name: p.read_bytes() for p in collection.path.iterdir() if p.name != "meta.json"})
    assert found[0] == found[1] == found[2]


def test_a_full_disk_says_so_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(passing, "PILOT_TOKENS", 500)
    monkeypatch.setattr(passing, "SEGMENT_TOKENS", 500)
    written = 0
    append = store_arrays.ArrayWriter.append

    def full_after_a_while(self, block):
        nonlocal written
        written += np.asarray(block).nbytes
        if written > 200_000:
            raise_full(self)
        append(self, block)

    def raise_full(writer):
        with store_arrays.writing(writer.path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_arrays.ArrayWriter, "append", full_after_a_while)
    with pytest.raises(StoreError, match="disk is full"):
        gather(tmp_path, held=5000)
    monkeypatch.setattr(store_arrays.ArrayWriter, "append", append)
    source = SyntheticSource(SyntheticParams(held=5000))
    _, collection, _ = gather(tmp_path, source=source)
    assert 0 < source.batches_encoded < 20  # it went on, and did not begin again
    assert collection.n_tokens == 5000


def test_damaged_entries_are_named(tmp_path):
    _, collection, _ = gather(tmp_path, held=2000)
    with (collection.path / "residuals.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(StoreError, match=r"residuals\.npy is truncated.*Delete"):
        Collection(collection.path).rows("all")
    with pytest.raises(StoreError, match=r"residuals\.npy is damaged"):
        Collection(collection.path).array("residuals")
    (collection.path / "statistics.safetensors").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"statistics\.safetensors is missing or damaged"):
        Collection(collection.path).rows("all")
    meta = json.loads((collection.path / "meta.json").read_text())
    (collection.path / "meta.json").write_text(json.dumps(meta | {"schema": 99}))
    with pytest.raises(StoreError, match="schema 99; this darkframe reads schema"):
        Collection(collection.path)
    (collection.path / "meta.json").write_text("{")
    with pytest.raises(StoreError, match="not JSON"):
        Collection(collection.path)
    (collection.path / "meta.json").unlink()
    with pytest.raises(StoreError, match="not a complete collection"):
        Collection(collection.path)


def test_a_damaged_unfinished_entry_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(passing, "PILOT_TOKENS", 500)
    with pytest.raises(DataError):
        gather(tmp_path, held=5000, nan_token=4000)
    (unfinished,) = tmp_path.rglob("unfinished.safetensors")
    with (unfinished.parent / "tokens.npy").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(StoreError, match=r"tokens\.npy is damaged: it holds fewer than"):
        gather(tmp_path, held=5000, nan_token=4000)


def test_a_second_run_waits_for_the_first_and_reuses_what_it_collected(tmp_path):
    source = SyntheticSource(SyntheticParams(held=1000))
    _, collection, _ = gather(tmp_path / "other", source=source)
    (tmp_path / "collections").mkdir()
    lock = try_lock((tmp_path / "collections" / collection.key).with_suffix(".lock"))
    told, progress = [], QuietProgress()

    def first_run_finishes(name, text):
        told.append(text)
        shutil.copytree(collection.path, tmp_path / "collections" / collection.key)
        lock.close()

    progress.step = first_run_finishes
    encoded = source.batches_encoded
    _, record = collect(source, tokens=None, study=StudyParams(), strict=False, cache=tmp_path, progress=progress)
    assert "another process" in told[0]
    assert record.tokens_kept == 1000
    assert record.reused
    assert source.batches_encoded == encoded


def test_halves_are_balanced_whole_documents_and_do_not_alternate():
    halves = document_halves(np.arange(10_000))
    assert halves.sum() == 5000
    assert set(document_halves(np.array([0, 1]))) == {0, 1}
    assert 0.4 < (halves[::2] == 0).mean() < 0.6
    np.testing.assert_array_equal(halves, document_halves(np.arange(10_000)))


def test_codes_of_another_shape_are_refused(tmp_path):
    source = SyntheticSource(SyntheticParams(held=500))
    dictionary = source.dictionary()
    dictionary.decode = lambda codes: torch.zeros((len(codes), 5))
    source.dictionary = lambda: dictionary
    with pytest.raises(PluginError, match="decodes to shape"):
        gather(tmp_path, source=source)
    assert isinstance(dictionary.encode(source.batch(0).x), Codes)
