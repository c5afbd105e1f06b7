"""What a check says where a promise is broken, and where several are."""

from __future__ import annotations

from collections.abc import Mapping

from darkframe.errors import PluginError


class ChecksFailed(AssertionError):
    """Some promises of a contract are broken.

    Attributes:
        failures: For each failed check by name, what was wrong.
    """

    def __init__(self, subject: str, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        lines = "\n".join(f"- {name}: {reason}" for name, reason in failures.items())
        super().__init__(f"{subject} breaks {len(failures)} of its contract's promises:\n{lines}")


def require(holds: object, sentence: str) -> None:
    """Raise ``PluginError`` with a sentence unless something holds."""
    if not holds:
        raise PluginError(sentence)
