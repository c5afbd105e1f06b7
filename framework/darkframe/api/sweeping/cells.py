"""The cells of a sweep: the full product of its axes, each with the configuration of its run."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from darkframe.api.plan import Plan, new_plan
from darkframe.api.sweeping.grid import Raw, Swept, swept
from darkframe.config import Settings, merge
from darkframe.errors import ParameterError, UserError
from darkframe.registry import Registry
from darkframe.results.sweep import FAILED, WAITING, Axis

MOST = 2_000
"""Cells of a sweep at most."""

_SLUG = 60


@dataclass(frozen=True)
class Planned:
    """One cell before it runs.

    Attributes:
        number: From 1.
        texts: Its value on each axis.
        plan: Its run; None where these values do not go together.
        refused: Then why, in a sentence.
    """

    number: int
    texts: tuple[str, ...]
    plan: Plan | None
    refused: str = ""

    def record(self, folder: str) -> dict[str, Any]:
        """The cell as the sweep's manifest keeps it."""
        return {
            "number": self.number,
            "folder": folder,
            "values": self.texts,
            "status": WAITING if self.plan else FAILED,
            "error": self.refused,
            "seconds": None,
            "config": self.plan.config.record() if self.plan else None,
        }


@dataclass(frozen=True)
class SweepPlan:
    """A sweep before it runs."""

    axes: tuple[Axis, ...]
    cells: tuple[Planned, ...]

    @property
    def base(self) -> dict[str, str]:
        """Names of the plugins that all cells share, by kind."""
        chosen = [{kind: found.name for kind, found in cell.plan.plugins.items()} for cell in self.cells if cell.plan]
        return {kind: name for kind, name in chosen[0].items() if all(other.get(kind) == name for other in chosen)}

    @property
    def stem(self) -> str:
        """What the sweep's folder is called, but for its number: ``taxonomy-tiny-smart``."""
        studies = {study for cell in self.cells if cell.plan for study in cell.plan.config.studies}
        named = ["both" if len(studies) > 1 else next(iter(studies)), *self.base.values()]
        return "-".join(name.replace(":", "-") for name in named)

    def records(self) -> list[dict[str, Any]]:
        """The cells as the manifest keeps them."""
        return [cell.record(f"{cell.number:03d}-{_slug(self.axes, cell.texts)}") for cell in self.cells]


def plan_sweep(settings: Settings, chosen: Settings, raw: Raw, registry: Registry) -> SweepPlan:
    """Check a sweep as a whole, and plan every cell.

    Args:
        settings: What all cells share, merged over all layers.
        chosen: Those of the settings that were given explicitly, which the grid must not contradict.
        raw: The grid.
        registry: The plugins there are.

    Raises:
        UserError: Something cannot be used as it is; nothing has run yet.
    """
    if not raw:
        raise UserError("A sweep needs a grid.", hint="Give one with --grid, such as --grid pca_dims=none,32,64.")
    for kind, key in raw:
        if key in chosen.get(kind, {}):
            raise UserError(f"{kind}.{key} is both set and swept.", hint="Leave it out of one of the two.")
    bare = merge({kind: {k: v for k, v in values.items() if (kind, k) not in raw} for kind, values in settings.items()})
    axes = swept(raw, bare, registry)
    count = math.prod(len(each.axis.texts) for each in axes)
    if count > MOST:
        raise UserError(f"The grid has {count:,} cells; a sweep takes at most {MOST:,}.", hint="Give fewer values.")
    numbers = itertools.product(*(range(len(each.axis.texts)) for each in axes))
    made = [_cell(number, places, bare, axes, registry) for number, places in enumerate(numbers, start=1)]
    _refuse_hopeless(made, axes)
    cells = tuple(cell if isinstance(cell, Planned) else cell[0] for cell in made)
    return SweepPlan(tuple(each.axis for each in axes), cells)


def _cell(
    number: int, places: Sequence[int], settings: Settings, axes: Sequence[Swept], registry: Registry
) -> Planned | tuple[Planned, UserError]:
    """The cell; where its values do not go together, with the error that says why."""
    texts = tuple(each.axis.texts[place] for each, place in zip(axes, places))
    named = {each.key: each.axis.values[place] for each, place in zip(axes, places) if each.kind == "run"}
    own: dict[str, dict[str, Any]] = {}
    for each, place in zip(axes, places):
        own.setdefault(each.kind, {})[each.key] = each.value(place, str(named.get(each.kind, "")))
    try:
        return Planned(number, texts, new_plan(merge(settings, own), registry))
    except UserError as error:
        return Planned(number, texts, None, str(error)), error


def _refuse_hopeless(made: Sequence[Planned | tuple[Planned, UserError]], axes: Sequence[Swept]) -> None:
    """Refuse the sweep where all cells are refused, or all cells that have a certain value: that is a mistake of its own."""
    errors = {cell[0].number: cell[1] for cell in made if isinstance(cell, tuple)}
    if len(errors) == len(made):
        raise errors[1]
    cells = [cell[0] if isinstance(cell, tuple) else cell for cell in made]
    for place, each in enumerate(axes):
        for text in each.axis.texts:
            having = [cell.number for cell in cells if cell.texts[place] == text]
            if all(number in errors for number in having):
                error = errors[having[0]]
                raise ParameterError(f"The grid's value {each.axis.name}={text} cannot be used: {error.message}", hint=error.hint)


def _slug(axes: Sequence[Axis], texts: Sequence[str]) -> str:
    told = "-".join(f"{axis.title}-{text}" for axis, text in zip(axes, texts))
    return re.sub(r"[^a-z0-9.]+", "-", told.lower()).strip("-.")[:_SLUG].rstrip("-.")
