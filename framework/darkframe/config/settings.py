"""What the user set, by kind and key, before it meets the plugins' declarations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from darkframe.config.build import did_you_mean
from darkframe.config.parameters import parameters
from darkframe.config.places import anchor
from darkframe.config.records import RunOptions, StudyParams
from darkframe.config.taxonomy import TaxonomyParams
from darkframe.errors import ParameterError, UserError

KINDS = ("run", "source", "decomposer", "clusterer", "study", "taxonomy")

Settings = dict[str, dict[str, Any]]
"""kind → key → value."""


def parse_set(items: Iterable[str]) -> Settings:
    """Settings of ``kind.key=value`` strings; a later one overrides an earlier one.

    Raises:
        ParameterError: An item does not read so, or its kind is unknown.
    """
    settings: Settings = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise ParameterError(f"--set takes KIND.KEY=VALUE, such as decomposer.n_components=32; {item!r} has no '='.")
        kind, key = parse_name(name.strip())
        settings.setdefault(kind, {})[key] = value.strip()
    return settings


def read_mapping(mapping: Mapping[str, Any]) -> Settings:
    """Settings of ``{"decomposer.n_components": 32}`` or ``{"decomposer": {"n_components": 32}}``, also mixed.

    Raises:
        ParameterError: A name or kind is unknown.
    """
    settings: Settings = {}
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            _check_kind(name)
            settings.setdefault(name, {}).update(value)
        else:
            kind, key = parse_name(name)
            settings.setdefault(kind, {})[key] = value
    return settings


def read_file(path: Path, *, besides: str = "") -> Settings:
    """Settings of a TOML file, whose tables are the ``KINDS``.

    Text in it is ``Anchored``: paths start from the file's folder.

    Args:
        path: The file.
        besides: A further table that it may have, such as a sweep's ``grid``.

    Raises:
        UserError: The file cannot be read or is not TOML.
        ParameterError: It holds something else.
    """
    known = (*KINDS, besides) if besides else KINDS
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"The config file {path} cannot be read: {reason}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The config file {path} is not valid TOML: {error}.") from error
    for name, table in content.items():
        if not isinstance(table, dict):
            raise ParameterError(f"{name!r} in {path} stands outside a table; the tables are {_tables(known)}.")
        if name not in known:
            raise ParameterError(f"Unknown table [{name}] in {path}.{did_you_mean(name, known)} The tables are {_tables(known)}.")
    folder = path.absolute().parent
    return {name: {key: anchor(value, folder) for key, value in table.items()} for name, table in content.items()}


def merge(*layers: Settings) -> Settings:
    """Settings of all layers; later ones override earlier ones."""
    merged: Settings = {kind: {} for kind in KINDS}
    for layer in layers:
        for kind, values in layer.items():
            merged[kind].update(values)
    return merged


def parse_name(name: str) -> tuple[str, str]:
    """Kind and key of ``kind.key``, or of a bare key that only the run, the study or the taxonomy has.

    Raises:
        ParameterError: It reads otherwise.
    """
    kind, dot, key = name.partition(".")
    if not dot and (owner := _owner(name)):
        return owner, name
    if not dot or not key:
        raise ParameterError(f"{name!r} must read KIND.KEY, such as decomposer.n_components; KIND is one of {', '.join(KINDS)}.")
    _check_kind(kind)
    return kind, key


def _owner(key: str) -> str | None:
    """The study or run option that a bare name belongs to, if it is one only: ``pca_dims`` is ``taxonomy.pca_dims``."""
    declared = {"run": RunOptions, "study": StudyParams, "taxonomy": TaxonomyParams}
    owners = [kind for kind, params in declared.items() if key in parameters(params)]
    return owners[0] if len(owners) == 1 else None


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ParameterError(f"Unknown kind {kind!r}.{did_you_mean(kind, KINDS)} Parameters belong to one of {', '.join(KINDS)}.")


def _tables(known: Iterable[str]) -> str:
    return ", ".join(f"[{kind}]" for kind in known)
