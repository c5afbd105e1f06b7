"""Sources behind a guard: themselves, their dictionary and their unembedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from darkframe.api import source_faults as faults
from darkframe.api.guard import Guard, breach, made, optional
from darkframe.interfaces import Batch, Codes, Dictionary, Source, SourceCard, SourceContext, Unembedding
from darkframe.lm.memory import lower
from darkframe.registry import Found

if TYPE_CHECKING:
    import torch

OPTIONAL: Mapping[str, Callable[..., str]] = {
    "lacks": faults.lacks_fault,
    "wiring": faults.wiring_fault,
    "losses": faults.losses_fault,
    "fetch": faults.fetched_fault,
}
"""What a source may have beside its contract (``Partial``, ``Wired``, …), and what checks what it gives."""


class GuardedDictionary:
    """A source's dictionary, guarded."""

    def __init__(self, guard: Guard, inner: Dictionary, n_features: int, remedy: str = "") -> None:
        self._guard, self._inner, self._n_features, self._remedy = guard, inner, n_features, remedy
        self.W_dec, self.W_enc, self.b_enc, self.b_dec = inner.W_dec, inner.W_enc, inner.b_enc, inner.b_dec

    def encode(self, x: torch.Tensor) -> Codes:
        with self._guard.doing("encode()", self._remedy):
            codes = self._inner.encode(x)
        self._guard.check("encode()", faults.codes_fault, codes, len(x), self._n_features)
        return codes

    def decode(self, codes: Codes) -> torch.Tensor:
        with self._guard.doing("decode()", self._remedy):
            decoded = self._inner.decode(codes)
        self._guard.check("decode()", faults.decoded_fault, decoded, (len(codes), self.W_dec.shape[1]))
        return decoded


class GuardedUnembedding:
    """A source's unembedding, guarded."""

    def __init__(self, guard: Guard, inner: Unembedding) -> None:
        self._guard, self._inner = guard, inner

    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        with self._guard.doing("logits()"):
            logits = self._inner.logits(directions)
        self._guard.check("logits()", faults.logits_fault, logits, len(directions))
        return logits


class GuardedSource:
    """A source, guarded. It has those of the ``OPTIONAL`` methods that the source has, and no others.

    Args:
        guard: The plugin's.
        inner: The source.
        batch_size: Its parameter of that name, where it has one: what is lowered where memory runs out.

    Attributes:
        title: What a sentence about it begins with.
    """

    def __init__(self, guard: Guard, inner: Source, batch_size: int | None = None) -> None:
        self._guard, self._inner, self.title = guard, inner, guard.found.title
        self._remedy = "" if batch_size is None else lower("batch_size", batch_size)
        for name, fault_of in OPTIONAL.items():  # on the instance, where Python 3.12's check of a protocol looks, and hasattr too
            if (method := optional(inner, name)) is not None:
                setattr(self, name, guard.wrapped(name, method, fault_of))

    def card(self) -> SourceCard:
        with self._guard.doing("card()"):
            card = self._inner.card()
        self._guard.check("card()", faults.card_fault, card)
        return card

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        card = self.card()
        return card.d_model, card.n_features

    def available_tokens(self) -> int | None:
        with self._guard.doing("available_tokens()"):
            count = self._inner.available_tokens()
        self._guard.check("available_tokens()", faults.available_fault, count)
        return count

    def batches(self, start: int = 0) -> Iterator[Batch]:
        d_model, number = self._sizes[0], start
        with self._guard.doing("batches()"):
            batches = iter(self._inner.batches(start))
        while True:
            with self._guard.doing("batches()", self._remedy):
                batch = next(batches, _END)
            if batch is _END:
                return
            self._guard.check("batches()", faults.batch_fault, number, batch, d_model)
            yield batch
            del batch  # or it would be held while the next is made
            number += 1

    def dictionary(self) -> Dictionary:
        with self._guard.doing("dictionary()"):
            inner = self._inner.dictionary()
        d_model, n_features = self._sizes
        self._guard.check("dictionary()", faults.weights_fault, inner, d_model, n_features)
        return GuardedDictionary(self._guard, inner, n_features, self._remedy)

    def unembedding(self) -> Unembedding | None:
        with self._guard.doing("unembedding()"):
            inner = self._inner.unembedding()
        if inner is not None and optional(inner, "logits") is None:
            raise breach(self._guard.found, f"unembedding() gave a {type(inner).__name__}, which has no logits()")
        return None if inner is None else GuardedUnembedding(self._guard, inner)

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        with self._guard.doing("decode_tokens()"):
            texts = self._inner.decode_tokens(tokens)
        self._guard.check("decode_tokens()", faults.texts_fault, texts, len(tokens))
        return list(texts)


_END: Any = object()


def open_source(found: Found, target: type[Any], params: Any, context: SourceContext) -> Source:
    """The source, guarded."""
    guard = Guard(found)
    inner = made(guard, target, Source, "params, context", params, context)
    batch_size = getattr(params, "batch_size", None)
    return GuardedSource(guard, inner, batch_size if isinstance(batch_size, int) else None)
