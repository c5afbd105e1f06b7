"""What is swept: ``--grid clusterer.rho=0.1,0.3``, ``grid={"pca_dims": [None, 32]}`` and a config file's ``[grid]``, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.config import RunOptions, Settings, StudyParams, TaxonomyParams, build, parameters, parse_name
from darkframe.config.forms import AnyOf, Form, Many
from darkframe.config.grid import parse_values, read_values
from darkframe.config.parameters import Parameter, as_text
from darkframe.errors import ParameterError, UserError
from darkframe.registry import Registry
from darkframe.results.sweep import Axis

Given = Mapping[str, Any] | Iterable[str]
"""As ``darkframe.sweep`` takes it."""

Raw = dict[tuple[str, str], Any]
"""(kind, key) → text with the values, or a sequence of them."""

_PLUGINS = ("source", "decomposer", "clusterer")
_SHARED: Mapping[str, type[Any]] = {"run": RunOptions, "study": StudyParams, "taxonomy": TaxonomyParams}
_LISTS = (
    "a value of it is itself a list, so that values are separated by ';': --grid '{name}=0.2,0.8;0.2,0.5,0.8' are two cells. "
    "For one list in all cells, use --set"
)


@dataclass(frozen=True)
class Swept:
    """One axis, and what its values are to each plugin that the cells use.

    Attributes:
        axis: Its record.
        kind, key: Of the parameter.
        readings: Values by the name of the plugin that reads them; under ``""`` where there is but one reading.
    """

    axis: Axis
    kind: str
    key: str
    readings: Mapping[str, tuple[Any, ...]]

    def value(self, number: int, plugin: str) -> Any:
        """The value of that number, as that plugin reads it."""
        return self.readings.get(plugin, self.readings.get("", self.axis.values))[number]


def raw_grid(given: Given | None, file: Mapping[str, Any]) -> Raw:
    """The grid as the user gave it; what is given explicitly replaces what the config file has under the same name.

    Raises:
        ParameterError: A name is unknown or given twice, or a value is no list.
    """
    return _of_mapping(file) | (_of_mapping(given) if isinstance(given, Mapping) else _of_items(given))


def _of_items(given: Iterable[str] | None) -> Raw:
    raw: Raw = {}
    for item in [given] if isinstance(given, str) else given or ():
        kind, key, text = parse_values(item, "--grid")
        _add(raw, (kind, key), text)
    return raw


def _of_mapping(given: Mapping[str, Any]) -> Raw:
    raw: Raw = {}
    for name, values in given.items():
        inner = {f"{name}.{key}": value for key, value in values.items()} if isinstance(values, Mapping) else {name: values}
        for full, value in inner.items():
            _add(raw, parse_name(full), _several(full, value))
    return raw


def _several(name: str, values: Any) -> str | Sequence[Any]:
    plain = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(plain, str):
        return plain
    if not isinstance(plain, list | tuple | range):
        raise ParameterError(f"The grid of {name} must be a list of values, not {values!r}.")
    return list(plain)


def _add(raw: Raw, name: tuple[str, str], values: Any) -> None:
    if name in raw:
        raise ParameterError(f"The grid of {'.'.join(name)} is given twice; give all its values at once.")
    raw[name] = values


def swept(raw: Raw, settings: Settings, registry: Registry) -> tuple[Swept, ...]:
    """The axes, every value checked against the declaration of each plugin that it is for.

    Args:
        raw: As ``raw_grid`` gives it.
        settings: What all cells share; says which plugins there are.
        registry: The plugins there are.

    Raises:
        UserError: A parameter or plugin is unknown, a value is refused or given twice; says which.
    """
    plugins = _plugins(raw, settings, registry)
    titles = [key for _, key in raw]
    made = []
    for (kind, key), values in raw.items():
        name = f"{kind}.{key}"
        readings = {owner: _read(declared, values, name) for owner, declared in _declared(kind, key, plugins).items()}
        first = next(iter(readings.values()))
        texts = tuple(as_text(value) for value in first)
        _refuse_repeats(name, texts)
        title = key if titles.count(key) == 1 else name
        made.append(Swept(Axis(name, title, tuple(_plain(value) for value in first), texts), kind, key, readings))
    return tuple(made)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _plugins(raw: Raw, settings: Settings, registry: Registry) -> dict[str, dict[str, type[Any]]]:
    """For each kind, the parameter classes of the plugins that the cells use, by name."""
    options = build(RunOptions, settings["run"], kind="run", owner="run")
    found: dict[str, dict[str, type[Any]]] = {}
    for kind in _PLUGINS:
        names: Sequence[str | None] = [getattr(options, kind)]
        if ("run", kind) in raw:
            names = _read(parameters(RunOptions)[kind], raw["run", kind], f"run.{kind}")
        found[kind] = {name: registry.get(kind, name).info.params for name in names if name is not None}
    if not found["decomposer"] and not found["clusterer"] and ("run", "decomposer") not in raw:
        from darkframe.api.plan import DECOMPOSER

        found["decomposer"] = {DECOMPOSER: registry.get("decomposer", DECOMPOSER).info.params}
    return found


def _declared(kind: str, key: str, plugins: Mapping[str, Mapping[str, type[Any]]]) -> dict[str, Parameter]:
    """The parameter, by the name of the plugin that declares it (``""`` for those of the run and the studies)."""
    if kind in _SHARED:
        return {"": _parameter(_SHARED[kind], key, kind, {"taxonomy": "taxonomy study"}.get(kind, kind))}
    if not plugins[kind]:
        raise UserError(f"The grid has {kind}.{key}, but the runs have no {kind}.", hint=f"Name one with --{kind}.")
    return {name: _parameter(params, key, kind, f"{kind} {name!r}") for name, params in plugins[kind].items()}


def _parameter(params: type[Any], key: str, kind: str, owner: str) -> Parameter:
    declared = parameters(params)
    if key not in declared:
        build(params, {key: None}, kind=kind, owner=owner)  # raises, with the nearest names and all that there are
    return declared[key]


def _read(parameter: Parameter, values: Any, name: str) -> tuple[Any, ...]:
    if isinstance(values, str) and _only_lists(parameter.form) and "," in values and ";" not in values:
        raise ParameterError(f"{name} cannot be swept over {values!r}: {_LISTS.format(name=name)}.")
    return read_values(parameter, values, name)


def _only_lists(form: Form) -> bool:
    return isinstance(form, Many) or (isinstance(form, AnyOf) and any(isinstance(member, Many) for member in form.members))


def _refuse_repeats(name: str, texts: Sequence[str]) -> None:
    repeated = [text for number, text in enumerate(texts) if text in texts[:number]]
    if repeated:
        raise ParameterError(f"The grid of {name} has the value {repeated[0]} twice.")
