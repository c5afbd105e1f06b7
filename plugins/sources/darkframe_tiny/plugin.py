"""Declares the embedded source ``tiny``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from darkframe import SourceInfo, hookimpl, param
from darkframe.lm.params import DtypeParams, RowParams, TextParams, UseParams


@dataclass(frozen=True)
class TinyParams(DtypeParams, UseParams, TextParams, RowParams):
    """Parameters of ``tiny``."""

    assets: Path | None = param(None, help="A folder laid out like the shipped one (model/, sae/); None: the shipped one.")
    checkpoint: int | Literal["final"] = param(
        "final", help="The SAE's decoder directions at a step of its training, 0 (earliest) to 4; final: the whole SAE.", ge=0
    )


@hookimpl
def darkframe_sources() -> Iterable[SourceInfo]:
    """Offer the embedded model."""
    yield SourceInfo(
        name="tiny",
        target="darkframe_tiny.source:TinySource",
        summary="A small GPT-2 trained on public-domain prose and its SAE, shipped with darkframe: needs no network.",
        params=TinyParams,
        default_tokens=None,
        over="source.checkpoint=0,1,2,3,4",
        docs="reference/plugins.html#source-tiny",
    )
