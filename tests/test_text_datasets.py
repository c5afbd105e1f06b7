"""Texts from data sets on a hub, streamed by the unmodified ``datasets`` and kept as far as they were read."""

import errno
import functools
import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from support import hub_client, hub_text

from darkframe.errors import (
    DataError,
    GatedRepositoryError,
    HubAwayError,
    HubError,
    MissingRepositoryError,
    MissingRevisionError,
    ParameterError,
    StoreError,
    UserError,
)
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.lm import text_hub, text_stream
from darkframe.lm.params import TextParams
from darkframe.lm.text import Document
from darkframe.lm.texts import OPENWEBTEXT, open_text
from darkframe.lm.tokens import Tokenizer
from darkframe.progress import QuietProgress

NAME = OPENWEBTEXT.name
ADVICE = Advice("darkframe fetch --source gpt2-jb")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small segments and blocks, so that small data sets have many; failures that are not tried again for half a minute."""
    from huggingface_hub import hf_file_system

    monkeypatch.setattr(text_hub, "SEGMENT", 50_000)
    monkeypatch.setattr(text_stream, "BLOCK", 1024)
    monkeypatch.setattr(
        hf_file_system, "http_backoff", functools.partial(hf_file_system.http_backoff, max_retries=1, base_wait_time=0.01)
    )


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def text(cache, default=OPENWEBTEXT, progress=None, **params):
    return open_text(
        TextParams(**params), default, SourceContext(cache=cache, progress=progress or QuietProgress()), advice=ADVICE
    )


def read(text, count=None):
    """Texts of the first documents, or of all and the number skipped."""
    found = []
    for item in text.documents():
        if not isinstance(item, Document):
            return found, item
        found.append(item.text)
        if len(found) == count:
            return found
    raise AssertionError("a text ends with the number skipped")


def data_requests(hub):
    """(shard, first byte, last byte) of what was read of the data themselves."""
    asked = hub.asked("*.parquet", "GET")
    assert all(r.range for r in asked)
    return [(int(r.path.rsplit("train-", 1)[1][:5]), *map(int, r.range.removeprefix("bytes=").split("-"))) for r in asked]


def index_of(cache):
    (path,) = cache.glob("texts/*/*/index.json")
    return json.loads(path.read_text())


# ---------------------------------------------------------------- reading and keeping


def test_all_of_it_once_and_then_without_a_request(hub, cache, monkeypatch):
    rows = hub_text.english(60)
    rows = [*rows[:3], None, "short", *rows[3:40], "é " * 40, *rows[40:], None]
    hub_text.add_openwebtext(hub, rows)
    kept = [row for row in rows if row is not None and len(row.strip()) >= 20]
    source = text(cache)
    assert read(source) == (kept, len(rows) - len(kept))
    documents = [d for d in source.documents() if isinstance(d, Document)]
    assert (documents[3].id, documents[3].skipped) == (f"{NAME}:5", 2)  # the row of the data set
    fetched = source.fetched()
    assert (fetched.what, fetched.name, fetched.commit) == ("text", NAME, OPENWEBTEXT.revision)
    assert fetched.files == len(index_of(cache)["segments"]) == 5
    assert fetched.bytes == sum(path.stat().st_size for path in fetched.folder.glob("*.gz"))

    hub.forget()
    assert read(text(cache)) == (kept, len(rows) - len(kept))
    hub_client.offline(monkeypatch)
    assert read(text(cache)) == (kept, len(rows) - len(kept))
    assert hub.requests == []


def test_only_what_is_needed_is_read(hub, cache):
    rows = hub_text.add_openwebtext(hub)
    assert read(text(cache), 5) == rows[:5]
    sizes = [
        file.size for name, file in hub.repositories["dataset", NAME].commits[OPENWEBTEXT.revision].items() if "train" in name
    ]
    spans = data_requests(hub)
    assert {shard for shard, _, _ in spans} == {0}
    footer = 1 << 16
    assert max(last for _, first, last in spans if first < sizes[0] - footer) < sizes[0] / 2
    assert not [r for r in hub.requests if r.path.startswith("/api") and "parquet" in r.path]


def test_reading_goes_on_where_it_ended(hub, cache):
    rows = hub_text.add_openwebtext(hub)
    read(text(cache), 45)
    kept = sum(segment["rows"] for segment in index_of(cache)["segments"])
    assert 45 <= kept < 70
    hub.forget()
    assert read(text(cache)) == (rows, 0)
    spans = data_requests(hub)
    footer = 1 << 16
    shard = kept // 30
    assert min(each for each, _, _ in spans) == min(shard, 1) == 1
    first = min(first for each, first, last in spans if each == 1)
    size = next(f.size for n, f in hub.repositories["dataset", NAME].commits[OPENWEBTEXT.revision].items() if "train-00001" in n)
    assert first > min(size / 5, size - footer)  # not from the shard's beginning
    hub.forget()
    assert read(text(cache)) == (rows, 0)
    assert hub.requests == []


def test_files_behind_a_redirect_to_another_host(hub, cache):
    hub.cdn = True
    rows = hub_text.add_openwebtext(hub, hub_text.english(20), number=2)
    assert read(text(cache)) == (rows, 0)


def test_a_stream_that_another_has_overtaken_reads_what_is_kept(hub, cache):
    rows = hub_text.add_openwebtext(hub, number=1)
    first, second = text(cache).documents(), text(cache).documents()
    taken = [next(first).text for _ in range(3)]
    assert [next(second).text for _ in range(60)] == rows[:60]
    assert taken + [item.text for item in first if isinstance(item, Document)] == rows
    assert [item.text for item in second if isinstance(item, Document)] == rows[60:]
    assert sum(segment["rows"] for segment in index_of(cache)["segments"]) == len(rows)


READER = """
import hashlib, sys
from pathlib import Path
from darkframe.interfaces import SourceContext
from darkframe.lm import text_hub
from darkframe.lm.params import TextParams
from darkframe.lm.texts import OPENWEBTEXT, open_text
text_hub.SEGMENT = 50_000
digest = hashlib.sha256()
for item in open_text(TextParams(), OPENWEBTEXT, SourceContext(cache=Path(sys.argv[1]))).documents():
    digest.update((item if isinstance(item, int) else item.text).__repr__().encode())
print(digest.hexdigest())
"""


def test_killed_and_then_two_at_once(empty_hub, hub_environment, cache):
    rows = hub_text.add_openwebtext(empty_hub)
    expected = hashlib.sha256("".join(map(repr, [*rows, 0])).encode()).hexdigest()
    start = functools.partial(
        subprocess.Popen,
        [sys.executable, "-c", READER, str(cache)],
        env={**os.environ, **hub_environment, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    empty_hub.stall("*train-00001*", 0, times=1)
    killed = start()
    while not empty_hub.asked("*train-00001*"):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert 20 < sum(segment["rows"] for segment in index_of(cache)["segments"]) <= 30
    (folder,) = cache.glob("texts/*/*/")
    (folder / ".00009.jsonl.gz.1.darkframe-tmp").write_bytes(b"half")  # as a process killed while writing leaves it
    both = [start(), start()]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (out.strip(), err) == (expected, "")
    assert sum(segment["rows"] for segment in index_of(cache)["segments"]) == len(rows)
    assert not list(folder.glob("*tmp"))
    assert len(empty_hub.asked("*train-00002*", "GET")) < 12  # read by one of them


def test_main_is_asked_for_and_what_it_was_is_read_offline(hub, cache, monkeypatch):
    old, new = hub_text.english(20)[:10], hub_text.english(20)[10:]
    name = "somebody/moving"
    first = hub.add(name, hub_text.shards(old, 1, 5), kind="dataset")
    source = text(cache, text=name)
    assert (read(source), source.identity()["revision"]) == ((old, 0), first)
    second = hub.add(name, hub_text.shards(new, 1, 5), kind="dataset")
    assert read(source) == (old, 0)  # a source stays with its commit
    assert text(cache, text=name, text_revision=first).identity() == source.identity()
    hub_client.offline(monkeypatch)
    assert read(text(cache, text=name)) == (old, 0)
    hub_client.offline(monkeypatch, False)
    assert (read(text(cache, text=name)), text(cache, text=name).details()["commit"]) == ((new, 0), second)
    hub.forget()
    hub_client.offline(monkeypatch)
    assert read(text(cache, text=name)) == (new, 0)
    assert read(text(cache, text=name, text_revision=first)) == (old, 0)
    assert hub.requests == []


# ---------------------------------------------------------------- other data sets


def test_configurations_and_splits(hub, cache):
    parts = hub_text.add_configs(hub)
    chosen = {"text": "somebody/configs"}
    for (config, split), rows in parts.items():
        assert read(text(cache, **chosen, text_config=config, text_split=split)) == (rows, 0)
    with pytest.raises(ParameterError, match=r"has several configurations\. Expected one of news, prose\."):
        read(text(cache, **chosen))
    with pytest.raises(ParameterError, match=r"has no configuration 'poems'\. Expected one of news, prose\."):
        read(text(cache, **chosen, text_config="poems"))
    with pytest.raises(ParameterError, match=r"has no split 'validation'\. Expected one of train, test\."):
        read(text(cache, **chosen, text_config="news", text_split="validation"))


def test_columns(hub, cache):
    rows = hub_text.english(8)
    table = pa.table({"id": range(8), "body": rows, "tags": [["a"]] * 8})
    hub.add("somebody/wide", {"data/train-0.parquet": hub_text.parquet(table, 3)}, kind="dataset")
    assert read(text(cache, text="somebody/wide", text_field="body")) == (rows, 0)
    with pytest.raises(ParameterError, match=r"has no column 'text'\. Expected one of id, body, tags\."):
        read(text(cache, text="somebody/wide"))
    for column in ("id", "tags"):
        with pytest.raises(ParameterError, match=rf"column '{column}' of .* holds no text but .*Columns of text: body\."):
            read(text(cache, text="somebody/wide", text_field=column))


def test_json_lines(hub, cache):
    rows = hub_text.english(12)
    lines = ["".join(json.dumps({"body": row, "n": 1}) + "\n" for row in part) for part in (rows[:6], rows[6:])]
    files = {"train-0.jsonl": lines[0], "train-1.jsonl.gz": gzip.compress(lines[1].encode())}
    hub.add("somebody/lines", files, kind="dataset")
    read(text(cache, text="somebody/lines", text_field="body"), 3)
    assert read(text(cache, text="somebody/lines", text_field="body")) == (rows, 0)
    with pytest.raises(ParameterError, match=r"has no column 'text'\. Expected one of body, n"):
        read(text(cache, text="somebody/lines"))


def test_a_loading_script_and_the_hubs_own_copy(hub, cache):
    rows = hub_text.add_script(hub)
    with pytest.raises(UserError, match=r"made by a loading script.*--set source\.text_revision=refs/convert/parquet"):
        read(text(cache, text="somebody/scripted"))
    assert read(text(cache, text="somebody/scripted", text_revision="refs/convert/parquet")) == (rows, 0)


# ---------------------------------------------------------------- where it cannot be had


def test_what_the_hub_does_not_have_or_give(hub, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hub_text.add_openwebtext(hub)
    with pytest.raises(MissingRepositoryError, match=r"no dataset 'data/prosa'.*Nor is there a file or folder /.*/data/prosa\."):
        read(text(cache, text="data/prosa"))
    with pytest.raises(MissingRevisionError, match="has no revision 'v2'"):
        read(text(cache, text=NAME, text_revision="v2"))
    hub.add("somebody/pictures", {"README.md": "# None\n"}, kind="dataset")
    with pytest.raises(DataError, match="somebody/pictures holds no files of a kind that the library datasets reads"):
        read(text(cache, text="somebody/pictures"))
    hub.gate(NAME, kind="dataset")
    with pytest.raises(GatedRepositoryError, match=f"{NAME} is gated"):
        read(text(cache))
    assert not list(cache.glob("texts/*/*/index.json"))


def test_the_card_may_be_read_where_the_data_are_gated(hub, cache):
    hub_text.add_openwebtext(hub)
    hub.answer("*.parquet", 403)
    with pytest.raises(GatedRepositoryError, match="refuses the dataset"):
        read(text(cache))


def test_damaged_shards(hub, cache):
    rows = hub_text.english(20)
    files = hub_text.shards(rows, 2, 5)
    last = max(files)
    files[last] = files[last][:4] + bytes(len(files[last]) - 400) + files[last][-396:]
    hub.add("somebody/damaged", files, kind="dataset")
    found = []
    with pytest.raises(DataError, match="somebody/damaged cannot be read"):
        found.extend(item.text for item in text(cache, text="somebody/damaged").documents())
    with pytest.raises(DataError, match="somebody/damaged cannot be read"):
        read(text(cache, text="somebody/damaged"))
    assert sum(segment["rows"] for segment in index_of(cache)["segments"]) == 10


def test_away_with_nothing_kept(hub, cache, monkeypatch):
    hub_text.add_openwebtext(hub)
    hub_client.offline(monkeypatch)
    told = (
        r"Nothing of the data set Skylion007/openwebtext is kept.*HF_HUB_OFFLINE=1.*'darkframe fetch --source gpt2-jb --tokens N'"
    )
    with pytest.raises(HubAwayError, match=told):
        read(text(cache))
    with pytest.raises(HubAwayError, match=r"HF_HUB_OFFLINE=1.*Where there is a network"):
        read(text(cache, text="somebody/moving"))
    assert hub.requests == []


def test_a_hub_that_never_answers(hub, cache):
    hub_text.add_openwebtext(hub)
    hub.hang()
    start = time.monotonic()
    with pytest.raises(HubAwayError, match="does not answer"):
        read(text(cache))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("fault", "why"),
    [(("answer", 503), "status 503"), (("cut", 500, None), "Server Disconnected"), (("stall", 500, None), "not answer")],
)
def test_a_hub_that_dies_while_it_is_read(hub, cache, capfd, monkeypatch, fault, why):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    rows = hub_text.add_openwebtext(hub)
    kind, *amount = fault
    getattr(hub, kind)("*train-00001*", *amount)
    told = rf"only as far as its first 30 documents \(roughly [\d,]+ tokens\), and .*{why}.*Ask for fewer tokens\."
    for _ in range(2):
        found = []
        with pytest.raises(HubAwayError, match=told):
            found.extend(item.text for item in text(cache).documents())
        assert found == rows[:30]
    assert capfd.readouterr() == ("", "")
    hub.faults.clear()
    assert read(text(cache)) == (rows, 0)


def test_a_full_disk(hub, cache, monkeypatch):
    hub_text.add_openwebtext(hub)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("datasets.load_dataset_builder", full)
        with pytest.raises(HubError, match=r"The disk is full .*datasets keeps of Skylion007/openwebtext"):
            read(text(cache))
    monkeypatch.setattr("darkframe.disk.os.fsync", full)
    with pytest.raises(StoreError, match="The disk is full"):
        read(text(cache))


def test_a_damaged_segment_is_named(hub, cache):
    hub_text.add_openwebtext(hub)
    read(text(cache), 5)
    (folder,) = cache.glob("texts/*/*/")
    path = folder / "00000.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(
        StoreError, match=r"00000\.jsonl\.gz, a part of a text that was kept, is missing or damaged.*Delete the folder"
    ):
        read(text(cache))
    path.unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        read(text(cache))
    (folder / "index.json").write_text("{}")
    with pytest.raises(StoreError, match=r"index\.json, .* is missing or damaged"):
        read(text(cache))


# ---------------------------------------------------------------- through a source


def test_a_run_offline_that_wants_no_more_than_was_fetched_does_not_notice(hub, cache, tmp_path, monkeypatch):
    from support.tinylm import make_assets

    from darkframe_tiny.plugin import TinyParams
    from darkframe_tiny.source import TinySource

    rows = hub_text.add_openwebtext(hub)
    assets = make_assets(tmp_path / "assets")
    monkeypatch.setattr("darkframe.lm.tokens.CHARACTERS_AT_ONCE", 20_000)

    def tiny():
        params = TinyParams(assets=str(assets), batch_size=4, text=NAME, text_revision=OPENWEBTEXT.revision)
        return TinySource(params, SourceContext(cache=cache))

    (fetched,) = tiny().fetch(4000)
    assert (fetched.what, fetched.name) == ("text", NAME)
    assert not hub.asked("*train-00002*")
    hub.forget()
    (again,) = tiny().fetch(4000)
    assert (again, hub.requests) == (fetched, [])

    hub_client.offline(monkeypatch)
    source = tiny()
    assert source.available_tokens() is None
    assert source.card().text.startswith(f"{NAME}, split train")
    assert source.card().details["text"]["commit"] == OPENWEBTEXT.revision
    tokens, batches = 0, []
    with pytest.raises(HubAwayError, match="only as far as its first"):
        for batch in source.batches():
            tokens += int((~batch.special).sum())
            batches.append(batch)
    assert tokens >= 4000
    kept = index_of(cache)["segments"]
    encode = Tokenizer(assets / "model").encode
    held = sum(len(ids) for ids in encode(rows[: sum(segment["rows"] for segment in kept)]))
    assert held - tokens <= 5 * 16  # all that is kept is given, but for a batch and a row that are not full
    assert hub.requests == []
