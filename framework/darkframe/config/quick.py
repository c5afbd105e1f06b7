"""``--quick``: a look at the study in a fraction of the time; lowers the defaults that were not set explicitly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

QUICK_TOKENS = 50_000
QUICK_TAXONOMY: Mapping[str, Any] = {"sample": 1000, "nulls": 2, "orders": 2}
QUICK_STUDY: Mapping[str, Any] = {"seeds": (42, 123), "nulls": 2, "null_directions": 200}


def quick_study(explicit: Collection[str]) -> dict[str, Any]:
    """Study parameters that ``--quick`` lowers, but for those set explicitly."""
    return {name: value for name, value in QUICK_STUDY.items() if name not in explicit}


def quick_taxonomy(explicit: Collection[str]) -> dict[str, Any]:
    """Parameters of the taxonomy study that ``--quick`` lowers, but for those set explicitly."""
    return {name: value for name, value in QUICK_TAXONOMY.items() if name not in explicit}


def quick_tokens(default: int | None) -> int:
    """Tokens of a quick run whose source's default is ``default`` (None: all its text)."""
    return QUICK_TOKENS if default is None else min(default, QUICK_TOKENS)
