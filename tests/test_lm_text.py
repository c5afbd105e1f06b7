"""Documents streamed from text files."""

import gzip
import json

import pytest

from darkframe.errors import DataError, UserError
from darkframe.lm import text as text_module
from darkframe.lm.text import Document, TextFile

LONG = "a document of more than twenty characters"


def write(path, data):
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path, **options):
    *documents, skipped = TextFile(path, **options).documents()
    assert all(isinstance(document, Document) for document in documents)
    return documents, skipped


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_jsonl_gives_documents_in_order_and_counts_short_ones(tmp_path, suffix):
    records = [{"text": LONG}, {"text": "  short \n" + " " * 30}, {"text": LONG + " é", "id": "x/1"}, {"text": "tiny"}]
    path = write(tmp_path / f"t{suffix}", "\n\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode())
    documents, skipped = read(path)
    assert [(d.text, d.skipped) for d in documents] == [(LONG, 0), (LONG + " é", 1)]
    assert [d.id for d in documents] == [f"t{suffix}:1", "x/1"]
    assert skipped == 2


def test_twenty_characters_are_enough(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"text": "' + b"x" * 20 + b'"}\n{"text": " ' + b"x" * 19 + b' "}\n')
    assert read(path)[1] == 1


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_txt_documents_are_separated_by_blank_lines(tmp_path, suffix):
    data = f"\ufeff{LONG}\nsecond line\n \n\n{LONG} two\r\n\r\nshort".encode()
    documents, skipped = read(write(tmp_path / f"t{suffix}", data))
    assert [d.text for d in documents] == [f"{LONG}\nsecond line", f"{LONG} two"]
    assert [d.id for d in documents] == [f"t{suffix}:1", f"t{suffix}:5"]
    assert skipped == 1


def test_another_field(tmp_path):
    documents, _ = read(write(tmp_path / "t.jsonl", json.dumps({"body": LONG}).encode()), field="body")
    assert documents[0].text == LONG


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"text": "%s"}\n{"text": ' % LONG.encode(), r"Line 2 of the text file .*t\.jsonl is not JSON"),
        (b"[1, 2]\n", r"Line 1 .* holds no JSON object but list"),
        (b'{"body": "x", "id": "y"}\n', r"Line 1 .* has no text in field 'text' \(its fields: 'body', 'id'\)"),
        (b'{"text": 3}\n', r"Line 1 .* has no text in field 'text'"),
        (b'\n{"text": "\xff\xfe"}\n', r"Line 2 .* is not UTF-8"),
        (b'{"text": "\\ud800 and more than twenty characters"}\n', r"Line 1 .* surrogate"),
    ],
)
def test_bad_lines_are_named(tmp_path, data, sentence):
    with pytest.raises(DataError, match=sentence):
        read(write(tmp_path / "t.jsonl", data))


def test_missing_file_and_unknown_kind(tmp_path):
    with pytest.raises(UserError, match=r"none\.jsonl does not exist"):
        TextFile(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match=r"Expected \.jsonl, \.jsonl\.gz, \.txt or \.txt\.gz"):
        TextFile(write(tmp_path / "t.csv", b""))


def test_damaged_gzip(tmp_path):
    whole = gzip.compress(b"\n".join(json.dumps({"text": f"{LONG} {i}"}).encode() for i in range(500)))
    path = tmp_path / "t.jsonl.gz"
    for data in (whole[:-200], b"not gzip at all"):
        path.write_bytes(data)
        with pytest.raises(DataError, match="is damaged"):
            read(path)


def test_a_file_without_line_ends_is_refused_before_it_fills_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_module, "LONGEST_LINE", 1000)
    with pytest.raises(DataError, match=r"Line 1 .* is longer"):
        read(write(tmp_path / "t.jsonl", b"x" * 5000))
    with pytest.raises(DataError, match=r"Line 1 .* begins a document longer"):
        read(write(tmp_path / "t.txt", b"a line of text\n" * 100))


def test_reading_is_lazy(tmp_path):
    path = write(tmp_path / "t.jsonl", json.dumps({"text": LONG}).encode() + b"\nbroken\n")
    documents = TextFile(path).documents()
    assert next(documents).text == LONG
    with pytest.raises(DataError):
        next(documents)
