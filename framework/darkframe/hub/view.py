"""Exactly these snapshots, and nothing else, for libraries that look repositories up by name."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from darkframe.errors import DarkframeError
from darkframe.hub.cache import RepositoryCache, verify
from darkframe.hub.environment import prepare
from darkframe.hub.hush import hushed
from darkframe.hub.records import Snapshot

lock = threading.RLock()
"""Held while the libraries are shown a view, and while the hub is asked: the libraries' settings are one process's."""

_open = 0


def is_open() -> bool:
    """Whether this thread, which holds the lock, is inside ``opened``."""
    return _open > 0


# Where libraries keep copies of what huggingface_hub read from the environment: (module, attribute).
_CACHES = (
    ("huggingface_hub.constants", "HF_HUB_CACHE"),
    ("huggingface_hub.constants", "HUGGINGFACE_HUB_CACHE"),
    ("transformer_lens.utilities.hf_utils", "CACHE_DIR"),
)
_OFFLINE = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_DATASETS_OFFLINE"),
)


@contextlib.contextmanager
def opened(*snapshots: Snapshot) -> Iterator[None]:
    """Inside, sae_lens, transformer_lens, transformers and datasets find the snapshots under their repositories' own names.

    They make no request. One thread at a time; what fails inside because a file is damaged fails with a sentence that says so.
    """
    import huggingface_hub.constants as constants

    global _open
    prepare()
    with lock, hushed(), tempfile.TemporaryDirectory(prefix="darkframe-hub-") as name:
        view, real, offline = Path(name), str(constants.HF_HUB_CACHE), bool(constants.HF_HUB_OFFLINE)
        for snapshot in snapshots:
            _show(snapshot, view)
        before = {place: getattr(sys.modules[place[0]], place[1]) for place in _CACHES + _OFFLINE if _loaded(place)}
        _open += 1
        try:
            _set(_CACHES, str(view))
            _set(_OFFLINE, True)
            yield
        except Exception as error:
            if not isinstance(error, DarkframeError):
                verify(*snapshots)
            raise
        finally:
            _open -= 1
            _set(_CACHES, real)  # those imported inside copied the view
            _set(_OFFLINE, offline)
            for (module, attribute), value in before.items():
                setattr(sys.modules[module], attribute, value)


def _show(snapshot: Snapshot, view: Path) -> None:
    """Put a snapshot into the view: its folder as a link, and what main and the revision stand for."""
    folder = view / RepositoryCache(snapshot.repository).folder.name
    (folder / "snapshots").mkdir(parents=True, exist_ok=True)
    link = folder / "snapshots" / snapshot.commit
    if not link.is_symlink():  # several snapshots may be of one commit
        link.symlink_to(snapshot.folder.absolute(), target_is_directory=True)
    for revision in {"main", snapshot.repository.revision} - {snapshot.commit}:
        ref = folder / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(snapshot.commit)


def _loaded(place: tuple[str, str]) -> bool:
    return hasattr(sys.modules.get(place[0]), place[1])


def _set(places: tuple[tuple[str, str], ...], value: object) -> None:
    for place in places:
        if _loaded(place):
            setattr(sys.modules[place[0]], place[1], value)
