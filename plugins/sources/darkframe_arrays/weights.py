"""Weights of a dictionary or an unembedding from a file: found by their usual names, turned the right way by their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError
from darkframe_arrays.files import FLOATS, Stored, keys, open_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, SourceContext

NAMES: Mapping[str, tuple[str, ...]] = {
    "W_dec": ("W_dec", "w_dec", "decoder.weight"),
    "W_enc": ("W_enc", "w_enc", "encoder.weight"),
    "b_enc": ("b_enc", "encoder.bias", "latent_bias"),
    "b_dec": ("b_dec", "decoder.bias", "pre_bias"),
    "threshold": ("threshold",),
}
"""Usual names: SAELens's and Gemma Scope's, sparsify's and those of a pair of linear layers."""

_HARMLESS = {"sparsity"}
_BY_FEATURE = ("W_dec", "w_dec", "encoder.weight")
"""Names whose first axis is the features wherever they are used; the other matrices' second axis is."""


@dataclass(frozen=True, eq=False)
class Weights:
    """An SAE's weights, float32.

    Attributes:
        W_dec: (F, d).
        W_enc: (d, F), or None.
        b_enc: (F,), or None.
        b_dec: (d,), or None.
        threshold: (F,), or None.
        read_as: How a matrix was turned, where only its name says it; for the card.
    """

    W_dec: F32
    W_enc: F32 | None
    b_enc: F32 | None
    b_dec: F32 | None
    threshold: F32 | None
    read_as: str = ""


def load_weights(path: Path, d: int | None, context: SourceContext, *, named_axes: bool = False) -> Weights:
    """Weights of an SAE.

    Which axis of a matrix is the features is told by the lengths of the biases and by ``d``; where nothing tells, a decoder of
    more features than dimensions by its name's convention.

    Args:
        path: A .npy file (W_dec alone), .npz or .safetensors file.
        d: Width of the activations it belongs to, where there are some.
        context: From the framework.
        named_axes: The file's library fixes the axes (sparsify), so that square matrices can be told.

    Raises:
        DataError: Unknown or missing names, shapes that disagree, or a matrix whose axes cannot be told.
    """
    found = _find(path, context)
    d_model, features = _sizes(found, d, path)
    decoder = _Matrix(found["W_dec"], named=named_axes)
    rows_are_features = decoder.rows_are_features(d_model, features)
    W_dec = decoder.array if rows_are_features else decoder.array.T
    features, d_model = W_dec.shape
    read_as = "" if decoder.told else f"{decoder.stored.key or 'the array'} read as {features} features × {d_model} dimensions"
    W_enc = None
    if "W_enc" in found:
        encoder = _Matrix(found["W_enc"], named=named_axes)
        W_enc = encoder.array.T if encoder.rows_are_features(d_model, features) else encoder.array
    vectors = {name: _vector(found[name], path) if name in found else None for name in ("b_enc", "b_dec", "threshold")}
    threshold = vectors["threshold"]
    if threshold is not None and len(threshold) == 1:
        threshold = np.full(features, threshold[0], np.float32)
    return Weights(
        np.ascontiguousarray(W_dec),
        None if W_enc is None else np.ascontiguousarray(W_enc),
        vectors["b_enc"],
        vectors["b_dec"],
        threshold,
        read_as,
    )


def _find(path: Path, context: SourceContext) -> dict[str, Stored]:
    """Arrays by role."""
    there = keys(path)
    if there == ("",):
        return {"W_dec": open_array(path, "", context)}
    found: dict[str, Stored] = {}
    for role, names in NAMES.items():
        held = [name for name in names if name in there]
        if len(held) > 1:
            raise DataError(f"{path} holds {' and '.join(map(repr, held))}: which is {role} cannot be told.")
        if held:
            found[role] = open_array(path, held[0], context)
    listed = ", ".join(map(repr, there)) or "nothing"
    if "W_dec" not in found:
        raise DataError(f"{path} holds no decoder; it holds {listed}.", hint=f"Expected {' or '.join(NAMES['W_dec'])}.")
    unknown = [name for name in there if name not in _HARMLESS and not any(name in names for names in NAMES.values())]
    if unknown:
        raise DataError(
            f"{path} holds {', '.join(map(repr, unknown))} beside its weights, which would be left out of the computation.",
            hint="Give a folder saved by SAELens or sparsify, or a file of "
            + ", ".join(name for names in NAMES.values() for name in names[:1])
            + ".",
        )
    return found


def _sizes(found: Mapping[str, Stored], d: int | None, path: Path) -> tuple[int | None, int | None]:
    """Lengths d and F as far as vectors, and the activations, tell them."""
    lengths = {name: _length(found[name], path) for name in ("b_enc", "b_dec", "threshold") if name in found}
    width = lengths.get("b_dec")
    if d is not None and width is not None and width != d:
        raise DataError(f"The dictionary in {path} reads {width} dimensions, but the activations have {d}.")
    features = lengths.get("b_enc")
    several = lengths.get("threshold", 1)
    if several > 1 and features not in (None, several):
        raise DataError(f"{path} holds {features} encoder biases but {several} thresholds.")
    return (d if width is None else width), (several if features is None and several > 1 else features)


def _length(stored: Stored, path: Path) -> int:
    shape = tuple(n for n in stored.shape if n != 1) or (1,)
    if len(shape) != 1:
        raise DataError(f"{stored.label} has shape {stored.shape}; a vector was expected.")
    return shape[0]


def _vector(stored: Stored, path: Path) -> F32:
    return _finite(stored).reshape(_length(stored, path))


def _finite(stored: Stored) -> F32:
    if stored.dtype not in FLOATS:
        raise DataError(f"{stored.label} is of type {stored.dtype}; weights are one of {', '.join(FLOATS)}.")
    array = stored.whole().astype(np.float32)
    if not np.isfinite(array).all():
        raise DataError(f"{stored.label} holds NaN or infinite weights.")
    return array


class _Matrix:
    """A matrix of weights with the features on one of its axes; ``told`` is False where only its name says which."""

    def __init__(self, stored: Stored, *, named: bool) -> None:
        self.stored, self._named, self.told = stored, named, True
        if len(stored.shape) != 2 or 0 in stored.shape:
            raise DataError(f"{stored.label} has shape {stored.shape}; a matrix of features × dimensions was expected.")
        self.array: F32 = _finite(stored)

    def rows_are_features(self, d: int | None, features: int | None) -> bool:
        """Whether the first axis is the features."""
        a, b = self.stored.shape
        by_name = self.stored.key in ("", *_BY_FEATURE)
        fits = [_fits(a, features) and _fits(b, d), _fits(b, features) and _fits(a, d)]
        if not any(fits):
            wanted = f"{'F' if features is None else features} features of {'d' if d is None else d} dimensions"
            raise DataError(f"{self.stored.label} has shape {self.stored.shape}, which are not {wanted}.")
        if not all(fits):
            return fits[0]
        if self._named:
            return by_name
        n_features, width = (a, b) if by_name else (b, a)
        if n_features <= width:
            what = "square" if a == b else f"of shape {self.stored.shape}"
            raise DataError(
                f"{self.stored.label} is {what}: which axis is the features cannot be told.",
                hint="Give a folder saved by SAELens or sparsify, whose cfg.json says it, or add b_enc or b_dec to the file."
                if a != b
                else "Give a folder saved by SAELens or sparsify, whose cfg.json says it.",
            )
        self.told = False
        return by_name


def _fits(length: int, wanted: int | None) -> bool:
    return wanted is None or length == wanted


def pick(path: Path, names: Sequence[str], context: SourceContext) -> NDArray[Any] | None:
    """The first array of one of these names in a file, float32; None if it holds none."""
    there = keys(path)
    chosen = next((name for name in names if name in there), None)
    return None if chosen is None else _finite(open_array(path, chosen, context))
