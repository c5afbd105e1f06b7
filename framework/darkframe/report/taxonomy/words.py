"""How clusters are written: their names, their tokens on one line, what a figure is by chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from darkframe.report.text import token_text
from darkframe.results import Level, LevelQuality, NullLevel, Vote

Figure = Callable[[LevelQuality], float]


def cluster_name(level: int, cluster: int) -> str:
    """``L0:3``; noise is said so."""
    return f"L{level} noise" if cluster < 0 else f"L{level}:{cluster}"


def tokens_line(tokens: Iterable[str], most: int | None = None) -> str:
    """Tokens side by side, each inert; at most ``most``."""
    texts = [token_text(token) for token in tokens]
    return "  ".join(texts[:most])


def votes_line(votes: Iterable[Vote], most: int | None = None) -> str:
    """Tokens with how many members have each."""
    texts = [f"{token_text(vote.text)} ×{vote.members:,}" for vote in votes]
    return "  ".join(texts[:most])


def mean_of(values: Iterable[float]) -> float:
    """The mean without NaN; NaN where nothing is left."""
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept) if kept else math.nan


def null_mean(null: NullLevel, figure: Figure) -> float:
    """Mean of a figure over a null's draws."""
    return mean_of(figure(draw) for draw in null.draws)


def by_chance(level: Level, figure: Figure, written: Callable[[float], str], names: Sequence[str] = ()) -> str:
    """A figure under each null, in words: ``0.012 isotropic, 0.11 covariance``."""
    shown = [(null.name, null_mean(null, figure)) for null in level.nulls if not names or null.name in names]
    return ", ".join(f"{written(value)} {name}" for name, value in shown if not math.isnan(value))


def has_noise(level: Level) -> bool:
    """Whether features of the level are in no cluster, or rows without structure would be."""
    return level.noise > 0 or any(draw.noise > 0 for null in level.nulls for draw in null.draws)


def level_label(level: Level) -> str:
    """``L0`` with its vigilance, where it has one: ``L0 (ρ 0.2)``."""
    return f"L{level.level}" if level.vigilance is None else f"L{level.level} (ρ {level.vigilance:g})"
