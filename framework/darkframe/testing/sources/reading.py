"""What the checks of sources read, once for all of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from darkframe.interfaces import Batch, Partial, Source
from darkframe.testing.checks import require
from darkframe.testing.subject import Subject

BATCHES = 3
"""Batches that each check reads."""


def lacking(source: Source) -> Mapping[str, str]:
    """What the source says that it lacks."""
    return source.lacks() if isinstance(source, Partial) else {}


def read_batches(source: Source, start: int = 0) -> list[Batch]:
    """The first batches from number ``start`` on."""
    return list(itertools.islice(source.batches(start), BATCHES))


def first_batches(plugin: Subject) -> list[Batch]:
    """The first batches, read once."""
    batches = plugin.once("batches", lambda: read_batches(plugin.source))
    require(batches, "There is no batch.")
    return batches


def some_rows(plugin: Subject) -> Any:
    """A few rows of activations; decoder directions where it gives none."""
    if "activations" not in plugin.capabilities:
        return plugin.source.dictionary().W_dec[:64].clone()
    return first_batches(plugin)[0].x[:512].clone()


def is_float32(tensor: Any) -> bool:
    """Whether a tensor is float32 and free of gradients."""
    return str(tensor.dtype) == "torch.float32" and not tensor.requires_grad


def is_finite(tensor: Any) -> bool:
    """Whether a tensor holds neither NaN nor infinities."""
    return bool(tensor.isfinite().all())


def same_bytes(a: Any, b: Any) -> bool:
    """Whether two arrays, tensors or numbers are the same, byte for byte."""
    one, other = _array(a), _array(b)
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.cpu().numpy() if hasattr(value, "cpu") else np.asarray(value)
