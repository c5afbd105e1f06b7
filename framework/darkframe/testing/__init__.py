"""What plugin authors test with: the conformance kit, one named check for each promise of a contract.

```python
from darkframe.testing import checks_of, number_of_checks, parametrize_with_checks, subject

PLUGIN = subject("clusterer", "my-kmeans", n_clusters=3)

@parametrize_with_checks(PLUGIN)
def test_the_contract(check):
    check()

def test_no_check_was_left_out():
    assert len(checks_of(PLUGIN)) == number_of_checks("clusterer", "predict")
```

``darkframe check`` runs the same checks on what is installed.
"""

from __future__ import annotations

from typing import Any

from darkframe.testing import clusterers, decomposers, general, sources  # noqa: F401  (they add their checks)
from darkframe.testing.capabilities import CAPABILITIES
from darkframe.testing.checks import ChecksFailed
from darkframe.testing.decomposers import check_decomposer
from darkframe.testing.given import GivenSubject, as_functions
from darkframe.testing.kit import BoundCheck, Check, Outcome, checks_for, checks_of, number_of_checks, run
from darkframe.testing.parametrize import parametrize_with_checks
from darkframe.testing.sources import check_source
from darkframe.testing.subject import Subject, subject

__all__ = [
    "CAPABILITIES",
    "BoundCheck",
    "Check",
    "ChecksFailed",
    "Outcome",
    "Subject",
    "check_decomposer",
    "check_source",
    "checks_for",
    "checks_of",
    "number_of_checks",
    "parametrize_with_checks",
    "run",
    "subject",
]


def __getattr__(name: str) -> Any:
    if name == "SOURCE_CHECKS":
        return as_functions(name, sources.given_source, leave_out=sources.OPENED_AGAIN)
    if name == "DECOMPOSER_CHECKS":
        return as_functions(name, lambda make: GivenSubject("decomposer", make))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
