"""Downloads into huggingface_hub's cache: what is asked for, nothing twice, resumed, verified, at one commit."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import hub_client

from darkframe.errors import HubError
from darkframe.hub import Repository, cache_folder, commit_of, fetch, transfer, verify
from darkframe.progress import QuietProgress

NAME = "org/name"
SOME = {"config.json": b'{"a": 1}', "part/weights.safetensors": os.urandom(300_000), "part/notes.txt": "notes"}
WEIGHTS = "part/weights.safetensors"


class Told:
    """Progress that keeps what it is told."""

    def __init__(self):
        self.tasks, self.steps = [], []

    def task(self, label, total, unit):
        self.tasks.append([label, total, unit, 0.0])
        return _ToldTask(self.tasks[-1])

    def step(self, name, text):
        self.steps.append(text)


class _ToldTask:
    def __init__(self, record):
        self._record = record

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def advance(self, amount=1):
        self._record[3] += amount

    def note(self, text):
        pass


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    monkeypatch.setattr(transfer, "PAUSE", 0.0)


def get(*wanted, revision="main", progress=None, name=NAME, **options):
    return fetch(Repository(name, revision=revision), wanted, progress=progress or QuietProgress(), **options)


def content(value):
    return value.encode() if isinstance(value, str) else value


def test_files_by_name_and_pattern_come_into_the_librarys_own_cache(hub):
    from huggingface_hub import scan_cache_dir, try_to_load_from_cache

    commit = hub.add(NAME, SOME)
    snapshot = get("config.json", "part/*", optional=("nothing.json", "*.bin"))
    assert (snapshot.commit, snapshot.files) == (commit, ("config.json", "part/notes.txt", WEIGHTS))
    for name in snapshot.files:
        assert snapshot.path(name).read_bytes() == content(SOME[name])
        assert try_to_load_from_cache(NAME, name) == str(snapshot.path(name))
    assert snapshot.bytes == sum(map(len, SOME.values()))
    (repository,) = scan_cache_dir().repos
    assert repository.repo_id == NAME and not scan_cache_dir().warnings
    verify(snapshot)


def test_only_what_is_wanted_is_downloaded(hub):
    hub.add(NAME, SOME)
    assert get("config.json").files == ("config.json",)
    assert not hub.asked("*part*")


def test_a_second_time_only_the_commit_is_asked_for_and_a_pinned_one_not_even_that(hub):
    commit = hub.add(NAME, SOME)
    first = get("config.json", "part/*", optional=("nothing.json",))
    hub.forget()
    assert get("config.json", "part/*", optional=("nothing.json",)) == first
    assert [r.path for r in hub.requests] == [f"/api/models/{NAME}/revision/main"]
    hub.forget()
    assert get("config.json", "part/*", optional=("nothing.json",), revision=commit).files == first.files
    assert not hub.requests


def test_main_moves_and_a_pinned_revision_does_not(hub):
    old = hub.add(NAME, SOME, tags=("v1",))
    assert get("config.json").commit == old
    new = hub.add(NAME, SOME | {"config.json": b'{"a": 2}'})
    assert (get("config.json").commit, get("config.json", revision="v1").commit) == (new, old)
    assert get("config.json").path("config.json").read_bytes() == b'{"a": 2}'
    assert get("config.json", revision=old).path("config.json").read_bytes() == b'{"a": 1}'
    assert get("config.json", revision=old[:10]).commit == old
    assert [commit_of(Repository(NAME, revision=r), progress=QuietProgress()) for r in ("main", "v1", old)] == [new, old, old]


def test_what_did_not_change_between_commits_is_not_downloaded_again(hub):
    hub.add(NAME, SOME)
    get("part/*")
    hub.add(NAME, SOME | {"part/notes.txt": "other notes"})
    hub.forget()
    snapshot = get("part/*")
    assert not hub.asked("*.safetensors", "GET") and snapshot.path(WEIGHTS).read_bytes() == SOME[WEIGHTS]


def test_data_sets_and_old_names(hub):
    hub.add("org/text", {"data/a.parquet": b"PAR1"}, kind="dataset")
    hub.add(NAME, SOME)
    hub.alias("old", NAME)
    assert fetch(Repository("org/text", "dataset"), ["data/*"], progress=QuietProgress()).files == ("data/a.parquet",)
    snapshot = get("part/*", name="old")
    assert snapshot.path(WEIGHTS).read_bytes() == SOME[WEIGHTS] and "models--old" in str(snapshot.folder)


def test_files_that_the_hub_redirects_to_a_content_network(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.add(NAME, SOME)
    hub.cdn = True
    hub.cut("/cdn/*", after=100_000)
    assert get("part/*").path(WEIGHTS).read_bytes() == SOME[WEIGHTS]
    stored = hub.asked("/cdn/*")
    assert [r.range for r in stored] == [None, "bytes=100000-"]
    assert "authorization" in hub.asked("*notes.txt", "GET")[0].headers
    assert not any("authorization" in r.headers for r in stored)


def test_a_broken_connection_goes_on_where_it_was(hub):
    hub.add(NAME, SOME)
    hub.cut("*.safetensors", after=70_000, times=3)
    told = Told()
    assert get("part/*", progress=told).path(WEIGHTS).read_bytes() == SOME[WEIGHTS]
    ranges = [r.range for r in hub.asked("*.safetensors", "GET")]
    assert ranges == [None, "bytes=70000-", "bytes=140000-", "bytes=210000-"]
    ((label, total, unit, done),) = told.tasks
    assert (label, unit) == (f"Downloading {NAME} (0.3 MB)", "MB")
    assert total == pytest.approx(done) == pytest.approx(sum(len(SOME[n]) for n in (WEIGHTS, "part/notes.txt")) / 1e6)


def test_a_download_given_up_is_gone_on_with_the_next_time(hub):
    hub.add(NAME, SOME)
    hub.cut("*.safetensors", after=200_000)
    hub.cut("*.safetensors", after=0, times=transfer.PATIENCE)
    with pytest.raises(HubError, match=r"org/name's part/weights\.safetensors stopped at 0\.2 of 0\.3 MB.*run the same command"):
        get("part/*")
    hub.forget()
    assert get("part/*").path(WEIGHTS).read_bytes() == SOME[WEIGHTS]
    assert [r.range for r in hub.asked("*.safetensors", "GET")] == ["bytes=200000-"]
    assert not list(cache_folder().rglob("*.incomplete"))


def test_a_download_that_is_interrupted_is_gone_on_with(empty_hub, hub_environment, hub_home):
    empty_hub.add(NAME, SOME)
    empty_hub.slow("*.safetensors", 300_000)
    program = (
        "from darkframe.hub import *; from darkframe.progress import QuietProgress\n"
        f"print(fetch(Repository({NAME!r}), ['part/*'], progress=QuietProgress()).folder)"
    )
    environment = {**os.environ, **hub_environment}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE)
    name = f"{hashlib.sha256(SOME[WEIGHTS]).hexdigest()}.darkframe.incomplete"
    part = hub_home / "hub" / "models--org--name" / "blobs" / name
    while process.poll() is None and not (part.is_file() and part.stat().st_size > 60_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate()
    held = part.stat().st_size
    assert 0 < held < len(SOME[WEIGHTS])
    empty_hub.faults.clear()
    empty_hub.forget()
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert [r.range for r in empty_hub.asked("*.safetensors", "GET")] == [f"bytes={held}-"]
    assert Path(done.stdout.strip(), WEIGHTS).read_bytes() == SOME[WEIGHTS]
    assert done.stderr == ""


def test_a_server_without_ranges_is_read_from_the_start(hub, monkeypatch):
    from support.hub import _Handler

    hub.add(NAME, SOME)
    hub.cut("*.safetensors", after=100_000)
    serve = _Handler._serve

    def whole(self, file, headers):
        del self.headers["Range"]
        serve(self, file, headers)

    monkeypatch.setattr(_Handler, "_serve", whole)
    assert get("part/*").path(WEIGHTS).read_bytes() == SOME[WEIGHTS]


@pytest.mark.parametrize("left", [b"wrong" * 100, b"x" * 400_000])
def test_a_rest_of_an_earlier_download_that_is_wrong_or_too_long_is_left(hub, left):
    from darkframe.hub.cache import RepositoryCache

    hub.add(NAME, SOME)
    file = hub.repositories["model", NAME].commits[hub.repositories["model", NAME].refs["main"]][WEIGHTS]
    part = RepositoryCache(Repository(NAME)).part(file.etag)
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    assert get("part/*").path(WEIGHTS).read_bytes() == SOME[WEIGHTS]


def test_wrong_bytes_are_removed_and_named(hub):
    hub.add(NAME, SOME)
    hub.corrupt("*.safetensors")
    with pytest.raises(HubError, match=r"org/name's part/weights\.safetensors arrived damaged"):
        get("part/*")
    assert not list(cache_folder().rglob("*weights*")) and not list(cache_folder().rglob("*.incomplete"))
    hub.faults.clear()
    verify(get("part/*"))


@pytest.mark.parametrize("name", [WEIGHTS, "part/notes.txt"])
def test_damage_in_the_cache_is_named_removed_and_made_good(hub, name):
    hub.add(NAME, SOME)
    snapshot = get("part/*")
    blob = snapshot.path(name).resolve()
    blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(HubError, match=f"org/name's {name} in the cache .* is damaged .* and was removed"):
        verify(snapshot)
    assert get("part/*").path(name).read_bytes() == content(SOME[name])


def test_the_cache_of_a_hub_that_wanted_no_links_is_used_too(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    hub.add(NAME, SOME)
    snapshot = get("part/*")
    assert not snapshot.path(WEIGHTS).is_symlink() and snapshot.path(WEIGHTS).read_bytes() == SOME[WEIGHTS]
    verify(snapshot)


def test_offline_with_a_filled_cache_nothing_is_asked(hub, monkeypatch):
    hub.add(NAME, SOME)
    online = get("config.json", "part/*", optional=("nothing.json",))
    hub.forget()
    hub_client.offline(monkeypatch)
    told = Told()
    assert get("config.json", "part/*", optional=("nothing.json",), progress=told) == online
    assert commit_of(Repository(NAME), progress=told) == online.commit
    assert not hub.requests and not told.steps


def test_offline_a_cache_that_another_program_filled_serves(hub, monkeypatch):
    from huggingface_hub import snapshot_download

    hub.add(NAME, SOME)
    snapshot_download(NAME)
    hub.forget()
    hub_client.offline(monkeypatch)
    assert get("config.json", "part/*").files == ("config.json", "part/notes.txt", WEIGHTS)
    assert not hub.requests


def test_offline_a_pattern_is_not_content_with_some_of_its_files(hub, monkeypatch):
    hub.add(NAME, SOME)
    get("part/notes.txt")
    hub_client.offline(monkeypatch)
    with pytest.raises(HubError, match=r"part/weights\.safetensors is not in the cache"):
        get("part/*")


def test_no_file_outside_the_cache_is_written_whatever_the_hub_lists(hub):
    hub.add(NAME, {"../../../../out.txt": b"x", "/out.txt": b"x", "fine.txt": b"x"})
    assert get("*.txt").files == ("fine.txt",)
    assert not [r for r in hub.requests if "out.txt" in r.path]
