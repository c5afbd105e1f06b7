"""Where a sparsify SAE lies: in a folder, or in one folder of a repository on the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from darkframe.errors import DataError, MissingFileError, ParameterError
from darkframe.hub import Advice, Repository, Snapshot, commit_of, fetch
from darkframe.hub.cache import RepositoryCache
from darkframe.interfaces import Fetched
from darkframe.lm.fingerprint import hash_files
from darkframe.lm.settings import read_config
from darkframe.progress import Progress

CODER, WEIGHTS, RUN = "cfg.json", "sae.safetensors", "config.json"

_HOOKPOINT = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")


class Place(Protocol):
    """Where an SAE lies."""

    @property
    def hookpoint(self) -> str | None:
        """Name of the submodule, in sparsify's words, whose output it reads; None where it is not said."""

    @property
    def coder(self) -> dict[str, Any]:
        """Its ``cfg.json``."""

    @property
    def run(self) -> dict[str, Any] | None:
        """The ``config.json`` of the run that trained it, where it was saved."""

    def folder(self) -> Path:
        """The folder that holds ``cfg.json`` and ``sae.safetensors``."""

    def identity(self) -> dict[str, Any]:
        """What its codes depend on."""

    def details(self) -> dict[str, Any]:
        """What to record of it."""

    def fetch(self) -> Fetched | None:
        """Download what is missing."""


class FolderPlace:
    """A folder saved by sparsify: of a run, with one folder a hook point, or of one SAE.

    Args:
        path: The folder.
        hookpoint: Which SAE; None: the only one.

    Raises:
        DataError: It holds no SAE of sparsify's.
        ParameterError: It holds none of that hook point, or several.
    """

    def __init__(self, path: Path, hookpoint: str | None) -> None:
        self._path = _locate(path, hookpoint)
        named = self._path.name if re.search(r"\.\d+(\.|$)", self._path.name) else None
        self.hookpoint = hookpoint or named

    @cached_property
    def coder(self) -> dict[str, Any]:
        """Its ``cfg.json``."""
        return read_config(self._path / CODER, "SAE")

    @cached_property
    def run(self) -> dict[str, Any] | None:
        """The run's ``config.json``, which lies beside the SAE's folder."""
        return read_config(self._path.parent / RUN, "SAE") if (self._path.parent / RUN).is_file() else None

    def folder(self) -> Path:
        """The folder that holds ``cfg.json`` and ``sae.safetensors``."""
        return self._path

    def identity(self) -> dict[str, Any]:
        """Hashes of its files."""
        return {"files": hash_files(self._path, (CODER, WEIGHTS))}

    def details(self) -> dict[str, Any]:
        """The folder's name, and those of the run's SAEs."""
        beside = self._path.parent.glob(f"*/{CODER}") if self.hookpoint == self._path.name else ()
        return {"folder": self._path.name, "sites": _in_order(coder.parent.name for coder in beside)}

    def fetch(self) -> None:
        """Nothing to download."""


def _locate(path: Path, hookpoint: str | None) -> Path:
    """The folder of the one SAE."""
    if hookpoint is not None and (path / hookpoint / CODER).is_file():
        return path / hookpoint
    if (path / CODER).is_file():
        if not (path / WEIGHTS).is_file():
            raise DataError(
                f"The SAE folder {path} has no {WEIGHTS}.",
                hint="Expected a folder saved by sparsify; one that SAELens saved opens with --source saelens.",
            )
        return path
    found = _in_order(coder.parent.name for coder in path.glob(f"*/{CODER}"))
    if not found:
        raise DataError(f"The folder {path} holds no SAE.", hint=f"Expected {CODER} and {WEIGHTS} in it, or in its folders.")
    if hookpoint is None and len(found) == 1:
        return path / found[0]
    raise _no_such(f"The folder {path}", hookpoint, found)


class HubPlace:
    """One folder of a repository on the hub: no other is downloaded.

    Args:
        repository: And its revision.
        hookpoint: Name of the folder; None: the repository holds one SAE, at its top.
        progress: Where to report downloads.
        advice: What to tell users whose machine cannot reach the hub.

    Raises:
        ParameterError: The hook point's name cannot be one.
    """

    def __init__(self, repository: Repository, hookpoint: str | None, progress: Progress, advice: Advice) -> None:
        if hookpoint is not None and not _HOOKPOINT.fullmatch(hookpoint):
            raise ParameterError(f"source.hookpoint: {hookpoint!r} is no hook point's name.", hint="Such as layers.12.mlp.")
        self.repository, self.hookpoint = repository, hookpoint
        self._progress, self._advice = progress, advice
        self._prefix = f"{hookpoint}/" if hookpoint else ""

    @cached_property
    def _about(self) -> Snapshot:
        """Everything but the weights; it fixes their commit."""
        try:
            return fetch(self.repository, (self._prefix + CODER,), optional=(RUN,), advice=self._advice, progress=self._progress)
        except MissingFileError as error:
            found = self._there()
            if not found:
                raise DataError(f"The repository {self.repository} holds no SAE of sparsify's.") from error
            raise _no_such(f"The repository {self.repository}", self.hookpoint, found) from error

    def _there(self) -> list[str]:
        """The hook points that the repository has SAEs of."""
        return self._hookpoints(commit_of(self.repository, advice=self._advice, progress=self._progress))

    def _hookpoints(self, commit: str) -> list[str]:
        names = RepositoryCache(self.repository).listing(commit) or ()
        return _in_order(name.removesuffix(f"/{CODER}") for name in names if name.endswith(f"/{CODER}"))

    @cached_property
    def _weights(self) -> Snapshot:
        pinned = Repository(self.repository.id, revision=self._about.commit)
        return fetch(pinned, (self._prefix + WEIGHTS,), advice=self._advice, progress=self._progress)

    @cached_property
    def coder(self) -> dict[str, Any]:
        """Its ``cfg.json``."""
        return read_config(self._about.path(self._prefix + CODER), "SAE")

    @cached_property
    def run(self) -> dict[str, Any] | None:
        """The run's ``config.json``, at the top of the repository."""
        return read_config(self._about.path(RUN), "SAE") if RUN in self._about.files else None

    def folder(self) -> Path:
        """The folder that holds ``cfg.json`` and ``sae.safetensors``."""
        return self._weights.path(self._prefix + WEIGHTS).parent

    def identity(self) -> dict[str, Any]:
        """Repository, commit and hook point."""
        return {"repository": self.repository.id, "commit": self._about.commit, "hookpoint": self.hookpoint}

    def details(self) -> dict[str, Any]:
        """Repository, revision and commit, and the hook points that it has SAEs of, where its files have been listed."""
        named = {"repository": self.repository.id, "revision": self.repository.revision, "commit": self._about.commit}
        return {**named, "sites": self._hookpoints(self._about.commit)}

    def fetch(self) -> Fetched:
        """Download what is missing, and say what there is."""
        files = tuple(sorted({*self._about.files, *self._weights.files}))
        return Snapshot(self.repository, self._about.commit, self._about.folder, files).fetched("SAE")


def _no_such(where: str, hookpoint: str | None, found: list[str]) -> ParameterError:
    listed = ", ".join(found)
    if hookpoint is None:
        return ParameterError(f"{where} holds several SAEs.", hint=f"Set source.hookpoint to one of {listed}.")
    return ParameterError(f"{where} has no SAE of {hookpoint!r}.", hint=f"It has {listed}.")


def _in_order(names: Iterable[str]) -> list[str]:
    """Names with their numbers in order: layers.2 before layers.10."""
    return sorted(set(names), key=lambda name: [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")])
