"""Language models that are not opened yet: on the hub or in a folder, run by TransformerLens or by transformers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError
from darkframe.hub import Advice, Repository
from darkframe.interfaces import Fetched
from darkframe.lm.folders import FolderModel
from darkframe.lm.hub_model import HubModel
from darkframe.lm.settings import ModuleSite, SaeSettings, read_site
from darkframe.progress import Progress
from darkframe_saelens.backends import LENS, Choice

if TYPE_CHECKING:
    from darkframe.lm.parts import Model, ModelPart
    from darkframe.lm.tokens import Tokenizer


class NamedModel(HubModel):
    """A language model on the hub, run by either library.

    Args:
        choice: Which, and what runs it.
        dtype: What it computes in.
        revision: Branch, tag or commit of its repository.
        advice: What to tell a user whose machine cannot reach the hub.
        progress: Where to report downloads.
    """

    def __init__(self, choice: Choice, dtype: str, revision: str | None, advice: Advice, progress: Progress) -> None:
        repository = Repository(choice.repository, revision=revision or "main")
        super().__init__(repository, progress, dtype=dtype, advice=advice)
        self.name, self._choice = choice.name, choice

    def identity(self) -> dict[str, Any]:
        """Repository and commit, and what computes with them."""
        return super().identity() | _libraries(self._choice.backend)

    def details(self) -> dict[str, Any]:
        """Repository, revision, commit, dtype and library."""
        return {**super().details(), "repository": self.repository.id, "library": self._choice.backend}

    def check(self, settings: SaeSettings) -> None:
        """See that the backend can read the site."""
        check_site(self._choice, settings)

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        if self._choice.backend != LENS:
            return super().open(_from_base(settings), device)
        from darkframe_saelens.lens import LensModel
        from darkframe_saelens.loading import load_named

        return LensModel(load_named(self.snapshot(), self.repository.id, settings, device, self._dtype), settings)


class LocalModel(FolderModel):
    """A language model in a folder, in transformers' layout.

    Args:
        choice: Which, and what runs it.
        dtype: What it computes in.
    """

    def __init__(self, choice: Choice, dtype: str) -> None:
        assert choice.folder is not None
        super().__init__(choice.folder, choice.name, dtype)
        self._choice = choice

    def identity(self) -> dict[str, Any]:
        """Hashes of its files, and what computes with them."""
        return super().identity() | _libraries(self._choice.backend)

    def details(self) -> dict[str, Any]:
        """Where it lies, what it computes in and what runs it."""
        return {**super().details(), "folder": self.folder.name, "library": self._choice.backend}

    def check(self, settings: SaeSettings) -> None:
        """See that the backend can read the site."""
        check_site(self._choice, settings)

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        if self._choice.backend != LENS:
            return super().open(_from_base(settings), device)
        from darkframe_saelens.lens import LensModel
        from darkframe_saelens.loading import load_folder

        return LensModel(load_folder(self.folder, settings, device, self._dtype), settings)


class LaterModel:
    """A model that is chosen when it is first asked for: what it is may stand in the SAE's own files.

    Args:
        choose: Makes the model.
    """

    def __init__(self, choose: Callable[[], ModelPart]) -> None:
        self._choose = choose

    @cached_property
    def _chosen(self) -> ModelPart:
        return self._choose()

    @property
    def name(self) -> str:
        """What to call the model."""
        return self._chosen.name

    def longest(self) -> int | None:
        """Tokens in the longest row the model takes, or None if it does not say."""
        return self._chosen.longest()

    def identity(self) -> dict[str, Any]:
        """Everything activations depend on."""
        return self._chosen.identity()

    def details(self) -> dict[str, Any]:
        """What the card records."""
        return self._chosen.details()

    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._chosen.tokenizer()

    def check(self, settings: SaeSettings) -> None:
        """See that the backend can read the site."""
        self._chosen.check(settings)

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        return self._chosen.open(settings, device)

    def fetch(self) -> Fetched | None:
        """Download what is missing."""
        return self._chosen.fetch()


def check_site(choice: Choice, settings: SaeSettings) -> None:
    """See that the backend can read the site: TransformerLens reads any that it has, transformers the residual stream.

    Raises:
        DataError: It cannot.
    """
    if choice.backend == LENS:
        return
    if settings.head is not None:
        raise DataError(
            f"The SAE reads head {settings.head} of {settings.hook_name}, which the transformers backend cannot.",
            hint="Set source.backend=transformer-lens.",
        )
    try:
        read_site(settings.hook_name)
    except DataError as error:
        raise DataError(error.message, hint="Set source.backend=transformer-lens, which reads any site it has.") from error


def _from_base(settings: SaeSettings) -> SaeSettings:
    """A submodule named from the whole model (``model.layers.12``), named from its base as transformers' hooks are here."""
    if not isinstance(read_site(settings.hook_name), ModuleSite):
        return settings
    return replace(settings, hook_name=re.sub(r"^(transformer|model|gpt_neox)\.", "", settings.hook_name))


def _libraries(backend: str) -> dict[str, str]:
    names = ("transformers", "transformer-lens") if backend == LENS else ("transformers",)
    return {name: version(name) for name in names}
