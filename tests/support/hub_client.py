"""This process as a client of the loopback hub, and a guard against connections to anywhere else.

huggingface_hub and its users read their settings when they are imported, and the tests share one process: what they read is
patched where it is kept. (``huggingface_hub.constants`` is read through the module at each call; the module-level API object,
datasets and TransformerLens hold copies.) Subprocesses read the environment: ``Hub.environment`` and ``guarded``.
"""

import os
import socket
import sys
from pathlib import Path

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE", "HF_DATASETS_CACHE")


def use(monkeypatch, endpoint, home):
    """Make the libraries in this process use the hub at ``endpoint`` and the cache in ``home``."""
    from huggingface_hub import close_session, constants, hf_api

    hub_cache = str(home / "hub")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    paths = {"HF_HOME": str(home), "HF_HUB_CACHE": hub_cache, "HUGGINGFACE_HUB_CACHE": hub_cache}
    paths |= {"HF_TOKEN_PATH": str(home / "token"), "HF_XET_CACHE": str(home / "xet")}
    for name, value in {**paths, "ENDPOINT": endpoint, "HF_HUB_OFFLINE": False}.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_URL_HOSTS", constants.HF_URL_HOSTS | {"127.0.0.1"})
    monkeypatch.setattr(hf_api.api, "endpoint", endpoint)
    datasets = sys.modules.get("datasets.config")
    if datasets is not None:
        cached = {"HF_DATASETS_CACHE": home / "datasets", "HF_MODULES_CACHE": str(home / "modules")}
        named = {"HF_ENDPOINT": endpoint, "HUB_DATASETS_URL": endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}"}
        for name, value in {**cached, **named, "HF_HUB_OFFLINE": False, "HF_UPDATE_DOWNLOAD_COUNTS": False}.items():
            monkeypatch.setattr(datasets, name, value)
    lens = sys.modules.get("transformer_lens.utilities.hf_utils")
    if lens is not None:
        monkeypatch.setattr(lens, "CACHE_DIR", hub_cache)
    transformers = sys.modules.get("transformers.utils.hub")
    if transformers is not None:
        monkeypatch.setattr(transformers, "_hf_api", None)  # it keeps one with the endpoint it first saw
    close_session()  # a client that was opened under other settings


def offline(monkeypatch, value=True):
    """``HF_HUB_OFFLINE`` as if it had been set before the libraries were imported."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1" if value else "0")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", value)
    if "datasets.config" in sys.modules:
        monkeypatch.setattr(sys.modules["datasets.config"], "HF_HUB_OFFLINE", value)


class Elsewhere(OSError):
    """A connection that the test does not allow."""


def refuse_elsewhere(set_attribute, record):
    """Replace what opens connections and looks names up: loopback works, anything else is recorded and fails."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host):
        name = host.decode() if isinstance(host, bytes) else str(host)
        if host is not None and name not in LOOPBACK and not name.startswith("127."):
            record(name)
            raise Elsewhere(f"A connection to {name} was attempted.")

    def checked(original):
        def method(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(address[0])
            return original(self, address)

        return method

    def look_up(host, *args, **kwargs):
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    set_attribute(socket.socket, "connect", checked(connect))
    set_attribute(socket.socket, "connect_ex", checked(connect_ex))
    set_attribute(socket, "getaddrinfo", look_up)


def guarded(folder):
    """Environment that puts the guard into a Python subprocess; attempts land in ``folder/elsewhere.txt``."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import hub_client\n"
        "sys.path.pop(0)\n"
        "def record(name):\n"
        f"    open({str(folder / 'elsewhere.txt')!r}, 'a').write(name + '\\n')\n"
        "hub_client.refuse_elsewhere(setattr, record)\n"
    )
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def elsewhere(folder):
    """Where guarded subprocesses tried to connect to."""
    path = folder / "elsewhere.txt"
    return path.read_text().splitlines() if path.exists() else []
