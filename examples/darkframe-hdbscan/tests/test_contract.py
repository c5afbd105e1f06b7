"""The conformance kit of darkframe, in both ways that the clusterer works."""

from __future__ import annotations

from typing import Any

import pytest
from darkframe.testing import checks_of, number_of_checks, parametrize_with_checks, subject

FLAT = subject("clusterer", "hdbscan", min_samples=2)
NESTED = subject("clusterer", "hdbscan", min_samples=2, cut_distances=(1.2, 0.8))


@parametrize_with_checks(FLAT, NESTED)
def test_the_contract(check: Any) -> None:
    check()


@pytest.mark.parametrize("plugin", [FLAT, NESTED], ids=["flat", "nested"])
def test_no_check_was_left_out(plugin: Any) -> None:
    assert len(checks_of(plugin)) == number_of_checks("clusterer")
