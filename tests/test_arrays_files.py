"""Activations and labels from files: every format gives the same batches, and what cannot be meant is refused in a sentence."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from darkframe.errors import DarkframeError, DataError, ParameterError, UserError
from darkframe.interfaces import Partial, Source, SourceContext
from darkframe.testing import check_source
from darkframe_arrays import columns, fingerprint
from darkframe_arrays.plugin import ArraysParams
from darkframe_arrays.source import ArraysSource

N, D, SLOTS = 600, 6, 20


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


@pytest.fixture
def opened(tmp_path):
    def open_(**params):
        for name in ("activations", "tokens", "documents", "positions", "special"):
            if isinstance(params.get(name), str | Path):
                params[name] = (params[name],)
            if name in params:
                params[name] = tuple(tmp_path / path for path in params[name])
        for name in ("tokenizer", "dictionary", "unembedding"):
            if name in params:
                params[name] = tmp_path / params[name]
        return ArraysSource(ArraysParams(**{"batch_size": 64, **params}), SourceContext(cache=tmp_path / "cache"))

    return open_


def given(source):
    return torch.cat([batch.x for batch in source.batches()]).numpy()


# ------------------------------------------------------------ formats


def write(path, array, kind):
    """The array in one format, perhaps with less precision."""
    if kind == "npy":
        np.save(path / "x.npy", array)
    elif kind == "npy-f16":
        np.save(path / "x.npy", array.astype(np.float16))
    elif kind == "npy-f64-fortran":
        np.save(path / "x.npy", np.asfortranarray(array.astype(np.float64)))
    elif kind == "npy-big-endian":
        np.save(path / "x.npy", array.astype(">f4"))
    elif kind == "npz":
        np.savez(path / "x.npz", other=np.arange(3), activations=array)
    elif kind == "npz-compressed":
        np.savez_compressed(path / "x.npz", activations=np.asfortranarray(array), other=np.arange(3))
    else:
        tensor = torch.from_numpy(array)
        save_file(
            {"activations": tensor.bfloat16() if "bf16" in kind else tensor, "other": torch.zeros(2)}, path / "x.safetensors"
        )
    return next(path.glob("x.*")).name


FORMATS = ("npy", "npy-f16", "npy-f64-fortran", "npy-big-endian", "npz", "npz-compressed", "safetensors", "safetensors-bf16")


@pytest.mark.parametrize("shape", [(N, D), (N // SLOTS, SLOTS, D)], ids=["flat", "rows"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_activations(tmp_path, opened, x, kind, shape):
    name = write(tmp_path, x.reshape(shape), kind)
    for _ in range(2):  # the second time, what was unpacked is there
        source = opened(activations=name)
        np.testing.assert_allclose(given(source), x, rtol=0, atol=0.02 if "16" in kind else 0)
    assert source.card().context_size == (SLOTS if len(shape) == 3 else 0)
    unpacked = list((tmp_path / "cache").rglob("*.npy"))
    assert len(unpacked) == (kind == "npz-compressed")
    assert isinstance(source, Source)
    assert isinstance(source, Partial)
    made = check_source(source)
    assert "batches_restart" in made
    assert "dictionary_encodes_and_decodes" not in made


def test_activations_are_mapped_not_loaded(tmp_path, opened, x, monkeypatch):
    np.save(tmp_path / "x.npy", np.broadcast_to(x, (50, N, D)))
    sizes = []
    read = columns.Column.read
    monkeypatch.setattr(columns.Column, "read", lambda self, a, b: sizes.append(b - a) or read(self, a, b))
    batches = opened(activations="x.npy", context_size=None).batches(3)
    next(batches)
    assert sizes == [1]  # one row of N tokens, out of fifty


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much of a process's memory is of files")
@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors"])
def test_what_was_read_is_given_back(tmp_path, opened, kind):
    def of_files():
        return int(re.search(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

    name = write(tmp_path, np.ones((40_000, 256), np.float32), kind)  # 40 MiB
    source = opened(activations=name, batch_size=1000)
    next(source.batches())
    before, most = of_files(), 0.0
    for _ in source.batches():
        most = max(most, of_files())
    assert most - before < 8


def test_shards_are_joined_in_natural_order(tmp_path, opened, x):
    for number, part in enumerate(np.array_split(x, 12)):
        np.save(tmp_path / f"part-{number}.npy", part)
    np.testing.assert_array_equal(given(opened(activations="part-*.npy")), x)
    np.testing.assert_array_equal(given(opened(activations=["part-1.npy", "part-0.npy"])), np.roll(x[:100], 50, axis=0))


def test_the_fingerprint_is_of_the_content(tmp_path, opened, x, monkeypatch):
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "same.npy", x)
    np.save(tmp_path / "t.npy", np.arange(N))
    prints = [opened(activations=name, **more).card().fingerprint for name, more in [("x.npy", {}), ("same.npy", {})]]
    assert prints[0] == prints[1]
    for more in ({"tokens": "t.npy"}, {"batch_size": 65}, {"document_rows": 7}, {"context_size": 20}):
        prints.append(opened(activations="x.npy", **more).card().fingerprint)
    np.save(tmp_path / "x.npy", x + 1)
    prints.append(opened(activations="x.npy").card().fingerprint)
    monkeypatch.setattr(fingerprint, "WHOLE", 1000)  # large files: pieces, the size and the time of change
    monkeypatch.setattr(fingerprint, "SAMPLE", 100)
    prints.append(opened(activations="x.npy").card().fingerprint)
    (tmp_path / "x.npy").touch()
    prints.append(opened(activations="x.npy").card().fingerprint)
    assert len(set(prints)) == len(prints) - 1


# ------------------------------------------------------------ labels


def labelled(tmp_path, x):
    """Documents of uneven length, each led by a special token 0, in no order of their ids."""
    np.save(tmp_path / "x.npy", x)
    lengths = [7, 130, 3, 60, 200, 100, 100]
    documents = np.repeat([5, 900, 2, 1, 33, 4, 3], lengths)
    first = np.isin(np.arange(N), np.concatenate([[0], np.cumsum(lengths)[:-1]]))
    tokens = np.where(first, 0, np.random.default_rng(1).integers(1, 50, N))
    np.save(tmp_path / "t.npy", tokens.astype(np.uint16))
    np.save(tmp_path / "d.npy", documents)
    np.save(tmp_path / "s.npy", first)
    return tokens, first, np.repeat(np.arange(7), lengths), np.concatenate([np.arange(n) - 1 for n in lengths])


def test_labels_are_read_beside_the_activations(tmp_path, opened, x, monkeypatch):
    monkeypatch.setattr(columns, "CHUNK", 50)
    monkeypatch.setattr("darkframe_arrays.layout.CHUNK", 50)
    tokens, special, documents, positions = labelled(tmp_path, x)
    files = {"activations": "x.npy", "tokens": "t.npy", "documents": "d.npy"}
    np.save(tmp_path / "p.npy", positions * 2)
    for more in ({"special": "s.npy"}, {"special_ids": (0,)}, {"special": "s.npy", "positions": "p.npy"}):
        source = opened(**files, **more)
        batches = list(source.batches())
        joined = {
            name: np.concatenate([getattr(b, name) for b in batches]) for name in ("tokens", "documents", "positions", "special")
        }
        np.testing.assert_array_equal(joined["tokens"], tokens)
        np.testing.assert_array_equal(joined["documents"], documents)
        np.testing.assert_array_equal(joined["special"], special)
        expected = positions * 2 if "positions" in more else positions
        np.testing.assert_array_equal(joined["positions"], np.where(special, -1, expected))
        assert source.available_tokens() == (~special).sum()
        if "positions" not in more:
            assert "positions_follow_the_text" in check_source(source)


def test_without_documents_rows_or_runs_of_tokens_count_as_documents(tmp_path, opened, x):
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "rows.npy", x.reshape(-1, SLOTS, D))
    np.save(tmp_path / "t.npy", np.arange(N).reshape(-1, SLOTS))
    cases = [({"activations": "x.npy", "document_rows": 45}, 45, "every 45 consecutive tokens count as one")]
    cases += [({"activations": "rows.npy", "tokens": "t.npy"}, SLOTS, "each row counts as one")]
    cases += [({"activations": "x.npy", "tokens": "t.npy", "context_size": SLOTS}, SLOTS, f"input rows of {SLOTS} tokens")]
    for params, length, words in cases:
        source = opened(**params)
        documents = np.concatenate([batch.documents for batch in source.batches()])
        np.testing.assert_array_equal(documents, np.arange(N) // length)
        assert words in source.card().packing
        check_source(source)


def test_tokens_are_shown_by_what_is_known_of_them(tmp_path, opened, x):
    from tokenizers import Tokenizer, models

    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "t.npy", np.arange(N) % 3)
    assert opened(activations="x.npy").decode_tokens([0, 123]) == [" row 0", " row 123"]
    assert opened(activations="x.npy", tokens="t.npy").decode_tokens([2]) == [" 2"]
    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "whale": 1, "sea": 2}, unk_token="<s>"))
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    source = opened(activations="x.npy", tokens="t.npy", tokenizer="tokenizer.json")
    assert source.decode_tokens([1, 2]) == ["whale", "sea"]
    assert source.available_tokens() == 400  # <s> is left out
    assert opened(activations="x.npy", tokens="t.npy", tokenizer="tokenizer.json", special_ids=()).available_tokens() == N
    with pytest.raises(DataError, match="does not know token id 3"):
        source.decode_tokens([3])
    assert set(source.lacks()) == {"dictionary", "unembedding"}


# ------------------------------------------------------------ refusals


@pytest.fixture
def files(tmp_path, x):
    """Everything that is wrong, in files."""
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "rows.npy", x.reshape(-1, SLOTS, D))
    np.save(tmp_path / "wide.npy", np.zeros((4, D + 1), np.float32))
    np.save(tmp_path / "short.npy", np.arange(N - 1))
    np.save(tmp_path / "t.npy", np.arange(N))
    np.save(tmp_path / "floats.npy", np.linspace(0, 1, N))
    np.save(tmp_path / "negative.npy", np.arange(N) - 1)
    np.save(tmp_path / "back.npy", np.arange(N) // 100 % 3)
    np.save(tmp_path / "one.npy", x[:, 0])
    np.save(tmp_path / "four.npy", x.reshape(2, -1, 2, D))
    np.save(tmp_path / "empty.npy", np.zeros((0, D), np.float32))
    np.save(tmp_path / "number.npy", np.float32(3))
    np.save(tmp_path / "ints.npy", np.ones((N, D), int))
    np.save(tmp_path / "complex.npy", x.astype(complex))
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}, None] * 3, dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", activations=np.array([[1], [2, 3]], dtype=object))
    np.savez(tmp_path / "two.npz", first=x, second=x)
    (tmp_path / "x.pt").write_bytes(b"\x80\x02")
    (tmp_path / "x.csv").write_text("1,2")
    (tmp_path / "junk.npy").write_bytes(b"not an array")
    (tmp_path / "junk.npz").write_bytes(b"not an archive")
    (tmp_path / "junk.safetensors").write_bytes(b"\xff" * 40)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-100])
    save_file({"b": torch.zeros(3)}, tmp_path / "b.safetensors")
    return tmp_path


X = {"activations": "x.npy"}
REFUSED = {
    "nothing": ({}, ParameterError, "opens nothing. Name the activations with source.activations. Name the SAE with"),
    "missing": ({"activations": "none.npy"}, ParameterError, "none.npy does not exist"),
    "no match": ({"activations": "none-*.npy"}, ParameterError, "no file matches"),
    "a folder": ({"activations": "."}, ParameterError, "is a folder, not a file"),
    "mixed widths": (
        {"activations": ["x.npy", "wide.npy"]},
        DataError,
        r"x.npy has shape \(600, 6\), but .*wide.npy has shape \(4, 7\)",
    ),
    "mixed axes": ({"activations": ["x.npy", "rows.npy"]}, DataError, r"rows.npy has shape \(30, 20, 6\)"),
    "one axis": ({"activations": "one.npy"}, DataError, r"one.npy has shape \(600,\); expected \(tokens, d\)"),
    "four axes": ({"activations": "four.npy"}, DataError, r"four.npy has shape \(2, 150, 2, 6\)"),
    "empty": ({"activations": "empty.npy"}, DataError, "there is nothing in it"),
    "a number": ({"activations": "number.npy"}, DataError, "a single number"),
    "integers": ({"activations": "ints.npy"}, DataError, "is of type int64; activations are one of float16"),
    "complex": ({"activations": "complex.npy"}, DataError, "is of type complex128"),
    "pickled": ({"activations": "objects.npy"}, DataError, "pickled Python objects, which can run any code"),
    "pickled member": ({"activations": "objects.npz"}, DataError, "pickled Python objects"),
    "torch": ({"activations": "x.pt"}, DataError, "is a pickled file .*numpy.save"),
    "csv": ({"activations": "x.csv"}, DataError, "of no kind that is read. Expected .npy, .npz, .safetensors"),
    "not npy": ({"activations": "junk.npy"}, DataError, "is not an array that NumPy saved"),
    "not npz": ({"activations": "junk.npz"}, DataError, "is not an archive of arrays"),
    "not safetensors": ({"activations": "junk.safetensors"}, DataError, "is not a whole safetensors file"),
    "cut short": ({"activations": "cut.npy"}, DataError, "cut short: .* 100 bytes are missing"),
    "which array": ({"activations": "two.npz"}, DataError, "holds no array 'activations' or .*; it holds 'first', 'second'"),
    "no such array": (
        {"activations": "two.npz", "key": "third"},
        DataError,
        "holds no array 'third'; it holds 'first', 'second'",
    ),
    "labels' length": (
        {**X, "tokens": "short.npy"},
        DataError,
        r"short.npy has shape \(599,\), but .*x.npy has shape \(600, 6\)",
    ),
    "labels' type": ({**X, "tokens": "floats.npy"}, DataError, "floats.npy is of type float64; whole numbers"),
    "uneven rows": ({**X, "context_size": 7}, DataError, "no whole rows of 7"),
    "other rows": ({"activations": "rows.npy", "context_size": 7}, DataError, "rows of 20 tokens, but source.context_size is 7"),
    "no tokens": ({**X, "tokenizer": "."}, ParameterError, "source.tokenizer is set, but no tokens"),
    "no activations": ({"tokens": "t.npy", "dictionary": "two.npz"}, DarkframeError, ""),
    "a rule alone": ({**X, "activation": "relu"}, ParameterError, "source.activation is set, but no dictionary"),
    "a norm alone": ({**X, "final_norm": "rms"}, ParameterError, "source.final_norm is set, but no unembedding"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_opened_is_refused_at_once(files, opened, case):
    params, kind, words = REFUSED[case]
    with pytest.raises(kind) as caught:
        opened(**params)
    assert re.search(words, str(caught.value)), str(caught.value)


LATER = {
    "negative ids": ({**X, "tokens": "negative.npy"}, "holds -1 at token 0, which is no token id"),
    "documents come back": ({**X, "documents": "back.npy"}, "document 0 comes back at token 300; .* must stand together"),
    "falling positions": ({**X, "positions": "t.npy", "documents": "back.npy"}, "document 0 comes back"),
    "positions in a document": ({**X, "positions": "back.npy", "document_rows": 1000}, "holds 0 at token 1; within a document"),
}


@pytest.mark.parametrize("case", LATER)
def test_labels_that_cannot_be_meant_are_refused_when_they_are_read(files, opened, case):
    params, words = LATER[case]
    with pytest.raises(DataError, match=words):
        opened(**params).available_tokens()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_a_row_that_is_no_number_is_named(tmp_path, opened, x, bad):
    rows = x.astype(np.float64)
    rows[470, 2] = bad
    for number, part in enumerate(np.split(rows, 2)):
        np.save(tmp_path / f"part-{number}.npy", part.reshape(-1, SLOTS, D))
    source = opened(activations="part-*.npy")
    batches = source.batches()
    assert len(list(itertools.islice(batches, 7))) == 7
    with pytest.raises(DataError, match=r"first in row 8 of .*part-1.npy, slot 10\."):
        list(batches)


def test_a_dictionary_alone_or_activations_alone(tmp_path, opened, x):
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "W_dec.npy", np.eye(12, D, dtype=np.float32) + 1)
    alone = opened(dictionary="W_dec.npy")
    assert set(alone.lacks()) == {"activations", "encoder", "unembedding", "text"}
    assert alone.dictionary().W_dec.shape == (12, D)
    assert check_source(alone) == (
        "it_opens",
        "card_is_complete",
        "what_it_declares_is_given",
        "what_it_lacks_is_refused",
        "dictionary_has_its_shapes",
        "wiring_is_said_properly",
    )
    with pytest.raises(UserError, match=r"was given no activations\. Name the activations with source\.activations"):
        next(alone.batches())
    json.dumps(alone.card().details)
    with pytest.raises(UserError, match=r"was given no dictionary\. Name the SAE with source\.dictionary"):
        opened(activations="x.npy").dictionary()
