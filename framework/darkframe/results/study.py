"""The whole result, as written to ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.results.components import Compare, Conclusion, Interpret, Match, Stability
from darkframe.results.doctor import Examination
from darkframe.results.residual import Collect, Decompose, Diagnose, Pca


@dataclass(frozen=True)
class DarkMatterResults:
    """Everything the study found; arrays lie beside it in the run directory."""

    schema: int
    study: str
    source: Mapping[str, Any]
    decomposer: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    collect: Collect
    diagnose: Diagnose
    pca: Pca
    decompose: Decompose
    stability: Stability
    match: Match
    interpret: Interpret
    compare: Compare
    conclusion: Conclusion
    seconds: Mapping[str, float]
    doctor: Examination | None = None
