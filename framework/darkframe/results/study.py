"""The whole result, as written to ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.results.components import Compare, Conclusion, Match, Stability
from darkframe.results.doctor import Examination
from darkframe.results.examples import Interpret
from darkframe.results.residual import Collect, Decompose, Diagnose, Pca


@dataclass(frozen=True)
class DarkMatterResults:
    """Everything the study found; arrays (``darkframe.results.ARRAYS``) lie beside it in the run directory.

    Attributes:
        schema: Version of this record: 1.
        study: ``dark-matter``.
        source: The source's name, distribution, version and parameters, and its card (``SourceCard``).
        decomposer: The decomposer's name, distribution, version and parameters.
        settings: Everything else the run was made with: the study's parameters, tokens, seed, device.
        environment: Versions of Python, the platform and the packages that numbers depend on.
        collect: Step 1.
        diagnose: Step 2.
        pca: Step 3.
        decompose: Step 4.
        stability: Step 5.
        match: Step 6.
        interpret: Step 7.
        compare: Step 8.
        conclusion: What it means.
        seconds: Wall time of each step, in seconds; of a step that was read back, what it took when it was computed.
        doctor: What the check before the run found; None where there was none.

    Computed in:
        studies/dark_matter.py
    """

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
