"""Checks of every plugin, by subject: each of these modules adds its own."""

from __future__ import annotations

from darkframe.testing.general import declaring, loading, parameters  # noqa: F401  (they add their checks)
