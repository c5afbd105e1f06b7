"""Plugins behind a guard: a fault of theirs becomes one sentence that names the plugin, and their results are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, PluginError
from darkframe.interfaces import (
    Batch,
    Codes,
    Decomposer,
    Decomposition,
    Dictionary,
    Source,
    SourceCard,
    SourceContext,
    Unembedding,
)
from darkframe.lm.memory import lower, out_of_memory, ran_out
from darkframe.registry import Found

if TYPE_CHECKING:
    import torch

    from darkframe.interfaces import FitContext, Rows


_DOING = {
    "batches()": "activations were computed",
    "encode()": "the SAE encoded a batch of activations",
    "decode()": "the SAE decoded a batch of codes",
    "dictionary()": "the SAE was loaded",
    "fit()": "the decomposer was fitted",
}
_FEWER = "Collect fewer tokens (--tokens), ask for fewer components, or choose a decomposer that streams its rows, such as pca."
_MORE = "Free memory, or use a machine with more of it; what was finished is kept."


@contextmanager
def blamed(found: Found, doing: str, remedy: str = "") -> Iterator[None]:
    """Turn an unexpected exception inside into a PluginError that names the plugin; its traceback stays as the cause.

    Args:
        found: The plugin.
        doing: Its method.
        remedy: What to do where memory runs out in it.
    """
    try:
        yield
    except DarkframeError:
        raise
    except Exception as error:
        if ran_out(error):
            words = f"{_DOING.get(doing, f'{doing} ran')} ({found.kind} {found.name!r})"
            raise out_of_memory(words, remedy or _MORE, error) from error
        text = " ".join(str(error).split()).rstrip(".")
        raise broken(found, f"failed in {doing}: {type(error).__name__}{': ' + text if text else ''}") from error


def broken(found: Found, what: str) -> PluginError:
    """An error that names the plugin and says what is wrong with it."""
    return PluginError(f"The {found.kind} {found.name!r} of {found.distribution} {found.version} {what}.")


def guarded(found: Found, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A plugin's method whose faults name the plugin."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with blamed(found, f"{name}()"):
            return method(*args, **kwargs)

    return call


def require(found: Found, plugin: Any, contract: type[Any]) -> None:
    """See that a plugin has the methods of its contract.

    Raises:
        PluginError: It lacks some.
    """
    names = [name for name in vars(contract) if not name.startswith("_") and callable(getattr(contract, name))]
    missing = [name for name in names if not callable(getattr(plugin, name, None))]
    if missing:
        raise broken(found, f"breaks its contract: {type(plugin).__name__} has no {', '.join(f'{name}()' for name in missing)}")


class GuardedDictionary:
    """A source's dictionary, guarded."""

    def __init__(self, found: Found, inner: Dictionary, remedy: str = "") -> None:
        self._found, self._inner, self._remedy = found, inner, remedy
        self.W_dec, self.W_enc, self.b_enc, self.b_dec = inner.W_dec, inner.W_enc, inner.b_enc, inner.b_dec

    def encode(self, x: torch.Tensor) -> Codes:
        with blamed(self._found, "encode()", self._remedy):
            return self._inner.encode(x)

    def decode(self, codes: Codes) -> torch.Tensor:
        with blamed(self._found, "decode()", self._remedy):
            return self._inner.decode(codes)


class GuardedUnembedding:
    """A source's unembedding, guarded."""

    def __init__(self, found: Found, inner: Unembedding) -> None:
        self._found, self._inner = found, inner

    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        with blamed(self._found, "logits()"):
            return self._inner.logits(directions)


OPTIONAL = ("lacks", "wiring", "losses", "fetch")
"""What a source may have beside its contract (``Partial``, ``Wired``, ``Predicts``, ``Fetches``)."""


class GuardedSource:
    """A source, guarded. It has those of the ``OPTIONAL`` methods that the source has, and no others.

    Args:
        found: The plugin.
        inner: The source.
        batch_size: Its parameter of that name, where it has one: what is lowered where memory runs out.
    """

    def __init__(self, found: Found, inner: Source, batch_size: int | None = None) -> None:
        self._found, self._inner = found, inner
        self._remedy = "" if batch_size is None else lower("batch_size", batch_size)
        for name in OPTIONAL:  # on the instance, where Python 3.12's check of a protocol looks, and hasattr too
            if callable(method := getattr(inner, name, None)):
                setattr(self, name, guarded(found, name, method))

    def card(self) -> SourceCard:
        with blamed(self._found, "card()"):
            return self._inner.card()

    def available_tokens(self) -> int | None:
        with blamed(self._found, "available_tokens()"):
            return self._inner.available_tokens()

    def batches(self, start: int = 0) -> Iterator[Batch]:
        with blamed(self._found, "batches()"):
            batches = iter(self._inner.batches(start))
        while True:
            with blamed(self._found, "batches()", self._remedy):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def dictionary(self) -> Dictionary:
        with blamed(self._found, "dictionary()"):
            return GuardedDictionary(self._found, self._inner.dictionary(), self._remedy)

    def unembedding(self) -> Unembedding | None:
        with blamed(self._found, "unembedding()"):
            inner = self._inner.unembedding()
        return None if inner is None else GuardedUnembedding(self._found, inner)

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        with blamed(self._found, "decode_tokens()"):
            return self._inner.decode_tokens(tokens)


class GuardedDecomposer:
    """A decomposer, guarded; what it gives is checked before the study builds on it."""

    def __init__(self, found: Found, inner: Decomposer) -> None:
        self._found, self._inner = found, inner

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        with blamed(self._found, "fit()", _FEWER):
            fitted = self._inner.fit(rows, context)
        if not isinstance(fitted, Decomposition):
            raise broken(self._found, f"breaks its contract: fit() gave a {type(fitted).__name__}, not a Decomposition")
        with blamed(self._found, "fit()"):
            fault = _decomposition_fault(fitted, rows.shape[1])
        if fault:
            raise broken(self._found, f"breaks its contract: {fault}")
        return fitted


def _decomposition_fault(fitted: Decomposition, d: int) -> str:
    k = len(fitted.patterns)
    shapes = {"mean": (d,), "patterns": (k, d), "filters": (k, d), "explained": (k,)}
    for name, shape in shapes.items():
        array = getattr(fitted, name)
        if array.shape != shape:
            return f"its {name} have shape {array.shape}, not {shape}"
        if not np.isfinite(array).all():
            return f"its {name} hold NaN or infinite values"
    return "" if k else "it gave no components"


def open_source(found: Found, target: type[Any], params: Any, context: SourceContext) -> Source:
    """The source, guarded."""
    with blamed(found, f"{target.__name__}(params, context)"):
        inner = target(params, context)
    require(found, inner, Source)
    batch_size = getattr(params, "batch_size", None)
    return GuardedSource(found, inner, batch_size if isinstance(batch_size, int) else None)


def decomposer_factory(found: Found, target: type[Any], params: Any) -> Callable[[], Decomposer]:
    """Makes a fresh decomposer, guarded, at each call."""

    def make() -> Decomposer:
        with blamed(found, f"{target.__name__}(params)"):
            inner = target(params)
        require(found, inner, Decomposer)
        return GuardedDecomposer(found, inner)

    return make
