"""The conformance kit in pytest: one test a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darkframe.testing.kit import checks_of
from darkframe.testing.subject import Subject

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(*subjects: Subject) -> pytest.MarkDecorator:
    """Parametrise a test with every check of some plugins, as scikit-learn's decorator of that name does.

    Checks that a plugin declares to fail (``expected_failures``) are strict expected failures: one that passes fails the test.
    With other parameters than the defaults they may pass.

    ``darkframe.testing`` shows it in use.

    Raises:
        UserError: A plugin expects a check to fail that does not apply to it, or gives no reason.
    """
    import pytest

    cases: list[Any] = []
    for subject in subjects:
        for check in checks_of(subject):
            marks = [] if check.expected is None else [pytest.mark.xfail(strict=check.strict, reason=check.expected)]
            cases.append(pytest.param(check, id=repr(check), marks=marks))
    return pytest.mark.parametrize("check", cases)
