"""One file from the hub into the cache: it goes on where it stopped, and is verified before it counts.

huggingface_hub 2 downloads into a file of a name made up for the occasion and removes it when it is stopped; a model of some
gigabytes over a poor line would never arrive. So the bytes are received here, with its session and headers, and put where it
looks for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from darkframe.errors import HubError
from darkframe.hub.asking import RemoteFile
from darkframe.hub.cache import BLOCK, RepositoryCache, checksum
from darkframe.hub.failures import answered, is_transport, reason, storage
from darkframe.hub.records import Advice
from darkframe.progress import Task

if TYPE_CHECKING:
    from hashlib import _Hash

PATIENCE = 3
"""Connections that bring nothing, one after another, before it is given up."""

PAUSE = 1.0
"""Seconds between them."""

MEGA = 1e6


def download(file: RemoteFile, cache: RepositoryCache, commit: str, task: Task, advice: Advice) -> None:
    """Bring a file into the cache and into the commit's snapshot folder.

    Raises:
        HubError: It did not arrive whole, is not what the hub said it would be, or cannot be written.
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    what = f"{cache.repository.id}'s {file.name}"
    blob = cache.blob(file.etag)
    with _stored(what):
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock = cache.lock(file.etag)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if blob.is_file():
                task.advance(file.size / MEGA)
            else:
                _Download(file, cache, task, advice).run(blob)
            cache.link(commit, file.name, file.etag)


@contextmanager
def _stored(what: str) -> Iterator[None]:
    """Turn what the file system objects to into a sentence; the HTTP client's errors are OSErrors too, and pass."""
    try:
        yield
    except OSError as error:
        if error.errno is None or is_transport(error):
            raise
        raise storage(error, what) from error


class _Download:
    """One file on its way."""

    def __init__(self, file: RemoteFile, cache: RepositoryCache, task: Task, advice: Advice) -> None:
        self.file, self.cache, self.task, self.advice = file, cache, task, advice
        self.what = f"{cache.repository.id}'s {file.name}"

    def run(self, blob: Path) -> None:
        part = self.cache.part(self.file.etag)
        for last in (False, True):
            resumed = part.is_file()
            if self._received(part):
                part.replace(blob)
                return
            part.unlink()
            if last or not resumed:  # what lay there from before may have been wrong: then once more from the start
                break
        raise HubError(
            f"{self.what} arrived damaged (its checksum is not the one that the hub gives) and was removed.",
            hint="Try again; if it comes back, a proxy or cache on the way changes it.",
        )

    def _received(self, part: Path) -> bool:
        """Receive what is missing; whether the whole has the checksum that it should have."""
        digest = checksum(self.file.etag, self.file.size)
        with part.open("a+b") as target:
            if target.tell() > self.file.size:
                target.truncate(0)
            self._digest_again(target, digest)
            self._receive(target, digest)
        return digest is None or digest.hexdigest() == self.file.etag

    def _digest_again(self, target: BinaryIO, digest: _Hash | None) -> None:
        """Count and digest what is there already."""
        target.seek(0)
        while block := target.read(BLOCK):
            self._count(block, digest)

    def _count(self, block: bytes, digest: _Hash | None) -> None:
        if digest is not None:
            digest.update(block)
        self.task.advance(len(block) / MEGA)

    def _receive(self, target: BinaryIO, digest: _Hash | None) -> None:
        """Receive until the file is as long as it should be, over as many connections as that takes."""
        vain, why = 0, "the connection ended early"
        while (before := target.tell()) < self.file.size:
            try:
                for block in self._blocks(before):
                    target.write(block)
                    self._count(block, digest)
            except Exception as error:
                why = self._passing(error)
            vain = 0 if target.tell() > before else vain + 1
            if vain >= PATIENCE:
                raise HubError(
                    f"The download of {self.what} stopped at {target.tell() / MEGA:,.1f} of {self.file.size / MEGA:,.1f} MB: "
                    f"{why}.",
                    hint="What arrived is kept; run the same command again to go on from there.",
                )
            if target.tell() < self.file.size:
                target.flush()
                time.sleep(PAUSE)

    def _passing(self, error: Exception) -> str:
        """Why a connection ended, where another may do better; anything else is raised."""
        if is_transport(error):
            return reason(error)
        sentence = answered(error, self.cache.repository, self.file.name, self.advice)
        if sentence is None:
            raise error
        if getattr(getattr(error, "response", None), "status_code", 0) in {408, 429, 500, 502, 503, 504}:
            return sentence.message.rstrip(".")
        raise sentence from error

    def _blocks(self, start: int) -> Iterator[bytes]:
        """The file's bytes from ``start`` on, at most as many as it should have."""
        from huggingface_hub import constants, get_session
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", self.file.url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            hf_raise_for_status(response)
            left, skip = self.file.size - start, start if response.status_code != 206 else 0
            for block in response.iter_bytes():
                kept = block[skip:]  # what a server sends that knows no ranges
                skip = max(0, skip - len(block))
                yield kept[:left]
                left -= len(kept[:left])
