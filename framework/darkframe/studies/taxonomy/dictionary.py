"""Step 1: the decoder rows, and what they are like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError
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
        site=str(card.details.get("site") or card.hook_point),
        available=available(card.details),
        n_features=n_features,
        d_model=d_model,
        norms=Spread(float(lengths.min()), float(lengths.max()), float(lengths.mean()), float(lengths.std())),
        dead=n_features - len(live),
    )
    dead = f", {found.dead:,} dead" if found.dead else ""
    study.progress.step("dictionary", f"{n_features:,} features × {d_model:,} dimensions of {found.site}{dead}")
    return found, live


def available(details: Mapping[str, Any]) -> tuple[str, ...]:
    """Sites that the source's card says its release has."""
    return tuple(str(site) for site in details.get("sites", ()))
