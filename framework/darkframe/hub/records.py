"""What is asked of the hub, and what there is of it on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from darkframe.interfaces import Fetched


@dataclass(frozen=True)
class Repository:
    """A repository at a revision.

    Attributes:
        id: Such as ``"EleutherAI/pythia-70m"``.
        kind: ``"model"`` or ``"dataset"``.
        revision: Branch, tag or commit.
    """

    id: str
    kind: str = "model"
    revision: str = "main"

    @property
    def told(self) -> str:
        """Kind, name and revision, as a sentence about it begins."""
        return f"{self.kind} {self.id}" if self.revision == "main" else f"{self.kind} {self.id} at {self.revision}"

    def __str__(self) -> str:
        return self.told.removeprefix("model ")


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository, whole, in huggingface_hub's own cache.

    Attributes:
        repository: What was asked for.
        commit: The commit that its revision stood for.
        folder: The cache's snapshot folder of that commit; it may hold further files.
        files: Names of the files asked for that there are, sorted, relative to ``folder``.
    """

    repository: Repository
    commit: str
    folder: Path
    files: tuple[str, ...]

    def path(self, name: str) -> Path:
        """Where one of the files lies."""
        return self.folder / name

    @property
    def bytes(self) -> int:
        """Size of the files together."""
        return sum(self.path(name).stat().st_size for name in self.files)

    def fetched(self, what: str) -> Fetched:
        """The snapshot as ``darkframe fetch`` reports it; ``what`` is ``"model"``, ``"SAE"`` or ``"text"``."""
        return Fetched(what, self.repository.id, self.commit, len(self.files), self.bytes, self.folder)


@dataclass(frozen=True)
class Advice:
    """What to tell a user whose machine cannot reach the hub.

    Attributes:
        fetch: Command that only downloads, to be run elsewhere, such as ``"darkframe fetch --source gpt2-jb"``.
        folder: How to name a folder instead, such as ``"source.model=FOLDER"``.
    """

    fetch: str = ""
    folder: str = ""


NO_ADVICE = Advice()
