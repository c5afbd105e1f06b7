"""Which plugins there are, and what is wrong with those that cannot be used; the only caller of pluggy."""

from __future__ import annotations

from darkframe.registry.lookup import KINDS, Registry
from darkframe.registry.records import Found, Problem

__all__ = ["KINDS", "Found", "Problem", "Registry"]
