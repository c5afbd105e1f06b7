"""What may be wrong with what a source gives, in words; each function gives an empty string if nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.api.guard import kept_fault
from darkframe.errors import described
from darkframe.interfaces import Batch, Codes, Fetched, SourceCard, Wiring

if TYPE_CHECKING:
    import torch

_CARD = {
    "model": str,
    "dictionary": str,
    "hook_point": str,
    "d_model": int,
    "n_features": int,
    "context_size": int,
    "packing": str,
    "text": str,
    "fingerprint": str,
}
_COLUMNS = ("tokens", "documents", "positions", "context_positions", "special")


def card_fault(card: Any) -> str:
    """Of what ``card()`` gave."""
    if not isinstance(card, SourceCard):
        return f"card() gave {described(card)}, not a SourceCard"
    for name, wanted in _CARD.items():
        value = getattr(card, name)
        if not isinstance(value, wanted) or isinstance(value, bool):
            return f"its card's {name} is {described(value)}, not {'text' if wanted is str else 'a whole number'}"
    for name, least in {"d_model": 1, "n_features": 0, "context_size": 0}.items():
        if getattr(card, name) < least:
            return f"its card's {name} is {getattr(card, name)}, which is below {least}"
    if not isinstance(card.details, Mapping):
        return f"its card's details are {described(card.details)}, not a mapping"
    return kept_fault("its card's details", card.details)


def available_fault(count: Any) -> str:
    """Of what ``available_tokens()`` gave."""
    if count is None or (isinstance(count, int) and not isinstance(count, bool) and count >= 0):
        return ""
    return f"available_tokens() gave {described(count)}, not a whole number from 0 up or None"


def batch_fault(number: int, batch: Any, d_model: int) -> str:
    """Of one batch; NaN in it is the data's affair, and told with its place in the text."""
    import torch

    if not isinstance(batch, Batch):
        return f"batch {number} is {described(batch)}, not a Batch"
    if not isinstance(batch.x, torch.Tensor):
        return f"the activations x of batch {number} are {described(batch.x)}, not a tensor"
    if batch.x.ndim != 2 or batch.x.shape[1] != d_model:
        return f"the activations x of batch {number} have shape {tuple(batch.x.shape)}, not (tokens, {d_model})"
    if not batch.x.is_floating_point():
        return f"the activations x of batch {number} are {_dtype(batch.x)}, not float32"
    for name in _COLUMNS:
        column = getattr(batch, name)
        if np.shape(column) != (len(batch.x),):
            return f"the {name} of batch {number} have shape {np.shape(column)}, but there are {len(batch.x)} activations"
        kind, wanted = np.asarray(column).dtype, "bool" if name == "special" else "int32"
        if kind.kind not in ("b" if name == "special" else "iu"):
            return f"the {name} of batch {number} are {kind}, not {wanted}"
    return ""


def codes_fault(codes: Any, n: int, n_features: int) -> str:
    """Of what ``encode()`` gave for n tokens."""
    import torch

    if not isinstance(codes, Codes):
        return f"encode() gave {described(codes)}, not Codes"
    for name in ("offsets", "indices", "values"):
        part = getattr(codes, name)
        if not isinstance(part, torch.Tensor) or part.ndim != 1:
            return f"the {name} of its codes are {described(part)}, not a tensor of one dimension"
        if part.is_floating_point() != (name == "values"):
            return f"the {name} of its codes are {_dtype(part)}, not {'float32' if name == 'values' else 'int64'}"
    if codes.n_features != n_features:
        return f"its codes are of {codes.n_features} features, but its card says {n_features}"
    if len(codes.offsets) != n + 1 or len(codes.indices) != len(codes.values):
        many = f"{len(codes.offsets)} offsets, {len(codes.indices)} indices and {len(codes.values)} values"
        return f"its codes of {n} tokens have {many}"
    offsets = codes.offsets
    bounded = (codes.indices >= 0) & (codes.indices < n_features)
    holds = [
        (offsets[:1] == 0).all() & (offsets[-1:] == len(codes.indices)).all() & (offsets.diff() >= 0).all(),
        bounded.all(),
        torch.isfinite(codes.values).all(),
    ]
    in_order, known, finite = torch.stack(holds).tolist()  # one wait for the device
    if not in_order:
        return f"the offsets of its codes do not rise from 0 to their {len(codes.indices)} entries"
    if not known:
        return f"its codes name the feature {int(codes.indices[~bounded][0])}, but there are {n_features}"
    return "" if finite else "the values of its codes hold NaN or infinity"


def decoded_fault(decoded: Any, shape: tuple[int, ...]) -> str:
    """Of what ``decode()`` gave."""
    return tensor_fault("decode() gave", decoded, shape)


def tensor_fault(what: str, given: Any, shape: tuple[int, ...]) -> str:
    """Of a tensor of floating-point numbers of that shape."""
    import torch

    if not isinstance(given, torch.Tensor):
        return f"{what} {described(given)}, not a tensor of shape {shape}"
    if tuple(given.shape) != shape:
        return f"{what} a tensor of shape {tuple(given.shape)}, not {shape}"
    return "" if given.is_floating_point() else f"{what} a tensor of {_dtype(given)}, not of floating-point numbers"


def weights_fault(dictionary: Any, d_model: int, n_features: int) -> str:
    """Of the tensors of a dictionary."""
    shapes = {"W_dec": (n_features, d_model), "W_enc": (d_model, n_features), "b_enc": (n_features,), "b_dec": (d_model,)}
    for name, shape in shapes.items():
        weights = getattr(dictionary, name)
        if (weights is not None or name == "W_dec") and (wrong := tensor_fault(f"its dictionary's {name} is", weights, shape)):
            return f"{wrong} (features and dimensions as its card says)"
    return ""


def logits_fault(logits: Any, n: int) -> str:
    """Of what ``logits()`` gave for n directions."""
    import torch

    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != n or not logits.shape[1]:
        given = f"a tensor of shape {tuple(logits.shape)}" if isinstance(logits, torch.Tensor) else described(logits)
        return f"logits() gave {given}, not a tensor of shape ({n}, vocabulary)"
    if not logits.is_floating_point():
        return f"logits() gave a tensor of {_dtype(logits)}, not of floating-point numbers"
    return "" if not n or bool(torch.isfinite(logits.amax(dim=1)).all()) else "its logits hold NaN or infinity"


def texts_fault(texts: Any, n: int) -> str:
    """Of what ``decode_tokens()`` gave for n tokens."""
    if not isinstance(texts, list | tuple):
        return f"decode_tokens() gave {described(texts)}, not a list of texts"
    if len(texts) != n:
        return f"decode_tokens() gave {len(texts)} texts for {n} tokens"
    other = next((text for text in texts if not isinstance(text, str)), "")
    return "" if isinstance(other, str) else f"decode_tokens() gave {described(other)} among its texts"


def lacks_fault(lacking: Any) -> str:
    """Of what ``lacks()`` gave."""
    if isinstance(lacking, Mapping) and all(isinstance(text, str) for pair in lacking.items() for text in pair):
        return ""
    return f"lacks() gave {described(lacking)}, not a mapping of parts to sentences"


def wiring_fault(wiring: Any) -> str:
    """Of what ``wiring()`` gave."""
    return "" if isinstance(wiring, Wiring) else f"wiring() gave {described(wiring)}, not a Wiring record"


def losses_fault(losses: Any, tokens: Any, patch: Any = None) -> str:
    """Of what ``losses()`` gave for token rows."""
    rows, slots = np.shape(tokens)
    return tensor_fault("losses() gave", losses, (rows, slots - 1))


def fetched_fault(fetched: Any, tokens: Any = None) -> str:
    """Of what ``fetch()`` gave."""
    if isinstance(fetched, Sequence) and all(isinstance(part, Fetched) for part in fetched):
        return ""
    return f"fetch() gave {described(fetched)}, not Fetched records"


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
