"""The contract of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from darkframe.interfaces.batches import Batch, Dictionary, Unembedding
from darkframe.interfaces.usage import Fetched, Wiring
from darkframe.progress import Progress, QuietProgress

if TYPE_CHECKING:
    import torch

    from darkframe.interfaces.arrays import I32


@dataclass(frozen=True)
class SourceCard:
    """What a source is, for the manifest and the reader.

    Attributes:
        model: Name of the language model.
        dictionary: Name of the SAE.
        hook_point: TransformerLens-style name of the site, such as ``blocks.6.hook_resid_pre``.
        d_model: d.
        n_features: F; 0 without a dictionary.
        context_size: Tokens in one row of the model's input, BOS included; 0 where that is not known.
        packing: How documents fill rows, in words.
        text: What text is read, in words.
        fingerprint: Hash over everything the activations and codes depend on (weights, text, packing, batch size, dtype).
        details: Anything else worth recording (revisions, licences, SAE architecture), JSON-serialisable.
    """

    model: str
    dictionary: str
    hook_point: str
    d_model: int
    n_features: int
    context_size: int
    packing: str
    text: str
    fingerprint: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceContext:
    """What the framework tells a source when it opens it: ``Class(params, context)``.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:N"``, resolved.
        seed: The run's seed.
        cache: Folder for anything the source wants to keep between runs.
        progress: Where to report downloads and loading.
    """

    device: str = "cpu"
    seed: int = 42
    cache: Path = Path()
    progress: Progress = field(default_factory=QuietProgress)


@runtime_checkable
class Source(Protocol):
    """Where activations and the dictionary come from. Constructed as ``Class(params, context)``; opens lazily."""

    def card(self) -> SourceCard:
        """Say what this source is; may load configuration but should not run the model."""

    def available_tokens(self) -> int | None:
        """Number of non-special tokens the text holds, or None if that is only known at its end."""

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches from number ``start`` on; batch i is the same (same bytes) whatever ``start`` was."""

    def dictionary(self) -> Dictionary:
        """The SAE."""

    def unembedding(self) -> Unembedding | None:
        """Final norm and unembedding, or None if the source has none."""

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own (not escaped: whoever shows it escapes it)."""


@runtime_checkable
class Partial(Protocol):
    """A source that may give less than others, by what it was given; optional. Others give everything."""

    def lacks(self) -> Mapping[str, str]:
        """What it does not give, each with a sentence that says what to do about it; known before anything is computed.

        Keys are ``"activations"`` (also tokens, documents and positions), ``"dictionary"``, ``"encoder"`` (the dictionary has
        only its directions W_dec), ``"unembedding"`` and ``"text"`` (what tokens read). Asking for a part that is lacking raises
        a ``UserError`` or ``DataError``; ``unembedding()`` is None, and ``decode_tokens()`` gives some name for each token.
        """


@runtime_checkable
class Wired(Protocol):
    """A source that can say how it uses its SAE; optional, for ``darkframe doctor``."""

    def wiring(self) -> Wiring:
        """How the SAE is used, and what is said of it."""


@runtime_checkable
class Predicts(Protocol):
    """A source whose model predicts tokens; optional, for ``darkframe doctor``."""

    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses (rows, slots − 1) in nats of token rows (rows, slots); ``patch`` replaces the site's activations.

        ``patch`` maps (rows · slots, d) float32, as ``batches`` gives them, to what the model goes on with.
        """


@runtime_checkable
class Fetches(Protocol):
    """A source that downloads; optional, for ``darkframe fetch``."""

    def fetch(self, tokens: int | None) -> Sequence[Fetched]:
        """Download what a run of so many tokens (None: all the text holds) needs, and say what there is now."""
