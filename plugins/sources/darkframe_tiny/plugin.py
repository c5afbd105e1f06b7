"""Declares the embedded source ``tiny``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from darkframe import SourceInfo, hookimpl, param


@dataclass(frozen=True)
class TinyParams:
    """Parameters of ``tiny``; the site, BOS and centring are the SAE's own."""

    packing: str = param(
        "packed",
        help="How documents fill rows: packed as SAELens does, split by document, or truncate (first tokens of each only).",
        choices=("packed", "split", "truncate"),
    )
    batch_size: int = param(32, help="Rows in a batch.", ge=1, le=4096, unit="rows")
    context_size: int | None = param(
        None, help="Tokens in a row, BOS included; None: as the SAE was trained.", ge=2, unit="tokens"
    )
    text: str | None = param(
        None, help="Another text: path of a .jsonl or .txt file, either may end in .gz; None: the shipped held-out text."
    )
    text_field: str = param("text", help="Name of the text in a .jsonl record.")
    assets: str | None = param(
        None, help="A folder laid out like the shipped one (model/, sae/, heldout.jsonl.gz); None: the shipped one."
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
    )
