"""Fixtures that several test modules share: the loopback hub, and the guard against any other connection."""

import signal

import pytest
from support import hub_client
from support.hub import Hub

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: what is started here would not hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_other_connections(monkeypatch):
    """Fails the test where this process tries to reach anything but loopback, whatever becomes of the attempt."""
    attempts = []
    hub_client.refuse_elsewhere(monkeypatch.setattr, attempts.append)
    yield attempts
    assert not attempts, f"connections elsewhere were attempted: {attempts}"


@pytest.fixture
def hub_home(tmp_path):
    """HF_HOME of this test."""
    home = tmp_path / "hf"
    home.mkdir()
    return home


@pytest.fixture
def empty_hub():
    """A hub without repositories, which no library has been told of yet."""
    with Hub() as server:
        yield server


@pytest.fixture
def hub(empty_hub, hub_home, monkeypatch, no_other_connections):
    """A hub without repositories (``hub.add``) that the libraries in this process use, with a cache of the test's own."""
    hub_client.use(monkeypatch, empty_hub.endpoint, hub_home)
    return empty_hub


@pytest.fixture
def hub_environment(empty_hub, hub_home, tmp_path):
    """Environment of a subprocess that uses the hub alone; the test fails where it tries to connect elsewhere."""
    folder = tmp_path / "guard"
    folder.mkdir()
    yield empty_hub.environment(hub_home, **hub_client.guarded(folder))
    assert not hub_client.elsewhere(folder), "connections elsewhere were attempted by a subprocess"
