"""The parameters a dataclass declares with ``darkframe.param``: name, type, bounds, default, help."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.config.forms import Form, Many, OneOf, form_of, with_paths
from darkframe.deprecation import Deprecated
from darkframe.errors import ParameterError


@dataclass(frozen=True)
class Bounds:
    """Bounds on a number, or on each number of a list."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def words(self) -> str:
        """Such as `` ≥ 1 and < 10``; empty without bounds."""
        pairs = (("≥", self.ge), (">", self.gt), ("≤", self.le), ("<", self.lt))
        told = [f"{sign} {bound:,g}" if abs(bound) < 1e6 else f"{sign} {bound:,}" for sign, bound in pairs if bound is not None]
        return " " + " and ".join(told) if told else ""

    def hold(self, value: Any) -> bool:
        """Whether every number in ``value`` lies within."""
        if isinstance(value, tuple):
            return all(self.hold(part) for part in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        below = (self.ge is not None and value < self.ge) or (self.gt is not None and value <= self.gt)
        above = (self.le is not None and value > self.le) or (self.lt is not None and value >= self.lt)
        return not (below or above)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    Attributes:
        name: The field's name.
        type: Its annotation as written, such as ``int | None``.
        form: How values are read.
        default: The default value.
        help: One line.
        bounds: On numbers.
        unit: Such as ``tokens``.
        deprecated: Where it is to go.
    """

    name: str
    type: str
    form: Form
    default: Any
    help: str
    bounds: Bounds
    unit: str
    deprecated: Deprecated | None = None

    @property
    def accepts(self) -> str:
        """What is accepted, in words: ``an integer ≥ 1 or none``."""
        return self.form.words(self.bounds.words())

    @property
    def default_text(self) -> str:
        """The default as ``--set`` would take it."""
        return as_text(self.default)

    def read(self, value: Any, label: str) -> Any:
        """Checked value of the parameter's type.

        Args:
            value: Text as ``--set`` gives it, or a Python or TOML value.
            label: What to call the parameter in an error, such as ``decomposer.n_components``.

        Raises:
            ParameterError: The value is of the wrong type or out of range; says what is accepted, with the default.
        """
        plain = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value  # numpy scalars
        try:
            read = self.form.read(plain)
        except ValueError:
            read, understood = None, False
        else:
            understood = self.bounds.hold(read)
        if not understood:
            raise ParameterError(f"{label} must be {self.accepts}, not {shown(value)} (default: {self.default_text}).")
        return read


def parameters(params: type[Any]) -> dict[str, Parameter]:
    """Parameters of a dataclass, in order.

    Raises:
        TypeError: A field is not made with ``darkframe.param``, is of an impossible type, or refuses its own default.
    """
    hints = typing.get_type_hints(params)
    found = {}
    for field in dataclasses.fields(params):
        if "darkframe" not in field.metadata:
            raise TypeError(f"field {field.name!r} of {params.__name__} must be made with darkframe.param")
        found[field.name] = _parameter(field, hints[field.name])
    return found


def _parameter(field: dataclasses.Field[Any], hint: Any) -> Parameter:
    declared = field.metadata["darkframe"]
    bounds = Bounds(*(declared[name] for name in ("ge", "gt", "le", "lt")))
    written = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    form = form_of(hint)
    if declared["choices"]:
        form = Many(OneOf(declared["choices"])) if isinstance(form, Many) else OneOf(declared["choices"])
    if declared["may_be"]:
        form = with_paths(form, folders=declared["may_be"] == "folder")
    parameter = Parameter(
        field.name, written, form, field.default, declared["help"], bounds, declared["unit"], declared.get("deprecated")
    )
    try:
        if not isinstance(field.default, Path):  # a default path may stay relative
            parameter.read(field.default, field.name)
    except ParameterError as error:
        raise TypeError(f"the default of {field.name!r} breaks its own declaration: {error.message}") from None
    return parameter


def as_text(value: Any) -> str:
    """Value as ``--set`` would take it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(as_text(part) for part in value)
    return str(value)


def shown(value: Any) -> str:
    """Value for an error message: short, on one line, quotes around text."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
