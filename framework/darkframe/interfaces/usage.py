"""How an SAE is used, and what is said of it: the records behind ``darkframe doctor`` and ``darkframe fetch``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Usage:
    """How an SAE is used, or how somebody says it is to be used; None and empty: not said.

    Attributes:
        by: Who says so, such as ``"the SAE's cfg.json"``.
        model: Name of the language model.
        hook_point: Site it reads.
        d_model: Width it reads.
        n_features: F.
        context_size: Tokens in a row, BOS included.
        bos: Whether rows begin with BOS.
        centred: Whether activations lose their mean over d_model (centred writing weights).
        dtype: What the model computes in.
        normalize_activations: How activations are rescaled before the SAE, in SAELens's words (``"none"``).
        loading: Arguments for loading the model (``model_from_pretrained_kwargs``).
        not_applied: Those of ``loading`` that were not applied.
    """

    by: str
    model: str | None = None
    hook_point: str | None = None
    d_model: int | None = None
    n_features: int | None = None
    context_size: int | None = None
    bos: bool | None = None
    centred: bool | None = None
    dtype: str | None = None
    normalize_activations: str | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    not_applied: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFigures:
    """What an SAE's publisher measured; None: not published.

    Attributes:
        by: Where it is published.
        l0: Mean number of active features a token.
        explained_variance: Share of the activations' variance.
        definition: Which of the ledger's definitions ``explained_variance`` has, where that is known.
        cross_entropy: Model's next-token loss, nats.
        cross_entropy_spliced: The same with the SAE spliced in, nats.
        recovered: Share of the loss between ablation and the model that the SAE recovers.
    """

    by: str
    l0: float | None = None
    explained_variance: float | None = None
    definition: str = ""
    cross_entropy: float | None = None
    cross_entropy_spliced: float | None = None
    recovered: float | None = None


@dataclass(frozen=True)
class Wiring:
    """How a source uses its SAE, beside what is said of that SAE.

    Attributes:
        applied: What the source does.
        stated: What the SAE's metadata and its publisher say, the nearest to the SAE first.
        figures: What its publisher measured, if known.
    """

    applied: Usage
    stated: tuple[Usage, ...] = ()
    figures: PublishedFigures | None = None


@dataclass(frozen=True)
class Fetched:
    """Something that was downloaded, or was there already.

    Attributes:
        what: ``"model"``, ``"SAE"`` or ``"text"``.
        name: Its repository.
        commit: The commit it is of.
        files: How many files.
        bytes: How much.
        folder: Where it lies.
    """

    what: str
    name: str
    commit: str
    files: int
    bytes: int
    folder: Path
