"""What a language-model source is made of: a model, an SAE and a text, each of which says what it is before it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from darkframe.interfaces import I32, Dictionary, Fetched, PublishedFigures, Unembedding, Usage
    from darkframe.lm.settings import SaeSettings
    from darkframe.lm.text import Document
    from darkframe.lm.tokens import Tokenizer


class Model(Protocol):
    """An opened language model, read at one site."""

    @property
    def d_model(self) -> int:
        """Width of what the site gives."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids the model knows."""

    def activations(self, tokens: I32) -> torch.Tensor:
        """The site's activations of token rows (rows, slots), computing nothing beyond it.

        Returns:
            (rows, slots, d) float32 on the model's device, without gradients.
        """

    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses of token rows (rows, slots), optionally with the site's activations replaced.

        Args:
            tokens: (rows, slots) int32.
            patch: Maps the site's activations (rows · slots, d) float32, as ``activations`` gives them, to what the model
                goes on with.

        Returns:
            (rows, slots − 1) float32, −log p(next token) in nats.
        """

    def unembedding(self) -> Unembedding | None:
        """Final norm and unembedding; None where the model has none."""


class ModelPart(Protocol):
    """A language model that is not opened yet."""

    @property
    def name(self) -> str:
        """What to call the model."""

    def longest(self) -> int | None:
        """Tokens in the longest row the model takes, or None if it does not say."""

    def identity(self) -> dict[str, Any]:
        """Everything activations depend on, JSON-serialisable: weights (hashes or a commit), dtype, library versions."""

    def details(self) -> dict[str, Any]:
        """What the card should record beside the name: revision, commit, dtype, library; JSON-serialisable."""

    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    def check(self, settings: SaeSettings) -> None:
        """Refuse what it cannot read or do, before anything is opened (a kind of site, for one).

        Raises:
            DataError: It cannot.
        """

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked at ``settings.hook_name`` and processed as ``settings`` say (``centre``, ``loading``)."""

    def fetch(self) -> Fetched | None:
        """Download what is missing; None where nothing ever needs to be."""


class SaePart(Protocol):
    """An SAE that is not opened yet."""

    @property
    def settings(self) -> SaeSettings:
        """How it wants to be used, by its own metadata."""

    def identity(self) -> dict[str, Any]:
        """Everything codes depend on, JSON-serialisable."""

    def details(self) -> dict[str, Any]:
        """What the card should record: repository, revision, commit; JSON-serialisable."""

    def open(self, device: str) -> Dictionary:
        """The dictionary, in float32."""

    def stated(self) -> tuple[Usage, ...]:
        """What the SAE's own metadata and its publisher's tables say of its use."""

    def figures(self) -> PublishedFigures | None:
        """What its publisher measured, where that is known."""

    def fetch(self) -> Fetched | None:
        """Download what is missing; None where nothing ever needs to be."""


class Text(Protocol):
    """Documents in order, read as a stream."""

    @property
    def name(self) -> str:
        """What the text is, in words."""

    def identity(self) -> dict[str, Any]:
        """Everything the documents depend on, JSON-serialisable."""

    def details(self) -> dict[str, Any]:
        """What the card should record: data set, revision, commit; JSON-serialisable."""

    def documents(self) -> Iterator[Document | int]:
        """Documents from the first on; last of all, the number skipped as too short in the whole text."""

    def countable(self) -> bool:
        """Whether all of it may be read in advance, to count its tokens."""

    def fetched(self) -> Fetched | None:
        """What of it lies in a cache now; None where nothing ever needs to be downloaded."""
