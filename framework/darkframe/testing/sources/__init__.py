"""Checks that any source must pass; each reads at most a few batches."""

from __future__ import annotations

from collections.abc import Callable

from darkframe.interfaces import Source, SourceContext
from darkframe.testing.given import GivenSubject, check_given

from darkframe.testing.sources import opening, parts, batches, dictionary, extras  # noqa: F401  (they add checks)  # isort: skip

OPENED_AGAIN = ("openings_agree", "opening_reports_properly", "opening_says_nothing", "ctrl_c_ends_the_opening")
"""Checks that open the source afresh."""


def check_source(source: Source, make: Callable[[SourceContext], Source] | None = None) -> tuple[str, ...]:
    """Check a source that need not be installed against its contract, as far as it gives what the contract speaks of.

    Args:
        source: The source.
        make: Opens another one like it; without it, the checks that compare two (``OPENED_AGAIN``) are left out.

    Returns:
        The names of the checks that were made; those that need what the source lacks are left out.

    Raises:
        ChecksFailed: It breaks promises; all of them are listed.
    """
    subject = given_source(source, make)
    return check_given(subject, type(source).__name__, OPENED_AGAIN if make is None else ())


def given_source(source: Source, make: Callable[[SourceContext], Source] | None = None) -> GivenSubject:
    """A source at hand, as the checks see it."""
    subject = GivenSubject("source", make or (lambda context: source))
    subject.source = source
    return subject
