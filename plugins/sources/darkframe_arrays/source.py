"""Activations, tokens and a dictionary from files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import Batch, SourceCard, SourceContext, Usage, Wiring
from darkframe_arrays.columns import Activations, Labels, open_column
from darkframe_arrays.dictionaries import SaeLensFolder, open_dictionary
from darkframe_arrays.files import expand
from darkframe_arrays.fingerprint import hash_array_file
from darkframe_arrays.layout import Layout, batch_ranges
from darkframe_arrays.plugin import ArraysParams
from darkframe_arrays.tokenizers import Shows, open_tokenizer

if TYPE_CHECKING:
    from darkframe.interfaces import Dictionary
    from darkframe_arrays.unembedding import WeightsUnembedding

COLUMNS = ("tokens", "documents", "positions", "special")
_OF_ACTIVATIONS = ("key", "context_size", *COLUMNS, "special_ids", "tokenizer")
_NO_ACTIVATIONS = "Name the activations with source.activations."
_NO_DICTIONARY = "Name the SAE with source.dictionary: a SAELens or sparsify folder, or a file of its weights."


class ArraysSource:
    """Activations, tokens and a dictionary that somebody collected already; either alone will do, for what it is enough for.

    Shapes, names and types are read, and refused, on construction; numbers only when they are used.

    Args:
        params: See ``ArraysParams``.
        context: From the framework.

    Raises:
        ParameterError: Nothing is named, a file does not exist, or parameters contradict each other.
        DataError: Files are damaged, of a kind that is not read, or do not belong together.
    """

    def __init__(self, params: ArraysParams, context: SourceContext) -> None:
        self._params, self._context = params, context
        column = open_column("activations", params.activations, params.key, context)
        self._activations = None if column is None else Activations(column, params.context_size)
        self._part = open_dictionary(params, self._activations.d if self._activations else None, context)
        self._check_parts()
        self._labels = self._open_labels()

    def _check_parts(self) -> None:
        if self._activations is None:
            if self._part is None:
                raise ParameterError("The source 'arrays' opens nothing.", hint=f"{_NO_ACTIVATIONS} {_NO_DICTIONARY}")
            for name in _OF_ACTIVATIONS:
                if getattr(self._params, name) not in (None, ()):
                    raise ParameterError(f"source.{name} is set, but no activations.", hint=_NO_ACTIVATIONS)
        elif self._part is not None and self._part.shape[1] != self._activations.d:
            raise DataError(
                f"The dictionary {self._params.dictionary} reads {self._part.shape[1]} dimensions, but {self._activations.label} "
                f"has shape {self._activations.shape}, {self._activations.d} dimensions."
            )
        if self._params.final_norm is not None and self._params.unembedding is None:
            raise ParameterError("source.final_norm is set, but no unembedding.", hint="Set source.unembedding, or leave it out.")
        if self._params.tokenizer is not None and not self._params.tokens:
            raise ParameterError("source.tokenizer is set, but no tokens.", hint="Set source.tokens, or leave it out.")
        if self._params.special_ids and not self._params.tokens:
            raise ParameterError("source.special_ids is set, but no tokens.", hint="Set source.tokens, or use source.special.")

    def _open_labels(self) -> dict[str, Labels | None]:
        if self._activations is None:
            return {}
        columns = {name: open_column(name, getattr(self._params, name), None, self._context) for name in COLUMNS}
        return {name: None if column is None else Labels(column, self._activations) for name, column in columns.items()}

    def lacks(self) -> Mapping[str, str]:
        """Which parts were not given, and what would give them."""
        lacking = {}
        if self._activations is None:
            lacking["activations"] = _NO_ACTIVATIONS
        if self._part is None:
            lacking["dictionary"] = _NO_DICTIONARY
        elif self._part.why_not:
            lacking["encoder"] = self._part.why_not
        if self._params.unembedding is None:
            lacking["unembedding"] = "Name a file with the model's W_U with source.unembedding."
        if self._tokenizer is None:
            lacking["text"] = "Name the tokens with source.tokens and their tokenizer with source.tokenizer."
        return lacking

    # ------------------------------------------------------------ what it is

    def card(self) -> SourceCard:
        """Say what this source is; hashes all files."""
        return self._card

    @cached_property
    def _card(self) -> SourceCard:
        activations, part = self._activations, self._part
        features, d = part.shape if part else (0, activations.d if activations else 0)
        settings = part.settings if isinstance(part, SaeLensFolder) else None
        unsaid = ArraysParams()
        model, hook_point = self._params.model, self._params.hook_point
        return SourceCard(
            model=settings.model_name if settings and settings.model_name and model == unsaid.model else model,
            dictionary=part.name if part else "none",
            hook_point=settings.hook_name if settings and hook_point == unsaid.hook_point else hook_point,
            d_model=d,
            n_features=features,
            context_size=(activations.slots or 0) if activations else 0,
            packing=self._layout.describe() if activations else "no activations",
            text=self._text(),
            fingerprint=sha256(json.dumps(self._identity(), sort_keys=True).encode()).hexdigest(),
            details=self._details(),
        )

    def _text(self) -> str:
        if self._activations is None:
            return "none"
        if not self._params.tokens:
            return "not given: tokens are known by their row"
        shown = "" if self._tokenizer else ", shown by their ids"
        return f"tokens of {_named(expand(self._params.tokens, 'tokens'))}{shown}"

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = {"batch_size": self._params.batch_size, "files": {n: _named(f) for n, f in self._files.items()}}
        if self._activations is not None:
            details["shape"] = list(self._activations.shape)
            details["special"] = self._special_words()
        if self._part is not None:
            details["dictionary"] = self._part.details()
        return details

    def _special_words(self) -> str:
        if self._params.special:
            return "as given"
        ids = ", ".join(map(str, sorted(self._special_ids)))
        return f"token ids {ids}" if ids else "none known: BOS and padding, if there are any, count as tokens"

    @cached_property
    def _files(self) -> dict[str, tuple[Path, ...]]:
        names = ("activations", *COLUMNS)
        files = {name: expand(getattr(self._params, name), name) for name in names if getattr(self._params, name)}
        return files | ({"unembedding": (self._params.unembedding,)} if self._params.unembedding else {})

    def _identity(self) -> dict[str, Any]:
        """Everything the batches and codes depend on."""
        hashes = {path: hash_array_file(path) for path in dict.fromkeys(p for paths in self._files.values() for p in paths)}
        params = ("key", "context_size", "document_rows", "batch_size")
        return {
            "source": "arrays",
            "files": {name: [hashes[path] for path in paths] for name, paths in self._files.items() if name != "unembedding"},
            "params": {name: getattr(self._params, name) for name in params},
            "special_ids": sorted(self._special_ids),
            "dictionary": self._part.identity() if self._part else None,
        }

    def wiring(self) -> Wiring:
        """What was said of the activations, beside what a SAELens folder says of its SAE."""
        part, params, unsaid = self._part, self._params, ArraysParams()
        settings = part.settings if isinstance(part, SaeLensFolder) else None
        applied = Usage(
            by="this source",
            model=params.model if params.model != unsaid.model else None,
            hook_point=params.hook_point if params.hook_point != unsaid.hook_point else None,
            d_model=self._activations.d if self._activations else None,
            n_features=part.shape[0] if part else None,
            context_size=self._activations.slots if self._activations else None,
            normalize_activations=settings.normalize_activations if settings else None,
        )
        return Wiring(applied, part.part.stated() if isinstance(part, SaeLensFolder) else ())

    # ------------------------------------------------------------ its parts

    @cached_property
    def _tokenizer(self) -> Shows | None:
        return None if self._params.tokenizer is None else open_tokenizer(self._params.tokenizer)

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        """Ids that are left out: those that were said; else the tokenizer's, unless the tokens are marked themselves."""
        if self._params.special_ids is not None:
            return frozenset(self._params.special_ids)
        if self._params.special or self._tokenizer is None:
            return frozenset()
        return self._tokenizer.special_ids

    @cached_property
    def _layout(self) -> Layout:
        return Layout(
            self._require_activations(), **self._labels, special_ids=self._special_ids, document_rows=self._params.document_rows
        )

    def _require_activations(self) -> Activations:
        if self._activations is None:
            raise ParameterError("The source 'arrays' was given no activations.", hint=_NO_ACTIVATIONS)
        return self._activations

    # ------------------------------------------------------------ what it gives

    def available_tokens(self) -> int | None:
        """Number of activations that are not left out."""
        self._require_activations()
        return self._layout.content

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches of ``batch_size`` tokens from number ``start`` on, in the order of the files."""
        import torch

        activations = self._require_activations()
        for first, last in batch_ranges(activations.n, activations.slots, self._params.batch_size, start):
            places = self._layout.places(first, last)
            x = torch.from_numpy(activations.read(first, last)).to(self._context.device)
            yield Batch(places.tokens, places.documents, places.positions, places.context_positions, places.special, x)

    def dictionary(self) -> Dictionary:
        """The SAE."""
        if self._part is None:
            raise ParameterError("The source 'arrays' was given no dictionary.", hint=_NO_DICTIONARY)
        return self._dictionary

    @cached_property
    def _dictionary(self) -> Dictionary:
        assert self._part is not None
        return self._part.open(self._context.device)

    def unembedding(self) -> WeightsUnembedding | None:
        """Final norm and unembedding, where they were given."""
        return None if self._params.unembedding is None else self._unembedding

    @cached_property
    def _unembedding(self) -> WeightsUnembedding:
        from darkframe_arrays.unembedding import WeightsUnembedding

        (path,) = expand([self._params.unembedding] if self._params.unembedding else [], "unembedding")
        opened = WeightsUnembedding(path, self.card().d_model, self._params.final_norm, self._context)
        if self._params.tokens and (largest := self._layout.largest_token) >= opened.vocabulary:
            raise DataError(f"The unembedding in {path} has {opened.vocabulary:,} tokens, but the tokens go up to {largest:,}.")
        return opened

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text; its id where there is no tokenizer, its row where there are no tokens."""
        if self._tokenizer is None:
            word = "" if self._params.tokens else "row "
            return [f" {word}{int(token)}" for token in tokens]
        known = self._tokenizer.size
        for token in tokens:
            if not 0 <= token < known:
                raise DataError(
                    f"The tokenizer {self._params.tokenizer} has {known:,} tokens; it does not know token id {token}."
                )
        return self._tokenizer.decode_each(tokens)


def _named(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else f"{paths[0].name} … {paths[-1].name} ({len(paths)} files)"
