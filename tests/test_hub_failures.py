"""What goes wrong with the hub: each has its own sentence, soon, and what is in the cache goes on being used."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import hub_client
from support.full_disk import file_size_limit
from test_hub_fetch import NAME, SOME, WEIGHTS, Told, get

from darkframe.errors import (
    GatedRepositoryError,
    HubAwayError,
    HubError,
    MissingFileError,
    MissingRepositoryError,
    MissingRevisionError,
    UserError,
)
from darkframe.hub import Advice, Repository, asking, commit_of, transfer
from darkframe.progress import QuietProgress

ADVICE = Advice(fetch="darkframe fetch --source gpt2-jb", folder="source.model=FOLDER")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    monkeypatch.setattr(asking, "TIMEOUT", 0.5)


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def refused(kind, *wanted, **options):
    with pytest.raises(kind) as caught:
        get(*(wanted or ("config.json",)), advice=ADVICE, **options)
    told = str(caught.value)
    assert "\n" not in told and "Traceback" not in told
    return told


def complete(told, hub_home):
    """Names what is missing, how to fetch it elsewhere and how to point at a folder."""
    return all(
        part in told
        for part in ("org/name's config.json", "darkframe fetch --source gpt2-jb", str(hub_home), "--set source.model=FOLDER")
    )


def test_a_hub_that_accepts_and_never_answers(hub, hub_home, monkeypatch):
    monkeypatch.undo()  # the time-outs that users have
    hub_client.use(monkeypatch, hub.endpoint, hub_home)
    hub.hang()
    started = time.monotonic()
    told = refused(HubAwayError)
    assert time.monotonic() - started < 10
    assert complete(told, hub_home) and "it does not answer" in told


def test_a_name_lookup_that_never_ends(hub, hub_home, monkeypatch):
    monkeypatch.setattr(asking, "DEADLINE", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    started = time.monotonic()
    told = refused(HubAwayError)
    assert time.monotonic() - started < 2 and complete(told, hub_home)


def test_a_name_that_is_not_found(hub, hub_home, monkeypatch):
    def fails(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    hub_client.use(monkeypatch, "http://hub.invalid", hub_home)
    monkeypatch.setattr(socket, "getaddrinfo", fails)
    told = refused(HubAwayError)
    assert complete(told, hub_home) and "http://hub.invalid" in told and "could not be looked up" in told


def test_a_connection_refused(hub, hub_home, monkeypatch):
    hub_client.use(monkeypatch, f"http://127.0.0.1:{closed_port()}", hub_home)
    told = refused(HubAwayError)
    assert complete(told, hub_home) and "connection was refused" in told


def test_a_proxy_is_named_without_its_password(hub, hub_home, monkeypatch):
    port = closed_port()
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    hub_client.use(monkeypatch, "http://hub.invalid", hub_home)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{port}")
    told = refused(HubAwayError)
    assert f"through the proxy 127.0.0.1:{port}" in told and "secret" not in told


def test_no_tls_where_it_should_be(hub, hub_home, monkeypatch):
    hub_client.use(monkeypatch, hub.endpoint.replace("http://", "https://"), hub_home)
    assert "no TLS connection" in refused(HubAwayError)


def test_a_certificate_that_is_not_trusted():
    import ssl

    from darkframe.hub.failures import reason

    error = ConnectionError("connect")
    error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    assert "SSL_CERT_FILE" in reason(error)


def test_offline_and_nothing_cached(hub, hub_home, monkeypatch):
    hub.add(NAME, SOME)
    hub_client.offline(monkeypatch)
    told = refused(HubAwayError)
    assert complete(told, hub_home) and "HF_HUB_OFFLINE=1" in told
    with pytest.raises(HubAwayError, match="The model org/name is not in the cache"):
        commit_of(Repository(NAME), advice=ADVICE, progress=QuietProgress())
    assert not hub.requests


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository(hub, status):
    hub.add(NAME, SOME)
    hub.gate(NAME, status)
    told = refused(GatedRepositoryError)
    assert "The model org/name is gated" in told and f"{hub.endpoint}/org/name" in told and "HF_TOKEN" in told


@pytest.mark.parametrize("name", ["org/nme", "nme"])
def test_a_repository_that_does_not_exist(hub, name):
    hub.add(NAME, SOME)
    told = refused(MissingRepositoryError, name=name)
    assert f"has no model {name!r}" in told and "Check the name" in told


@pytest.mark.parametrize("name", ["a/b/c", "a b", "", "--x"])
def test_what_is_no_name_of_a_repository(hub, name):
    assert repr(name) in refused(MissingRepositoryError, name=name)


def test_a_revision_that_does_not_exist(hub):
    hub.add(NAME, SOME)
    for revision in ("v9", "f" * 40):
        assert f"The model org/name has no revision {revision!r}" in refused(MissingRevisionError, revision=revision)


@pytest.mark.parametrize("wanted", ["nothing.json", "layers.9/*"])
def test_a_file_that_does_not_exist(hub, wanted):
    commit = hub.add(NAME, SOME)
    assert f"org/name has no file {wanted}" in refused(MissingFileError, wanted)
    assert f"has no file {wanted}" in refused(MissingFileError, wanted, revision=commit)


def test_mistakes_exit_2_and_the_rest_1(hub):
    assert {MissingFileError.exit_code, MissingRevisionError.exit_code, MissingRepositoryError.exit_code} == {2}
    assert issubclass(GatedRepositoryError, UserError) and (HubAwayError.exit_code, HubError.exit_code) == (1, 1)


@pytest.mark.parametrize(("status", "hint"), [(500, "Try again later"), (503, "Try again later"), (429, "wait a few minutes")])
def test_a_hub_that_answers_with_an_error(hub, status, hint):
    hub.add(NAME, SOME)
    hub.answer("/api/*", status)
    told = refused(HubAwayError)
    assert f"status {status}" in told and hint in told


def test_errors_in_the_middle_of_a_download_pass_or_are_named(hub):
    hub.add(NAME, SOME)
    hub.answer("*config.json", 503, times=4)  # one HEAD is answered below
    hub.faults[-1].methods = ("GET",)
    assert "status 503" in refused(HubError)
    hub.faults[-1].times = 2
    assert get("config.json").path("config.json").read_bytes() == SOME["config.json"]


def test_something_that_is_no_hub(hub, hub_home, monkeypatch):
    hub.answer("/api/*", 200)
    assert "org/name" in refused(HubError)


FAULTS = {
    "hanging": lambda hub: hub.hang(),
    "failing": lambda hub: hub.answer("*", 502),
    "gated": lambda hub: hub.gate(NAME),
    "gone": lambda hub: hub.repositories.clear(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_cached_is_used_and_said_in_one_line(hub, fault):
    hub.add(NAME, SOME)
    held = get("config.json", "part/*")
    if fault == "gated":
        hub.add(NAME, SOME | {"new.txt": "new"})  # a commit whose files have to be asked for
    FAULTS[fault](hub)
    told = Told()
    assert get("config.json", "part/*", progress=told) == held
    assert len(told.steps) == 1 and "from the cache" in told.steps[0] and NAME in told.steps[0]
    if fault == "hanging":  # and what has just been asked in vain is not asked again at once
        hub.forget()
        assert get("config.json", progress=told).commit == held.commit and not hub.requests


def test_a_full_disk_before_and_while_it_fills(hub, hub_home, monkeypatch):
    hub.add(NAME, SOME)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 10_000))
        told = refused(HubError, "part/*")
    assert "too full for org/name" in told and str(hub_home / "hub") in told and "HF_HOME" in told
    with file_size_limit(100_000):
        told = refused(HubError, "part/*")
    assert "The disk is full" in told and WEIGHTS in told and str(hub_home / "hub") in told and "HF_HOME" in told
    hub.forget()
    assert get("part/*").path(WEIGHTS).read_bytes() == SOME[WEIGHTS]
    assert hub.asked("*.safetensors", "GET")[0].range is not None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_cache_that_cannot_be_written(hub, hub_home, monkeypatch, number):
    hub.add(NAME, SOME)

    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    told = refused(HubError)
    assert "cannot be written" in told and str(hub_home / "hub") in told and "HF_HOME=FOLDER" in told


def test_a_cache_that_is_a_file(hub, hub_home):
    (hub_home / "hub").write_text("")
    hub.add(NAME, SOME)
    assert str(hub_home / "hub") in refused(HubError)


@pytest.mark.parametrize("host", ["192.0.2.1", "huggingface.co"])
def test_the_guard_fails_a_test_that_connects_elsewhere(no_other_connections, host):
    with pytest.raises(OSError, match=f"A connection to {host} was attempted"):
        socket.create_connection((host, 443), timeout=1)
    assert no_other_connections == [host]
    no_other_connections.clear()


def test_the_guard_of_subprocesses_too(tmp_path):
    program = "import socket\ntry: socket.create_connection(('192.0.2.1', 443), timeout=1)\nexcept OSError as error: print(error)"
    environment = {**os.environ, **hub_client.guarded(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "was attempted" in done.stdout and set(hub_client.elsewhere(tmp_path)) == {"192.0.2.1"}
