"""A transformers language model on the Hugging Face hub, or wherever the user says it is."""

from __future__ import annotations

import contextlib
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError, MissingFileError, ParameterError
from darkframe.hub import Advice, Repository, Snapshot, fetch
from darkframe.interfaces import Fetched
from darkframe.lm.folders import FolderModel
from darkframe.progress import Progress

if TYPE_CHECKING:
    from darkframe.lm.parts import Model
    from darkframe.lm.settings import SaeSettings
    from darkframe.lm.tokens import Tokenizer

WEIGHTS = ("model*.safetensors",)
"""One file, or the parts of a large model's; ``*.safetensors`` would bring copies in other formats' folders along."""

TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "tekken.json",
)
_MORE = ("generation_config.json", "model.safetensors.index.json")


class HubModel:
    """A transformers causal language model on the hub, downloaded when it is first needed.

    What comes first are its configuration and tokenizer; they fix the commit that its weights are then of.

    Args:
        repository: And its revision.
        progress: Where to report downloads.
        dtype: ``float32`` or ``bfloat16``.
        advice: What to tell users whose machine cannot reach the hub.
    """

    def __init__(
        self, repository: Repository, progress: Progress, *, dtype: str = "float32", advice: Advice | None = None
    ) -> None:
        self.repository, self._progress, self._dtype, self._advice = repository, progress, dtype, advice or Advice()
        self.name = repository.id

    @cached_property
    def _about(self) -> Snapshot:
        """Everything but the weights."""
        return fetch(
            self.repository, ("config.json",), optional=(*TOKENIZER, *_MORE), advice=self._advice, progress=self._progress
        )

    @cached_property
    def _weights(self) -> Snapshot:
        """The weights, of the same commit."""
        pinned = Repository(self.repository.id, revision=self._about.commit)
        with contextlib.suppress(MissingFileError):
            found = fetch(pinned, WEIGHTS, advice=self._advice, progress=self._progress)
            if found.files:
                return found
        raise DataError(
            f"The model {self.repository} has no weights as safetensors; pickled ones can run code and are not read.",
            hint="Choose a revision that has model.safetensors, or convert it and give the folder.",
        )

    @property
    def _folder(self) -> FolderModel:
        return FolderModel(self._about.folder, self.name, self._dtype)

    @property
    def config(self) -> dict[str, Any]:
        """The model's ``config.json``."""
        return self._folder.config

    def longest(self) -> int | None:
        """Tokens in the longest row the model takes, or None if it does not say."""
        return self._folder.longest()

    def identity(self) -> dict[str, Any]:
        """Repository and commit, and what computes with them."""
        return {
            "repository": self.repository.id,
            "commit": self._about.commit,
            "dtype": self._dtype,
            "transformers": version("transformers"),
        }

    def details(self) -> dict[str, Any]:
        """Repository, revision and commit, and what computes with them."""
        return {**self._folder.details(), "revision": self.repository.revision, "commit": self._about.commit}

    def tokenizer(self) -> Tokenizer:
        """The tokenizer in the repository."""
        return self._folder.tokenizer()

    def check(self, settings: SaeSettings) -> None:
        """See that the site is on the residual stream, or a submodule's output."""
        self._folder.check(settings)

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        return FolderModel(self._weights.folder, self.name, self._dtype).open(settings, device)

    def fetch(self) -> Fetched:
        """Download what is missing, and say what there is."""
        return self.snapshot().fetched("model")

    def snapshot(self) -> Snapshot:
        """All of its files, downloaded as far as they are missing."""
        about, weights = self._about, self._weights
        files = tuple(sorted({*about.files, *weights.files}))
        return Snapshot(self.repository, about.commit, about.folder, files)


def open_model(
    name: str,
    progress: Progress,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    advice: Advice | None = None,
    parameter: str = "source.model",
) -> FolderModel | HubModel:
    """A model by what the user calls it: a folder, or a repository's name.

    Args:
        name: See ``named_folder``.
        progress: Where to report downloads.
        revision: Branch, tag or commit; None: main.
        dtype: ``float32`` or ``bfloat16``.
        advice: What to tell users whose machine cannot reach the hub.
        parameter: What the user set, for error sentences.

    Raises:
        ParameterError: No such folder, a name that may be either, or a revision of a folder.
    """
    folder = named_folder(name, parameter)
    if folder is None:
        return HubModel(Repository(name, revision=revision or "main"), progress, dtype=dtype, advice=advice)
    if revision is not None:
        raise ParameterError(f"{parameter} is a folder, which has no revision {revision!r}.", hint="Leave the revision out.")
    return FolderModel(folder, dtype=dtype)


def named_folder(name: str, parameter: str) -> Path | None:
    """The folder that a name stands for, or None where it is a repository's (``owner/name``, ``gpt2``).

    A folder is named by a path that begins with ``/``, ``./``, ``../`` or ``~``, or that has more than two parts.

    Raises:
        ParameterError: There is no such folder, or the name is a repository's and a folder's in the working directory alike.
    """
    path = Path(name).expanduser()
    if name.startswith(("/", ".", "~")) or path.is_absolute() or len(path.parts) > 2:
        if not path.is_dir():
            raise ParameterError(f"{parameter}: there is no folder {path}.", hint="Expected a folder, or a name on the hub.")
        return path
    if path.is_dir():
        raise ParameterError(
            f"{parameter}: {name!r} may be the folder ./{name} or a repository on the hub.",
            hint=f"Write ./{name} for the folder; for the repository, run elsewhere.",
        )
    return None
