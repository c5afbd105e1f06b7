"""How levels, steps and nulls are written."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import PurePath

from darkframe.report.text import share
from darkframe.results import TrackedCheckpoint, TrackedLevel, TrackedNull, TrackedStep

_SHORT = 12
_PARTS = re.compile(r"[^\W_]+|[\W_]+")


def level_label(level: TrackedLevel) -> str:
    """``L0`` with its vigilance, where it has one: ``L0 (ρ 0.2)``."""
    return f"L{level.level}" if level.vigilance is None else f"L{level.level} (ρ {level.vigilance:g})"


def short_values(values: Sequence[str]) -> list[str]:
    """Checkpoints' values as they fit under a tick: paths by their last part if that tells them apart, without what all share."""
    names = [PurePath(value).stem if "/" in value or "\\" in value else value for value in values]
    names = names if len(set(names)) == len(names) else list(values)
    if max(map(len, names), default=0) > _SHORT and len(names) > 1:
        parts = [_PARTS.findall(name) for name in names]
        front, back = _alike(parts), _alike([each[::-1] for each in parts])
        kept = ["".join(each[front : len(each) - back]) for each in parts]
        names = kept if all(kept) else names
    return [name if len(name) <= _SHORT else "…" + name[1 - _SHORT :] for name in (each.strip("_-. ") or each for each in names)]


def _alike(parts: Sequence[Sequence[str]]) -> int:
    """How many of their first parts are the same."""
    return sum(1 for _ in itertools.takewhile(lambda each: len(set(each)) == 1, zip(*parts)))


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
