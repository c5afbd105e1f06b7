"""Declares the sources ``pythia-70m``, ``pythia-410m`` and ``sparsify``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from darkframe import SourceInfo, hookimpl, param
from darkframe.lm.params import DtypeParams, RowParams, TextParams, UseParams

_BATCH = "Rows in a batch; a row holds 2,048 tokens, where the SAE's training does not say otherwise."
_SAE = "Where else the same SAEs are: a repository, or a folder (./FOLDER) with one folder a hook point; None: "
_MODEL = "Another model: a repository's name, or a folder (./FOLDER) with its tokenizer; None: "


@dataclass(frozen=True)
class SparsifyParams(DtypeParams, UseParams, TextParams, RowParams):
    """Parameters of ``sparsify``."""

    batch_size: int = param(4, help=_BATCH, ge=1, le=4096, unit="rows")
    sae: str | None = param(
        None, help="Repository of SAEs trained with sparsify, or a folder saved by it (./FOLDER).", may_be="file"
    )
    hookpoint: str | None = param(
        None,
        help="Which of the repository's or folder's SAEs, by sparsify's name of the submodule whose output it reads, such as "
        "layers.12.mlp; None: the only one.",
    )
    sae_revision: str | None = param(None, help="Branch, tag or commit of the SAE's repository; None: main.")
    model: str | None = param(None, help=f"{_MODEL}the one that the SAE's config.json names.", may_be="file")
    revision: str | None = param(None, help="Branch, tag or commit of the model's repository; None: main.")


@dataclass(frozen=True)
class Pythia70mParams(SparsifyParams):
    """Parameters of ``pythia-70m``."""

    layer: int | None = param(
        None, help="Read the output of this layer (0 to 5); None: 3, where hookpoint is not set.", ge=0, le=5
    )
    hookpoint: str | None = param(
        None, help="Instead of layer, sparsify's name of the SAE: layers.N, layers.N.mlp or layers.N.attention."
    )
    sae: str | None = param(None, help=f"{_SAE}EleutherAI/sae-pythia-70m-32k.", may_be="file")
    model: str | None = param(None, help=f"{_MODEL}EleutherAI/pythia-70m.", may_be="file")


@dataclass(frozen=True)
class Pythia410mParams(SparsifyParams):
    """Parameters of ``pythia-410m``."""

    layer: int | None = param(
        None, help="Read the output of this layer's MLP (0 to 23); None: 12, where hookpoint is not set.", ge=0, le=23
    )
    hookpoint: str | None = param(None, help="Instead of layer, sparsify's name of the SAE: layers.N.mlp.")
    sae: str | None = param(None, help=f"{_SAE}EleutherAI/sae-pythia-410m-65k.", may_be="file")
    model: str | None = param(None, help=f"{_MODEL}EleutherAI/pythia-410m.", may_be="file")


@hookimpl
def darkframe_sources() -> Iterable[SourceInfo]:
    """Offer Pythia with EleutherAI's SAEs, and any SAE trained with sparsify."""
    yield SourceInfo(
        name="pythia-70m",
        target="darkframe_sparsify.source:Pythia70mSource",
        summary="Pythia-70M and EleutherAI's SAEs on its layers, MLPs and attention (32,768 features, k 16), from the hub.",
        params=Pythia70mParams,
        docs="sources.html",
    )
    yield SourceInfo(
        name="pythia-410m",
        target="darkframe_sparsify.source:Pythia410mSource",
        summary="Pythia-410M and EleutherAI's SAEs on its MLPs (65,536 features, k 32), from the hub.",
        params=Pythia410mParams,
        docs="sources.html",
    )
    yield SourceInfo(
        name="sparsify",
        target="darkframe_sparsify.source:SparsifySource",
        summary="Any SAE trained with sparsify, on the hub or in a folder, with its model.",
        params=SparsifyParams,
        docs="sources.html",
    )
