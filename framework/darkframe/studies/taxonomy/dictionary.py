"""Step 1: the decoder rows, and what they are like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError
from darkframe.interfaces import SourceCard
from darkframe.numerics.null_rows import row_lengths
from darkframe.results import DictionaryRecord, Spread
from darkframe.studies.taxonomy.base import TaxonomyStudy

if TYPE_CHECKING:
    from darkframe.interfaces import I64


def dictionary(study: TaxonomyStudy) -> tuple[DictionaryRecord, I64]:
    """Describe W_dec.

    Returns:
        The record, and the ids of the features whose row is not zero, ascending.

    Raises:
        DataError: A row is not finite, or all are zero.
    """
    lengths = row_lengths(study.decoder)
    live = np.flatnonzero(lengths > 0).astype(np.int64)
    if not len(live):
        raise DataError("Every decoder row of the dictionary is zero: there are no directions to organise.")
    card = study.source.card()
    n_features, d_model = study.decoder.shape
    found = DictionaryRecord(
        site=site(card),
        available=available(card),
        n_features=n_features,
        d_model=d_model,
        norms=Spread(float(lengths.min()), float(lengths.max()), float(lengths.mean()), float(lengths.std())),
        dead=n_features - len(live),
    )
    dead = f", {found.dead:,} dead" if found.dead else ""
    study.progress.step("dictionary", f"{n_features:,} features × {d_model:,} dimensions of {found.site}{dead}")
    return found, live


def _of_sae(card: SourceCard) -> Mapping[str, Any]:
    """What a card's details say of the SAE."""
    said = card.details.get("sae") or card.details.get("dictionary")
    return said if isinstance(said, Mapping) else {}


def site(card: SourceCard) -> str:
    """The dictionary's name in its release (sparsify's hook point, SAELens's id), else its hook point."""
    said = _of_sae(card)
    return str(said.get("hookpoint") or said.get("sae_id") or card.hook_point)


def available(card: SourceCard) -> tuple[str, ...]:
    """Names of the dictionaries that the release has, as far as the source's card says."""
    return tuple(map(str, _of_sae(card).get("sites") or ()))
