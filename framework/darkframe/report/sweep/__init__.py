"""How the cells of a sweep are compared: figures, tables, plots."""

from __future__ import annotations
