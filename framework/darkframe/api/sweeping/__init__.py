"""``darkframe.sweep``: a grid over parameters, each cell a run, and one comparison of all."""

from __future__ import annotations
