"""Checks of every plugin, by subject: each of these modules adds its own."""

from __future__ import annotations

from darkframe.testing.general import loading, parameters, declaring  # noqa: F401  (they add their checks)  # isort: skip
