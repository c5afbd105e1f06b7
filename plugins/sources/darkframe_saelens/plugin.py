"""Declares the sources ``gpt2-jb`` and ``saelens``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from darkframe import SourceInfo, hookimpl, param
from darkframe.lm.params import DtypeParams, RowParams, TextParams, UseParams


@dataclass(frozen=True)
class PinParams:
    """Which commits are used."""

    revision: str | None = param(None, help="Branch, tag or commit of the model's repository; None: its main branch.")
    sae_revision: str | None = param(None, help="Branch, tag or commit of the SAE's repository; None: its main branch.")


@dataclass(frozen=True)
class Gpt2Params(DtypeParams, UseParams, TextParams, RowParams, PinParams):
    """Parameters of ``gpt2-jb``."""

    batch_size: int = param(16, help="Rows in a batch; 8 to 16 are fastest on a CPU.", ge=1, le=4096, unit="rows")
    layer: int = param(
        6, help="Site: 0 to 11 for blocks.LAYER.hook_resid_pre, 12 for blocks.11.hook_resid_post, the stream's end.", ge=0, le=12
    )
    backend: str = param(
        "transformer-lens",
        help="What runs the model; transformers gives the same activations within 1e-6 and loads in half the time and memory.",
        choices=("transformer-lens", "transformers"),
    )
    model: str | None = param(
        None, help="Folder of a copy of GPT-2 small (transformers' layout); None: gpt2 on the hub.", may_be="file"
    )
    sae: Path | None = param(
        None, help="Folder of a copy of the SAE, or of all SAEs of the release; None: the release's repository on the hub."
    )


@dataclass(frozen=True)
class SaeLensParams(DtypeParams, UseParams, TextParams, RowParams, PinParams):
    """Parameters of ``saelens``."""

    batch_size: int = param(16, help="Rows in a batch; 8 to 16 are fastest on a CPU.", ge=1, le=4096, unit="rows")
    release: str | None = param(
        None, help="A release of SAELens's table, such as gpt2-small-resid-post-v5-32k, or a repository on the hub (owner/name)."
    )
    sae_id: str | None = param(
        None, help="Which SAE of the release, such as blocks.6.hook_resid_post; in a repository: its folder."
    )
    sae: Path | None = param(None, help="Folder of an SAE saved by SAELens, instead of one on the hub.")
    model: str | None = param(
        None,
        help="The language model: a name that TransformerLens or the hub knows, or a folder; None: as the SAE names it.",
        may_be="file",
    )
    backend: str = param(
        "auto",
        help="What runs the model; auto: transformers for a local model read on its residual stream and for models that "
        "TransformerLens does not know, TransformerLens for all others.",
        choices=("auto", "transformer-lens", "transformers"),
    )


@hookimpl
def darkframe_sources() -> Iterable[SourceInfo]:
    """Offer what SAELens opens."""
    yield SourceInfo(
        name="gpt2-jb",
        target="darkframe_saelens.sources:Gpt2Source",
        summary="GPT-2 small and SAELens's gpt2-small-res-jb, any of its 13 sites, over OpenWebText.",
        params=Gpt2Params,
        docs="sources.html",
    )
    yield SourceInfo(
        name="saelens",
        target="darkframe_saelens.sources:SaeLensSource",
        summary="Any SAE that SAELens opens, by release and sae_id or from a folder, with its model.",
        params=SaeLensParams,
        docs="sources.html",
    )
