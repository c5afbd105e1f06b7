"""The conformance kit: which checks a plugin has to pass, and what becomes of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from darkframe.errors import DarkframeError, HubAwayError, UserError
from darkframe.testing.subject import Subject

Function = Callable[[Subject], None]


@dataclass(frozen=True)
class Check:
    """One promise of a contract.

    Attributes:
        name: Says what holds, such as ``labels_have_their_shape``.
        function: Raises where it does not hold.
        needs: What a plugin must have for it to apply (``CAPABILITIES``).
    """

    name: str
    function: Function
    needs: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """The promise in a sentence: the first line of its docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


class Checks:
    """The checks of one kind of plugin, in order; used as a decorator: ``@CLUSTERER()`` or ``@CLUSTERER("predict")``."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def __call__(self, *needs: str) -> Callable[[Function], Function]:
        """Add a check that applies where the plugin has all of ``needs``."""

        def add(function: Function) -> Function:
            name = function.__name__
            if name in self._checks:
                raise ValueError(f"there is a check {name!r} already")
            self._checks[name] = Check(name, function, frozenset(needs))
            return function

        return add

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __len__(self) -> int:
        return len(self._checks)


OPENS = "opens"
"""What a check needs that any source passes which can be opened as it is set, whatever it gives."""

GENERAL = Checks()
"""Checks of every plugin."""

SOURCE = Checks()
"""Checks of sources."""

DECOMPOSER = Checks()
"""Checks of decomposers."""

CLUSTERER = Checks()
"""Checks of clusterers."""

KINDS: Mapping[str, Checks] = {"source": SOURCE, "decomposer": DECOMPOSER, "clusterer": CLUSTERER}


@dataclass(frozen=True)
class BoundCheck:
    """A check of one plugin; call it to make it."""

    check: Check
    subject: Subject

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name

    @property
    def expected(self) -> str | None:
        """Why the plugin declares that this check fails; None where it does not."""
        return self.subject.found.info.expected_failures.get(self.name)

    @property
    def strict(self) -> bool:
        """Whether it must fail if it is declared to: with the default parameters, which is what plugins declare it of."""
        return bool(self.subject.params == self.subject.found.info.params())

    def __call__(self) -> None:
        """Make the check.

        Raises:
            Exception: The promise is broken; ``PluginError`` with a sentence where the check itself found so.
        """
        self.check.function(self.subject)

    def __repr__(self) -> str:
        return f"{self.subject.found.name}-{self.name}"


def checks_for(kind: str, capabilities: Collection[str]) -> list[Check]:
    """The checks that a plugin of that kind with those capabilities has to pass, in order."""
    has = {*capabilities, OPENS} if capabilities else set()  # what gives anything was opened
    return [check for check in (*GENERAL, *KINDS[kind]) if check.needs <= has]


def number_of_checks(kind: str, *capabilities: str) -> int:
    """How many checks a plugin has to pass: the expected length of ``checks_of``.

    A plugin's own tests name its capabilities here, so that one that is lost, or a plugin that no longer loads, is noticed.

    Raises:
        UserError: There is no such kind or capability.
    """
    from darkframe.testing.capabilities import CAPABILITIES

    if kind not in CAPABILITIES:
        raise UserError(f"There is no kind {kind!r} of plugin; there are {', '.join(CAPABILITIES)}.")
    if unknown := sorted(set(capabilities) - set(CAPABILITIES[kind])):
        raise UserError(
            f"A {kind} cannot have {', '.join(unknown)}; it may have {', '.join(CAPABILITIES[kind]) or 'nothing more'}."
        )
    return len(checks_for(kind, capabilities))


def checks_of(subject: Subject) -> list[BoundCheck]:
    """The checks that apply to a plugin, in order.

    Raises:
        UserError: It expects a check to fail that there is not, or that does not apply to it, or without a reason.
    """
    bound = [BoundCheck(check, subject) for check in checks_for(subject.kind, subject.capabilities)]
    expected = subject.found.info.expected_failures
    if unknown := sorted(set(expected) - {check.name for check in bound}):
        raise UserError(f"The {subject!r} expects {', '.join(unknown)} to fail, but no check of that name applies to it.")
    if silent := sorted(name for name, reason in expected.items() if not reason.strip()):
        raise UserError(f"The {subject!r} expects {', '.join(silent)} to fail, but gives no reason.")
    return bound


@dataclass(frozen=True)
class Outcome:
    """What became of one check.

    Attributes:
        name: The check's.
        status: ``passed``, ``failed``, ``expected`` (failed, as the plugin declares), ``unexpected`` (passed, though it declares
            the opposite), ``left out`` (it needs what the hub has and this machine has not).
        reason: Why it failed, was expected to or was left out; empty where it passed.
        details: The traceback of a failure.
    """

    name: str
    status: str
    reason: str = ""
    details: str = ""

    @property
    def good(self) -> bool:
        """Whether the plugin does what it declares."""
        return self.status in ("passed", "expected", "left out")


def run(check: BoundCheck) -> Outcome:
    """Make one check; an exception in it is an outcome, not an error."""
    expected = check.expected
    try:
        check()
    except HubAwayError as error:
        return Outcome(check.name, "left out", str(error))
    except (Exception, SystemExit) as error:  # whatever the plugin raises is a finding
        reason = str(error) if isinstance(error, DarkframeError) else _unforeseen(error)
        details = "".join(traceback.format_exception(error))
        return (
            Outcome(check.name, "failed", reason, details)
            if expected is None
            else Outcome(check.name, "expected", expected, details)
        )
    if expected is not None and check.strict:
        return Outcome(check.name, "unexpected", f"It passes, but is declared to fail: {expected}")
    return Outcome(check.name, "passed")


def _unforeseen(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())
    return (
        f"It raised {type(error).__name__}{': ' + said if said else ''} ({place.name}, line {place.lineno} of {place.filename})."
    )
