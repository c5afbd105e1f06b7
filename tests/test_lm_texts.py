"""Which text is meant, and what means nothing for it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darkframe.errors import DataError, HubAwayError, ParameterError, UserError
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.lm.params import TextParams
from darkframe.lm.text import TextFile
from darkframe.lm.text_hub import HubText
from darkframe.lm.text_parquet import ParquetText
from darkframe.lm.texts import HELDOUT, OPENWEBTEXT, open_text, shipped_text

LONG = "a document of more than twenty characters"


def opened(tmp_path, default=HELDOUT, **params):
    return open_text(TextParams(**params), default, SourceContext(cache=tmp_path / "cache"))


def texts_of(text):
    *documents, _ = text.documents()
    return [document.text for document in documents]


def shard(path, *texts, column="text"):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({column: list(texts)}), path)
    return path


def test_the_sources_own_text_and_the_shipped_one(tmp_path):
    assert opened(tmp_path).path == shipped_text()
    assert opened(tmp_path, OPENWEBTEXT, text="heldout").path == shipped_text()
    text = opened(tmp_path, OPENWEBTEXT)
    assert isinstance(text, HubText)
    assert text.name == "Skylion007/openwebtext, configuration plain_text, split train"
    told = {"name": OPENWEBTEXT.name, "config": "plain_text", "split": "train", "column": "text"}
    assert text.identity() == {**told, "revision": OPENWEBTEXT.revision}  # the commit is pinned: nobody is asked
    other = opened(tmp_path, OPENWEBTEXT, text_revision="0" * 40, text_config="c", text_split="s", text_field="f")
    assert other.identity() == {
        "name": OPENWEBTEXT.name,
        "revision": "0" * 40,
        "config": "c",
        "split": "s",
        "column": "f",
    }


@pytest.mark.parametrize("name", ["prose.txt", "./prose.txt", "{tmp}/prose.txt", "~/prose.txt"])
def test_paths(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "prose.txt").write_text(LONG)
    text = opened(tmp_path, text=name.format(tmp=tmp_path))
    assert isinstance(text, TextFile)
    assert text.path == tmp_path / "prose.txt"
    monkeypatch.chdir("/")
    assert texts_of(text) == [LONG]


def test_parquet_files_folders_and_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shard(tmp_path / "data" / "train-1.parquet", LONG + " 2")
    shard(tmp_path / "data" / "train-0.parquet", LONG + " 1")
    shard(tmp_path / "data" / "test-0.parquet", LONG + " 0")
    (tmp_path / "data" / "README.md").write_text("words")
    assert texts_of(opened(tmp_path, text="data/test-0.parquet")) == [LONG + " 0"]
    assert texts_of(opened(tmp_path, text="data")) == [LONG + f" {i}" for i in range(3)]
    text = opened(tmp_path, text="data/train-*.parquet")
    assert (texts_of(text), text.name) == ([LONG + " 1", LONG + " 2"], "train-*.parquet (2 Parquet files)")
    assert texts_of(opened(tmp_path, text="data/t*-0.parquet")) == [LONG + " 0", LONG + " 1"]
    shard(tmp_path / "own.parquet", LONG, column="body")
    assert texts_of(opened(tmp_path, text="own.parquet", text_field="body")) == [LONG]
    with pytest.raises(DataError, match="has no column 'text'"):
        texts_of(opened(tmp_path, text="own.parquet"))


def test_a_folder_of_shards_beats_a_data_set_of_its_name_and_any_other_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert isinstance(opened(tmp_path, text="owner/name"), HubText)
    shard(tmp_path / "owner" / "name" / "0.parquet", LONG)
    assert isinstance(opened(tmp_path, text="owner/name"), ParquetText)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("prosa.txt", r"/prosa\.txt does not exist"),
        ("texts/prosa.jsonl", r"/texts/prosa\.jsonl does not exist"),
        ("data/prosa.parquet", r"/data/prosa\.parquet does not exist"),
        ("./prosa", r"/prosa is of a kind that is not read"),
        ("data/of/mine", r"/data/of/mine is of a kind that is not read"),
        ("prosa.csv", r"/prosa\.csv is of a kind that is not read"),
        ("data/*.parquet", r"no \.parquet file matches /.*/data/\*\.parquet"),
        ("heldot", r"there is no file or folder /.*/heldot, and 'heldot' is no name of a data set"),
        ("/", r"the folder / holds no \.parquet files"),
    ],
)
def test_a_path_mistyped_is_answered_with_paths(tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path, text=name)


@pytest.mark.parametrize(
    "params",
    [
        {"text": "heldout", "text_split": "train"},
        {"text_config": "news"},
        {"text": "prose.jsonl", "text_revision": "main"},
        {"text": "prose.txt", "text_field": "body"},
        {"text": "heldout", "text_field": "body"},
    ],
)
def test_what_means_nothing_for_the_text_is_refused(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prose.jsonl").write_text(json.dumps({"text": LONG}))
    (tmp_path / "prose.txt").write_text(LONG)
    named = [name for name in params if name != "text"]
    with pytest.raises(ParameterError, match=rf"source\.{named[0]}=.* means nothing for"):
        opened(tmp_path, **params)


def test_the_advice_names_what_was_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    params = TextParams(text="owner/name", text_config="news", text_field="body", text_revision="1" * 40)
    advice = Advice("darkframe fetch --source gpt2-jb")
    text = open_text(params, OPENWEBTEXT, SourceContext(cache=tmp_path), advice=advice)
    told = "darkframe fetch --source gpt2-jb --set source.text=owner/name --set source.text_config=news"
    with pytest.raises(HubAwayError, match=told):
        next(text.documents())
