"""From settings to a parameter dataclass, and from it to JSON."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from darkframe.config.parameters import parameters
from darkframe.errors import ParameterError

Params = TypeVar("Params")


def build(params: type[Params], values: Mapping[str, Any], *, kind: str, owner: str) -> Params:
    """An instance of ``params`` with ``values`` over its defaults.

    Args:
        params: A dataclass made with ``darkframe.param``.
        values: Names to text or Python values.
        kind: ``source``, ``decomposer``, ``clusterer``, ``study`` or ``run``: the first half of ``kind.key``.
        owner: What to call its owner in an error, such as ``decomposer 'fastica'``.

    Raises:
        ParameterError: An unknown name (with the nearest ones and everything accepted), or a value that is refused.
    """
    declared = parameters(params)
    for key in values:
        if key not in declared:
            raise ParameterError(_unknown(params, key, kind, owner))
    read = {key: declared[key].read(value, f"{kind}.{key}") for key, value in values.items()}
    try:
        return params(**read)
    except (ValueError, TypeError) as error:  # a check of the dataclass's own
        raise ParameterError(f"Parameters of the {owner} were refused: {error}.") from error


def _unknown(params: type[Any], key: str, kind: str, owner: str) -> str:
    declared = parameters(params)
    if not declared:
        return f"The {owner} has no parameter {key!r}; it takes none."
    accepted = "; ".join(f"{kind}.{p.name} ({p.accepts}, default {p.default_text})" for p in declared.values())
    return f"The {owner} has no parameter {key!r}.{did_you_mean(key, declared)} Accepted: {accepted}."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x' or 'y'?``, or nothing where no name is near."""
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


def to_record(params: Any) -> dict[str, Any]:
    """JSON-serialisable record of a parameter dataclass; ``build`` reads it back to an equal instance."""
    return {field.name: _plain(getattr(params, field.name)) for field in dataclasses.fields(params)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
