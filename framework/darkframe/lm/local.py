"""A source made of three things on disk: a transformers model folder, a SAELens folder and a text file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import Batch, SourceCard, SourceContext
from darkframe.lm.fingerprint import hash_file, hash_files
from darkframe.lm.packing import PackingRule, content_tokens, describe, row_batches
from darkframe.lm.settings import SaeSettings, Site, read_config, read_settings
from darkframe.lm.text import TextFile

if TYPE_CHECKING:
    from darkframe.lm.hooked import HookedModel
    from darkframe.lm.sae import SaeDictionary
    from darkframe.lm.tokens import Tokenizer
    from darkframe.lm.unembed import ModelUnembedding

MODEL_FILES = ("*.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
SAE_FILES = ("sae_weights.safetensors", "cfg.json")
COUNTED = 64 << 20
"""Bytes of text beyond which tokens are not counted in advance."""


@dataclass(frozen=True)
class LocalFiles:
    """Where a local source's parts lie.

    Attributes:
        model: Folder of a transformers causal language model with its tokenizer.
        sae: Folder saved by SAELens.
        text: See ``TextFile``.
        text_field: The text's name in a ``.jsonl`` record.
        name: What to call the model where the SAE's folder does not name it.
    """

    model: Path
    sae: Path
    text: Path
    text_field: str = "text"
    name: str = ""


class LocalSource:
    """Activations of a local model at its SAE's site, over a local text.

    The site, the context size, BOS and centring come from the SAE's own metadata. The model, the SAE and the tokenizer are
    opened when first needed.

    Args:
        files: Where the parts lie.
        context: From the framework.
        packing: One of ``darkframe.lm.packing.PACKINGS``.
        batch_size: Rows in a batch.
        context_size: Slots in a row, BOS included; None: as the SAE was trained.
    """

    def __init__(
        self,
        files: LocalFiles,
        context: SourceContext,
        *,
        packing: str = "packed",
        batch_size: int = 32,
        context_size: int | None = None,
    ) -> None:
        self._files = files
        self._context = context
        self._packing = packing
        self._batch_size = batch_size
        self._wanted_context = context_size

    # ------------------------------------------------------------ what it is

    @cached_property
    def _settings(self) -> SaeSettings:
        return read_settings(self._files.sae)

    @cached_property
    def _site(self) -> Site:
        return Site.parse(self._settings.hook_name)

    @cached_property
    def _model_config(self) -> dict[str, Any]:
        return read_config(self._files.model / "config.json", "model")

    @cached_property
    def _text(self) -> TextFile:
        return TextFile(self._files.text, self._files.text_field)

    @cached_property
    def _context_size(self) -> int:
        longest = self._model_config.get("n_positions") or self._model_config.get("max_position_embeddings")
        size = self._wanted_context or self._settings.context_size or longest
        if size is None:
            raise ParameterError("Neither the SAE nor the model says how long a row is.", hint="Set the source's context_size.")
        if longest is not None and size > longest:
            raise ParameterError(f"A context of {size} tokens is more than the model's {longest}.", hint="Lower context_size.")
        return int(size)

    def card(self) -> SourceCard:
        """Say what this source is; hashes its files and reads its configurations, opens no model."""
        return self._card

    @cached_property
    def _card(self) -> SourceCard:
        settings = self._settings
        return SourceCard(
            model=settings.model_name or self._files.name or self._files.model.name,
            dictionary=f"{settings.architecture} SAE, {settings.d_sae:,} features, {settings.hook_name}",
            hook_point=settings.hook_name,
            d_model=settings.d_in,
            n_features=settings.d_sae,
            context_size=self._context_size,
            packing=describe(self._packing, self._context_size, bos=settings.prepend_bos),
            text=f"{self._files.text.name} (documents under 20 characters skipped)",
            fingerprint=self._fingerprint(),
            details=self._details(),
        )

    def _details(self) -> dict[str, Any]:
        settings = self._settings
        details: dict[str, Any] = {
            "architecture": settings.architecture,
            "batch_size": self._batch_size,
            "bos_first": settings.prepend_bos,
            "centred": settings.centre,
            "dtype": "float32",
            "layer": self._site.layer,
            "normalize_activations": settings.normalize_activations,
        }
        if settings.unused:
            details["loading_arguments_not_used"] = {key: str(value) for key, value in settings.unused.items()}
        return details

    def _fingerprint(self) -> str:
        parts = {
            "model": hash_files(self._files.model, MODEL_FILES),
            "sae": hash_files(self._files.sae, SAE_FILES),
            "text": hash_file(self._text.path),
            "text_field": self._files.text_field,
            "packing": self._packing,
            "context_size": self._context_size,
            "batch_size": self._batch_size,
            "dtype": "float32",
            "device": self._context.device.partition(":")[0],
            "libraries": {name: version(name) for name in ("torch", "transformers", "sae-lens")},
        }
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    # ------------------------------------------------------------ its parts

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from darkframe.lm.tokens import Tokenizer

        return Tokenizer(self._files.model)

    @cached_property
    def _model(self) -> HookedModel:
        from darkframe.lm.hooked import HookedModel, load_model

        with self._context.progress.task("Loading the model", None, ""):
            model = HookedModel(load_model(self._files.model, self._context.device), self._site, centre=self._settings.centre)
        self._check_fit(model.d_model, int(model.config.vocab_size))
        return model

    def _check_fit(self, d_model: int, vocabulary: int) -> None:
        reads, known = self._settings.d_in, self._tokenizer.size
        if d_model != reads:
            raise DataError(f"The SAE reads {reads} dimensions, but the model has {d_model}: they do not belong together.")
        if known > vocabulary:
            raise DataError(f"The tokenizer has {known} tokens, but the model {vocabulary}: they do not belong together.")

    @cached_property
    def _dictionary(self) -> SaeDictionary:
        from darkframe.lm.sae import load_sae

        with self._context.progress.task("Loading the SAE", None, ""):
            return load_sae(self._files.sae, self._context.device)

    @cached_property
    def _unembedding(self) -> ModelUnembedding:
        from darkframe.lm.unembed import ModelUnembedding

        return ModelUnembedding(self._model.model)

    @cached_property
    def _rule(self) -> PackingRule:
        tokens, settings = self._tokenizer, self._settings
        bos = tokens.special("bos")
        if settings.prepend_bos and bos is None:
            raise DataError("The SAE was trained on rows that begin with BOS, but the tokenizer has none.")
        separator = settings.separator
        special = tokens.special_ids | ({separator} if isinstance(separator, int) else set())
        return PackingRule(
            mode=self._packing,
            context_size=self._context_size,
            begin=bos if settings.prepend_bos else None,
            separator=tokens.special(separator) if isinstance(separator, str) else separator,
            pad=min(special, default=0),
            special=frozenset(special),
        )

    # ------------------------------------------------------------ what it gives

    def available_tokens(self) -> int | None:
        """Number of content tokens in the text, or None for files too large to be read twice."""
        return self._available

    @cached_property
    def _available(self) -> int | None:
        if self._text.path.stat().st_size > COUNTED:
            return None
        return content_tokens(self._tokenizer.stream(self._text), self._rule)

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches of ``batch_size`` rows from number ``start`` on, flattened row by row."""
        for rows in row_batches(lambda: self._tokenizer.stream(self._text), self._rule, self._batch_size, start):
            places = np.broadcast_to(np.arange(rows.tokens.shape[1], dtype=np.int32), rows.tokens.shape)
            yield Batch(
                tokens=rows.tokens.ravel(),
                documents=rows.documents.ravel(),
                positions=rows.positions.ravel(),
                context_positions=places.ravel(),
                special=rows.special.ravel(),
                x=self._model.activations(rows.tokens).flatten(0, 1),
                skipped=rows.skipped,
            )

    def dictionary(self) -> SaeDictionary:
        """The SAE."""
        return self._dictionary

    def unembedding(self) -> ModelUnembedding:
        """Final norm and unembedding of the model."""
        return self._unembedding

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own."""
        return self._tokenizer.decode_each(tokens)
