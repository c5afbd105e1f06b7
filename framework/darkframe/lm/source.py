"""A source made of a language model, an SAE on one of its sites, and a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import Batch, Fetched, SourceCard, SourceContext, Usage, Wiring
from darkframe.lm.memory import LOADING, lower, memory_words
from darkframe.lm.packing import PackingRule, content_tokens, describe, row_batches
from darkframe.lm.params import RowParams, UseParams
from darkframe.lm.settings import SaeSettings

if TYPE_CHECKING:
    import torch

    from darkframe.interfaces import I32, Dictionary, Unembedding
    from darkframe.lm.parts import Model, ModelPart, SaePart, Text
    from darkframe.lm.tokens import Tokenizer


class ModelSource:
    """Activations of a language model at its SAE's site, over a text.

    The site, the context size, BOS and centring come from the SAE's own metadata, where ``use`` does not say otherwise. The
    model, the SAE, the tokenizer and the text are opened when first needed.

    Args:
        model: The language model.
        sae: The SAE.
        text: The text.
        context: From the framework.
        rows: How documents fill rows.
        use: What differs from the SAE's own metadata.
    """

    def __init__(
        self,
        model: ModelPart,
        sae: SaePart,
        text: Text,
        context: SourceContext,
        *,
        rows: RowParams | None = None,
        use: UseParams | None = None,
    ) -> None:
        self._model_part, self._sae_part, self._text = model, sae, text
        self._context = context
        self._rows = rows or RowParams()
        self._use = use or UseParams()

    # ------------------------------------------------------------ what it is

    @cached_property
    def _settings(self) -> SaeSettings:
        """The SAE's own settings, changed as the user wants."""
        settings, use = self._sae_part.settings, self._use
        return replace(
            settings,
            hook_name=use.hook_point or settings.hook_name,
            prepend_bos=settings.prepend_bos if use.bos is None else use.bos,
            centre=settings.centre if use.centre is None else use.centre,
        )

    @cached_property
    def _context_size(self) -> int:
        longest = self._model_part.longest()
        size = self._rows.context_size or self._settings.context_size or longest
        if size is None:
            raise ParameterError("Neither the SAE nor the model says how long a row is.", hint="Set the source's context_size.")
        if longest is not None and size > longest:
            raise ParameterError(f"A context of {size} tokens is more than the model's {longest}.", hint="Lower context_size.")
        return int(size)

    def card(self) -> SourceCard:
        """Say what this source is; reads configurations and hashes or commits, opens no model."""
        return self._card

    @cached_property
    def _card(self) -> SourceCard:
        settings = self._settings
        self._model_part.check(settings)
        return SourceCard(
            model=settings.model_name or self._model_part.name,
            dictionary=f"{settings.architecture} SAE, {settings.d_sae:,} features, {self._sae_part.settings.hook_name}",
            hook_point=settings.hook_name,
            d_model=settings.d_in,
            n_features=settings.d_sae,
            context_size=self._context_size,
            packing=describe(self._rows.packing, self._context_size, bos=settings.prepend_bos),
            text=f"{self._text.name} (documents under 20 characters skipped)",
            fingerprint=self._fingerprint(),
            details=self._details(),
        )

    def _details(self) -> dict[str, Any]:
        settings = self._settings
        details: dict[str, Any] = {
            "architecture": settings.architecture,
            "batch_size": self._rows.batch_size,
            "bos_first": settings.prepend_bos,
            "centred": settings.centre,
            "normalize_activations": settings.normalize_activations,
            "model": self._model_part.details(),
            "sae": self._sae_part.details(),
            "text": self._text.details(),
        }
        if settings.unused:
            details["loading_arguments_not_used"] = {key: str(value) for key, value in settings.unused.items()}
        return details

    def _fingerprint(self) -> str:
        settings = self._settings
        parts = {
            "model": self._model_part.identity(),
            "sae": self._sae_part.identity(),
            "text": self._text.identity(),
            "packing": self._rows.packing,
            "context_size": self._context_size,
            "batch_size": self._rows.batch_size,
            "hook_point": settings.hook_name,
            "bos": settings.prepend_bos,
            "centre": settings.centre,
            "device": self._context.device.partition(":")[0],
            "torch": version("torch"),
        }
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def wiring(self) -> Wiring:
        """How the SAE is used, beside what its metadata and its publisher say."""
        settings = self._settings
        applied = Usage(
            by="this source",
            model=self._model_part.name,
            hook_point=settings.hook_name,
            d_model=settings.d_in,
            n_features=settings.d_sae,
            context_size=self._context_size,
            bos=settings.prepend_bos,
            centred=settings.centre,
            dtype=self._model_part.details().get("dtype", "float32"),
            normalize_activations=settings.normalize_activations,
            loading=settings.loading,
            not_applied=settings.unused,
        )
        return Wiring(applied, self._sae_part.stated(), self._sae_part.figures())

    # ------------------------------------------------------------ its parts

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return self._model_part.tokenizer()

    @cached_property
    def _model(self) -> Model:
        words = memory_words("the model was loaded", LOADING)
        with self._context.progress.task("Loading the model", None, ""), words:
            model = self._model_part.open(self._settings, self._context.device)
        self._check_fit(model.d_model, model.vocabulary)
        return model

    def _check_fit(self, d_model: int, vocabulary: int) -> None:
        reads, known = self._settings.d_in, self._tokenizer.size
        if d_model != reads:
            raise DataError(f"The SAE reads {reads} dimensions, but the model has {d_model}: they do not belong together.")
        if known > vocabulary:
            raise DataError(f"The tokenizer has {known} tokens, but the model {vocabulary}: they do not belong together.")

    @cached_property
    def _dictionary(self) -> Dictionary:
        words = memory_words("the SAE was loaded", LOADING)
        with self._context.progress.task("Loading the SAE", None, ""), words:
            return self._sae_part.open(self._context.device)

    @cached_property
    def _unembedding(self) -> Unembedding | None:
        return self._model.unembedding()

    @cached_property
    def _rule(self) -> PackingRule:
        tokens, settings = self._tokenizer, self._settings
        bos = tokens.special("bos")
        if settings.prepend_bos and bos is None:
            raise DataError("The SAE was trained on rows that begin with BOS, but the tokenizer has none.")
        separator = settings.separator
        special = tokens.special_ids | ({separator} if isinstance(separator, int) else set())
        return PackingRule(
            mode=self._rows.packing,
            context_size=self._context_size,
            begin=bos if settings.prepend_bos else None,
            separator=tokens.special(separator) if isinstance(separator, str) else separator,
            pad=min(special, default=0),
            special=frozenset(special),
        )

    # ------------------------------------------------------------ what it gives

    def available_tokens(self) -> int | None:
        """Number of content tokens in the text, or None for texts too large to be read twice."""
        return self._available

    @cached_property
    def _available(self) -> int | None:
        if not self._text.countable():
            return None
        return content_tokens(self._tokenizer.stream(self._text), self._rule)

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches of ``batch_size`` rows from number ``start`` on, flattened row by row."""
        for rows in row_batches(lambda: self._tokenizer.stream(self._text), self._rule, self._rows.batch_size, start):
            places = np.broadcast_to(np.arange(rows.tokens.shape[1], dtype=np.int32), rows.tokens.shape)
            yield Batch(
                tokens=rows.tokens.ravel(),
                documents=rows.documents.ravel(),
                positions=rows.positions.ravel(),
                context_positions=places.ravel(),
                special=rows.special.ravel(),
                x=self._activations(rows.tokens),
                skipped=rows.skipped,
            )

    def _activations(self, tokens: I32) -> torch.Tensor:
        rows, slots = tokens.shape
        model, size = self._model, self._rows.batch_size
        with memory_words(f"the model computed a batch of {rows} rows of {slots} tokens", lower("batch_size", size)):
            return model.activations(tokens).flatten(0, 1)

    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses (rows, slots − 1) of token rows, in nats, optionally with the site's activations replaced."""
        return self._model.losses(tokens, patch)

    def dictionary(self) -> Dictionary:
        """The SAE."""
        return self._dictionary

    def unembedding(self) -> Unembedding | None:
        """Final norm and unembedding of the model."""
        return self._unembedding

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own."""
        return self._tokenizer.decode_each(tokens)

    # ------------------------------------------------------------ downloads

    def fetch(self, tokens: int | None) -> list[Fetched]:
        """Download what a run of so many tokens needs, and say what there is now; nothing for what lies on disk anyway."""
        fetched = [self._model_part.fetch(), self._sae_part.fetch()]
        if self._text.fetched() is not None:
            fetched.append(self._read_text(tokens))
        return [each for each in fetched if each is not None]

    def _read_text(self, tokens: int | None) -> Fetched | None:
        """Read the text, which keeps what is read, until it holds enough tokens."""
        held, enough = 0, None if tokens is None else tokens + self._read_ahead
        with self._context.progress.task("Fetching the text", enough, "tokens") as task:
            for document in self._tokenizer.stream(self._text):
                new = content_tokens([document], self._rule)
                held += new
                task.advance(new)
                if enough is not None and held >= enough:
                    break
        return self._text.fetched()

    @property
    def _read_ahead(self) -> int:
        """Tokens that a run reads beyond those it wants: it ends within a batch, and a row is given when the next is there."""
        return (self._rows.batch_size + 1) * self._context_size
