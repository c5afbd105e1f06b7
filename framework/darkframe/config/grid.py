"""Several values of one parameter, as ``--grid`` and ``--over`` take them: ``KIND.KEY=V1,V2,…``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from darkframe.config.forms import AnyOf, Form, Many
from darkframe.config.parameters import Parameter
from darkframe.config.places import Anchored, split
from darkframe.config.settings import parse_name
from darkframe.errors import ParameterError


def parse_values(item: str, option: str) -> tuple[str, str, str]:
    """Kind, key and the text of the values of ``kind.key=V1,V2``.

    Args:
        item: As given.
        option: What to call the option in an error, such as ``--grid``.

    Raises:
        ParameterError: It does not read so, or its kind is unknown.
    """
    name, equals, text = item.partition("=")
    if not equals:
        raise ParameterError(f"{option} takes KIND.KEY=V1,V2,…, such as clusterer.rho=0.1,0.3,0.5; {item!r} has no '='.")
    kind, key = parse_name(name.strip())
    return kind, key, Anchored.of(text.strip(), item.folder) if isinstance(item, Anchored) else text.strip()


def read_values(parameter: Parameter, values: str | Sequence[Any], label: str) -> tuple[Any, ...]:
    """Values of a parameter, each checked against its declaration.

    Text is split at commas; where a value may itself be a list, at semicolons: ``0.2,0.8;0.2,0.5,0.8``.

    Args:
        parameter: What it is declared as.
        values: Text, or a sequence with a value (or its text) each.
        label: What to call the parameter in an error, such as ``clusterer.rho``.

    Raises:
        ParameterError: There are none, one is empty, or one is refused.
    """
    given: Sequence[Any] = _split(parameter.form, values) if isinstance(values, str) else list(values)
    if not given or any(isinstance(value, str) and not value for value in given):
        raise ParameterError(f"{label} is given an empty value in {values!r}.")
    return tuple(parameter.read(value, label) for value in given)


def _split(form: Form, text: str) -> list[str]:
    if not _holds_lists(form):
        return split(text)
    parts = [part.strip() for part in text.split(";")] if text.strip() else []
    return [Anchored.of(part, text.folder) for part in parts] if isinstance(text, Anchored) else parts


def _holds_lists(form: Form) -> bool:
    return isinstance(form, Many) or (isinstance(form, AnyOf) and any(_holds_lists(member) for member in form.members))
