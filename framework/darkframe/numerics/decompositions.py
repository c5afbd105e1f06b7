"""Whether a decomposition is what its contract says, in words; and the diagnostics that every fit gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import described
from darkframe.interfaces import Diagnostics

if TYPE_CHECKING:
    from darkframe.interfaces import Decomposition

_ROUNDING = 1e-6


def decomposition_fault(fitted: Decomposition, d: int) -> str:
    """What is wrong with a decomposition of rows of d dimensions, so that it cannot be worked with; empty if nothing is."""
    patterns = fitted.patterns
    if not isinstance(patterns, np.ndarray) or patterns.ndim != 2:
        return f"its patterns {_what(patterns)}, not an array (components, {d})"
    if not len(patterns):
        return "it gave no components"
    k = len(patterns)
    shapes = {"mean": (d,), "patterns": (k, d), "filters": (k, d), "explained": (k,)}
    for name, shape in shapes.items():
        if fault := array_fault(f"its {name}", getattr(fitted, name), shape):
            return fault
    if (fitted.explained < -_ROUNDING).any():
        return f"a component explains {fitted.explained.min():.3g} of the variance, a negative share"
    return _total_fault(fitted.explained_total) or diagnostics_fault(fitted.diagnostics, k)


def array_fault(what: str, array: Any, shape: tuple[int, ...]) -> str:
    """What is wrong with an array of that shape, which holds finite numbers."""
    many = what.endswith("s")
    if not isinstance(array, np.ndarray):
        return f"{what} {'are' if many else 'is'} {described(array)}, not an array of shape {shape}"
    if array.shape != shape:
        return f"{what} {'have' if many else 'has'} shape {array.shape}, not {shape}"
    if array.dtype.kind not in "fiu":
        return f"{what} {'are' if many else 'is'} {described(array)}, not of real numbers"
    if not np.isfinite(array).all():
        return f"{what} {'hold' if many else 'holds'} {'NaN' if np.isnan(array).any() else 'infinite values'}"
    return ""


def _total_fault(total: Any) -> str:
    if isinstance(total, bool | np.bool_) or not isinstance(total, int | float | np.floating | np.integer):
        return f"its explained_total is a {type(total).__name__}, not a number"
    if not np.isfinite(total):
        return f"its explained_total is {total}"
    return f"its explained_total is {total:.6g}, a share above 1" if total > 1 + _ROUNDING else ""


def diagnostics_fault(said: Any, k: int | None = None) -> str:
    """What is wrong with a fit's diagnostics; ``k`` is the number of components, where there are such."""
    if not isinstance(said, Diagnostics):
        return f"its diagnostics are {described(said)}, not a Diagnostics record"
    if not isinstance(said.converged, bool | np.bool_):
        return f"its diagnostics' converged is {described(said.converged)}, not True or False"
    if not _whole(said.iterations):
        return f"its diagnostics' iterations are {described(said.iterations)}, not a whole number from 0 up"
    if not isinstance(said.warnings, tuple | list) or not all(isinstance(text, str) for text in said.warnings):
        return f"its diagnostics' warnings are {described(said.warnings)}, not a tuple of sentences"
    if said.gradient is not None and not _number(said.gradient):
        return f"its diagnostics' gradient is {described(said.gradient)}, not a number or None"
    if not isinstance(said.details, Mapping):
        return f"its diagnostics' details are {described(said.details)}, not a mapping"
    return _identifiability_fault(said.identifiability, k)


def _identifiability_fault(each: Any, k: int | None) -> str:
    if each is None:
        return ""
    if not isinstance(each, tuple | list | np.ndarray) or not all(map(_number, each)):
        return f"its diagnostics' identifiability is {described(each)}, not numbers or None"
    return "" if k is None or len(each) == k else f"its diagnostics' identifiability has {len(each)} numbers for {k} components"


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)


def _what(value: Any) -> str:
    return f"have shape {value.shape}" if isinstance(value, np.ndarray) else f"are {described(value)}"
