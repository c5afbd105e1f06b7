"""How levels, steps and nulls are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath

from darkframe.report.text import share, shorten
from darkframe.results import TrackedCheckpoint, TrackedLevel, TrackedNull, TrackedStep

_SHORT = 12


def level_label(level: TrackedLevel) -> str:
    """``L0`` with its vigilance, where it has one: ``L0 (ρ 0.2)``."""
    return f"L{level.level}" if level.vigilance is None else f"L{level.level} (ρ {level.vigilance:g})"


def short_value(value: str) -> str:
    """A checkpoint's value as it fits under a tick: a path by its last part, without its ending."""
    name = PurePath(value).stem if "/" in value or "\\" in value else value
    return shorten(name, _SHORT)


def tokens_seen(checkpoint: TrackedCheckpoint) -> str:
    """Tokens that the SAE had seen, where the source says so: ``1.6 M``."""
    seen = checkpoint.details.get("tokens_seen")
    if not isinstance(seen, int) or seen <= 0:
        return ""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if seen >= size:
            return f"{seen / size:.3g} {unit}"
    return str(seen)


def mean(values: Sequence[float]) -> float:
    """The mean without NaN; NaN where nothing is left."""
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept) if kept else math.nan


def null_of(step: TrackedStep, name: str) -> TrackedNull | None:
    """A null of that name, where the step has it."""
    return next((null for null in step.nulls if null.name == name), None)


def passed_by_chance(step: TrackedStep) -> str:
    """Shares of unrelated rows that passed, in words: ``0.2 % isotropic, 0.4 % covariance``."""
    return ", ".join(f"{share(mean(null.passed))} {null.name}" for null in step.nulls)
