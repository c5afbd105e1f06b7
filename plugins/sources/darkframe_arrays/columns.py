"""Arrays of one entry a token, in one file or several: joined along their first axis, and flattened where they come in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError
from darkframe_arrays.files import FLOATS, Stored, choose, expand, open_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import SourceContext

CHUNK = 1 << 18
"""Entries of a label column read at once."""

USUAL = {
    "activations": ("activations", "acts", "x"),
    "tokens": ("tokens", "token_ids", "input_ids"),
    "documents": ("documents", "document", "doc_ids"),
    "positions": ("positions", "position"),
    "special": ("special", "special_tokens_mask"),
}
"""Names that each column usually has inside a file of several arrays."""


class Column:
    """One kind of array, from all its files.

    Args:
        parts: The files' arrays, alike but for their first axis.

    Raises:
        DataError: They differ in their other axes, or hold nothing.
    """

    def __init__(self, parts: Sequence[Stored]) -> None:
        self.parts = tuple(parts)
        first = self.parts[0]
        for part in self.parts:
            if not part.shape:
                raise DataError(f"{part.label} holds a single number, not an array.")
            if part.shape[1:] != first.shape[1:]:
                raise DataError(f"{first.label} has shape {first.shape}, but {part.label} has shape {part.shape}.")
        self._starts = np.concatenate([[0], np.cumsum([part.shape[0] for part in self.parts])])
        self.shape = (int(self._starts[-1]), *first.shape[1:])
        if 0 in self.shape:
            raise DataError(f"{self.label} has shape {self.shape}: there is nothing in it.")

    @property
    def label(self) -> str:
        """The file, or the first of several."""
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return f"{self.parts[0].label}{more}"

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Entries ``[start:stop)`` of the first axis."""
        if start >= stop:
            return self.parts[0].read(0, 0)
        first = int(np.searchsorted(self._starts, start, "right")) - 1
        pieces = []
        for number in range(first, len(self.parts)):
            begin = int(self._starts[number])
            if begin >= stop:
                break
            pieces.append(self.parts[number].read(max(start - begin, 0), min(stop - begin, self.parts[number].shape[0])))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def release(self) -> None:
        """Give back the memory of what was read; it must have been copied."""
        for part in self.parts:
            part.release()

    def where(self, row: int) -> str:
        """Which row of which file an entry of the first axis is."""
        number = int(np.searchsorted(self._starts, row, "right")) - 1
        return f"row {row - int(self._starts[number]):,} of {self.parts[number].label}"


def open_column(name: str, paths: Sequence[Path], key: str | None, context: SourceContext) -> Column | None:
    """The column that a parameter names, or None where it names no file.

    Raises:
        ParameterError: A file does not exist.
        DataError: A file is damaged, or its array cannot be told from others.
    """
    found = expand(paths, name)
    if not found:
        return None
    return Column([open_array(path, choose(path, key, USUAL[name]), context) for path in found])


class Activations:
    """Activations of n tokens in d dimensions.

    Args:
        column: (n, d), or (rows, slots, d).
        context_size: Tokens in an input row, where the column is flat; None: not known.

    Raises:
        DataError: Another number of axes, not floats, or rows that do not come out even.
    """

    def __init__(self, column: Column, context_size: int | None) -> None:
        self._column = column
        for part in column.parts:
            if part.dtype not in FLOATS:
                raise DataError(f"{part.label} is of type {part.dtype}; activations are one of {', '.join(FLOATS)}.")
        if len(column.shape) not in (2, 3):
            raise DataError(f"{column.label} has shape {column.shape}; expected (tokens, d) or (rows, slots, d).")
        self._inner = column.shape[1] if len(column.shape) == 3 else 1
        self.n, self.d = column.shape[0] * self._inner, column.shape[-1]
        self.slots = self._slots(context_size)

    def _slots(self, context_size: int | None) -> int | None:
        """Tokens in an input row, or None where that is not known."""
        if len(self._column.shape) == 3:
            if context_size not in (None, self._inner):
                raise DataError(
                    f"{self._column.label} has rows of {self._inner} tokens, but source.context_size is {context_size}.",
                    hint="Leave source.context_size out.",
                )
            return self._inner
        if context_size is not None and self.n % context_size:
            raise DataError(f"{self._column.label} holds {self.n:,} tokens, which are no whole rows of {context_size}.")
        return context_size

    @property
    def label(self) -> str:
        """The file, or the first of several."""
        return self._column.label

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        return self._column.shape

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Activations (stop − start, d) float32 of the tokens from ``start`` on, C-ordered, the caller's own.

        Raises:
            DataError: One of them is NaN, infinite, or beyond float32.
        """
        first = start // self._inner
        rows = self._column.read(first, -(-stop // self._inner))
        flat = rows.reshape(-1, self.d)[start - first * self._inner : stop - first * self._inner]
        with np.errstate(over="ignore"):
            x = np.array(flat, np.float32, order="C")
        del rows, flat
        self._column.release()
        if not np.isfinite(x.sum()):  # cheap; a sum of finite numbers may be infinite, so look again
            self._refuse_bad(start, x)
        return x

    def _refuse_bad(self, start: int, x: NDArray[np.float32]) -> None:
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        if len(bad):
            token = start + int(bad[0])
            row, slot = divmod(token, self._inner)
            place = self._column.where(row) + (f", slot {slot}" if self._inner > 1 else "")
            more = f" ({len(bad)} tokens near it)" if len(bad) > 1 else ""
            raise DataError(
                f"The activations hold NaN, infinity or a number beyond float32, first in {place}{more}.",
                hint="Leave such tokens out, or collect them in float32.",
            )


class Labels:
    """One integer or truth value a token.

    Args:
        column: (n,), or (rows, slots) like the activations.
        activations: What they belong to.

    Raises:
        DataError: Their shape is not that of the activations, or they are no whole numbers.
    """

    def __init__(self, column: Column, activations: Activations) -> None:
        self._column = column
        self.label = column.label
        allowed: list[tuple[int, ...]] = [(activations.n,), activations.shape[:-1]]
        if activations.slots:
            allowed.append((activations.n // activations.slots, activations.slots))
        if column.shape not in allowed:
            raise DataError(
                f"{column.label} has shape {column.shape}, but {activations.label} has shape {activations.shape}: "
                f"{' or '.join(str(shape) for shape in dict.fromkeys(allowed))} would fit."
            )
        for part in column.parts:
            if "int" not in part.dtype and part.dtype != "bool":
                raise DataError(f"{part.label} is of type {part.dtype}; whole numbers were expected.")
        self._inner = column.shape[1] if len(column.shape) == 2 else 1

    def read(self, start: int, stop: int) -> NDArray[np.int64]:
        """(stop − start,) int64 of the tokens from ``start`` on."""
        first = start // self._inner
        flat = self._column.read(first, -(-stop // self._inner)).reshape(-1)
        return flat[start - first * self._inner : stop - first * self._inner].astype(np.int64)


def chunks(n: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges over n entries."""
    for start in range(0, n, CHUNK):
        yield start, min(start + CHUNK, n)
