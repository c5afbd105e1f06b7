"""What is to go: who uses it is warned, with the version that removes it and what to use instead."""

from __future__ import annotations

import warnings
from dataclasses import dataclass


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

    def sentence(self, what: str, owner: str = "darkframe") -> str:
        """One that says what to do, such as ``x is deprecated, and darkframe 0.3 removes it; use y instead``."""
        instead = f"; use {self.instead} instead" if self.instead else ""
        return f"{what} is deprecated, and {owner} {self.removed_in} removes it{instead}."

    def warn(self, what: str, owner: str = "darkframe", *, stacklevel: int = 3) -> None:
        """Warn that ``what`` was used."""
        warnings.warn(self.sentence(what, owner), DarkframeDeprecationWarning, stacklevel=stacklevel)
