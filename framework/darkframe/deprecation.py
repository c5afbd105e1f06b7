"""What is to go: who uses it is warned, with the version that removes it and what to use instead."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass

_VERSION = re.compile(r"\d+(\.\d+)*")


class DarkframeDeprecationWarning(FutureWarning):
    """Something of darkframe, or of a plugin, that a later version removes; a FutureWarning, so that users see it."""


@dataclass(frozen=True)
class Deprecated:
    """That something is to go.

    Attributes:
        removed_in: Version that removes it, such as ``0.3``: of darkframe, or of the plugin's own distribution.
        instead: What to use instead, such as ``decomposer.n_components``; empty: nothing takes its place.
    """

    removed_in: str
    instead: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.removed_in, str) or not _VERSION.fullmatch(self.removed_in):
            raise ValueError(f"removed_in must be a version, such as '0.3', not {self.removed_in!r}")

    def sentence(self, what: str, owner: str = "darkframe") -> str:
        """One that says what to do, such as ``x is deprecated, and darkframe 0.3 removes it; use y instead``."""
        instead = f"; use {self.instead} instead" if self.instead else ""
        return f"{what} is deprecated, and {owner} {self.removed_in} removes it{instead}."

    def warn(self, what: str, owner: str = "darkframe", *, stacklevel: int | None = None) -> str:
        """Warn that ``what`` was used.

        Args:
            what: What begins the sentence.
            owner: The distribution that removes it.
            stacklevel: As ``warnings.warn`` takes it, seen from here; None: the line outside darkframe that led here.

        Returns:
            The sentence.
        """
        sentence = self.sentence(what, owner)
        warnings.warn(sentence, DarkframeDeprecationWarning, stacklevel=stacklevel or _levels_to_outside())
        return sentence


def _levels_to_outside() -> int:
    """How many frames above ``warn`` the first lies that is not of darkframe; ``warn`` itself is 1."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and f"{frame.f_globals.get('__name__', '')}.".startswith("darkframe."):
        level, frame = level + 1, frame.f_back
    return level
