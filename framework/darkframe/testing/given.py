"""An object, or what makes one, that is not an installed plugin, as the checks see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from darkframe.deprecation import Deprecated
from darkframe.errors import UserError
from darkframe.plugin import ClustererInfo, DecomposerInfo, NoParams, PluginInfo, SourceInfo
from darkframe.registry import Found, Registry
from darkframe.testing.checks import ChecksFailed
from darkframe.testing.kit import KINDS, BoundCheck, Check, checks_for, run
from darkframe.testing.subject import Subject

_INFOS: dict[str, type[PluginInfo]] = {"source": SourceInfo, "decomposer": DecomposerInfo, "clusterer": ClustererInfo}


class GivenSubject(Subject):
    """What is at hand instead of installed; only the checks of its kind can be made, not those of every plugin.

    Args:
        kind: ``source``, ``decomposer`` or ``clusterer``.
        make: Makes a fresh one; of a source, given its context.
        info: What it would declare; else that of a plugin which gives everything.
    """

    def __init__(self, kind: str, make: Callable[..., Any], info: PluginInfo | None = None) -> None:
        self._make = make
        made = make() if kind != "source" else None
        name = type(made).__name__ if made is not None else "given"
        info = info or _INFOS[kind](name=_slug(name), target=f"given:{name}", summary="Not installed.")
        params = getattr(made, "params", None)
        super().__init__(Found(info, "", "", ""), NoParams() if params is None else params, Registry([], []))

    @property
    def target(self) -> type[Any]:
        """The class of what is at hand."""
        return type(self.source if self.kind == "source" else self._make())

    def make(self, **changed: Any) -> Any:
        """A fresh one.

        Raises:
            UserError: Parameters are to be changed, of something that has none that are known.
        """
        if changed:
            raise UserError("What is not installed has no parameters to change.")
        return self.open() if self.kind == "source" else self._make()

    def open(self, **context: Any) -> Any:
        """A source opened afresh."""
        return self._make(self.context(**context))


def applicable(subject: Subject) -> list[Check]:
    """The checks of its kind that apply to what is at hand."""
    own = set(KINDS[subject.kind])
    return [check for check in checks_for(subject.kind, subject.capabilities) if check in own]


def check_given(subject: Subject, title: str, leave_out: Collection[str] = ()) -> tuple[str, ...]:
    """Make every check of a kind that applies to what is at hand.

    Args:
        subject: What is checked.
        title: What to call it.
        leave_out: Names of checks that cannot be made.

    Returns:
        The names of the checks that were made, all passed.

    Raises:
        ChecksFailed: At least one failed; all of them are listed.
    """
    checks = [check for check in applicable(subject) if check.name not in leave_out]
    outcomes = [run(BoundCheck(check, subject)) for check in checks]
    if failures := {outcome.name: outcome.reason for outcome in outcomes if not outcome.good}:
        raise ChecksFailed(title, failures)
    return tuple(check.name for check in checks)


def as_functions(
    name: str, subject: Callable[[Any], GivenSubject], leave_out: Collection[str] = ()
) -> dict[str, Callable[[Any], None]]:
    """The deprecated form of a kind's checks: by name, functions of what is at hand.

    Args:
        name: What they were called, for the warning.
        subject: Makes the subject of what such a function is given; its kind has the checks.
        leave_out: Names of checks that cannot be made.
    """
    Deprecated(removed_in="0.3", instead="parametrize_with_checks").warn(f"darkframe.testing.{name}", stacklevel=4)
    kind = name.partition("_")[0].lower()
    return {check.name: partial(_make_check, check, subject) for check in KINDS[kind] if check.name not in leave_out}


def _make_check(check: Check, subject: Callable[[Any], GivenSubject], given: Any) -> None:
    bound = subject(given)
    if check in applicable(bound):
        check.function(bound)


def _slug(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "given"
