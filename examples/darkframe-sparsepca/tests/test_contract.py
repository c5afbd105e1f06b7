"""The conformance kit of darkframe."""

from __future__ import annotations

from typing import Any

from darkframe.testing import checks_of, number_of_checks, parametrize_with_checks, subject

PLUGIN = subject("decomposer", "sparsepca")


@parametrize_with_checks(PLUGIN)
def test_the_contract(check: Any) -> None:
    check()


def test_no_check_was_left_out() -> None:
    assert len(checks_of(PLUGIN)) == number_of_checks("decomposer")
