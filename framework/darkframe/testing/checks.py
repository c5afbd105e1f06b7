"""Running named checks and listing those that fail."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

from darkframe.errors import PluginError

T = TypeVar("T")


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


def run_checks(subject: str, checks: Mapping[str, Callable[[T], None]], argument: T) -> tuple[str, ...]:
    """Run every check on ``argument``.

    Returns:
        Names of the checks, all passed.

    Raises:
        ChecksFailed: At least one failed.
    """
    failures: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check(argument)
        except PluginError as error:
            failures[name] = str(error)
        except Exception as error:  # a plugin's own failure is a finding, and the other checks still say something
            failures[name] = f"raised {type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1]})"
    if failures:
        raise ChecksFailed(subject, failures)
    return tuple(checks)
