"""Checks that any decomposer must pass, on small planted rows."""

from __future__ import annotations

from collections.abc import Callable

from darkframe.interfaces import Decomposer

from darkframe.testing.decomposers import results, input, work  # noqa: F401  (they add their checks)  # isort: skip
from darkframe.testing.given import GivenSubject, check_given


def check_decomposer(make: Callable[[], Decomposer]) -> tuple[str, ...]:
    """Check a decomposer that need not be installed against its contract.

    Args:
        make: Makes a fresh one, for instance ``lambda: MyDecomposer(MyParams())``. Where it has ``params``, their
            ``n_components`` counts as its own number of components.

    Returns:
        The names of the checks.

    Raises:
        ChecksFailed: It breaks promises; all of them are listed.
    """
    return check_given(GivenSubject("decomposer", make), type(make()).__name__)
