"""The dictionaries of all checkpoints, looked at before anything is learned: shapes, lengths, dead rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from darkframe.errors import UserError
from darkframe.numerics.null_rows import row_lengths
from darkframe.results import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darkframe.interfaces import Bool
    from darkframe.studies.tracking.base import Tracking

NAMED = ("checkpoint", "step", "tokens_seen", "revision", "commit", "sha256")
"""Details of an SAE that tell one checkpoint from another."""


@dataclass(frozen=True, eq=False)
class Surveyed:
    """One checkpoint's dictionary.

    Attributes:
        name: The source's name for it.
        sha256: Of its rows.
        norms: Of their lengths.
        alive: (F,) bool, rows that are not zero.
        details: What tells it from the others.
    """

    name: str
    sha256: str
    norms: Spread
    alive: Bool
    details: Mapping[str, Any]


def survey(tracking: Tracking) -> list[Surveyed]:
    """Look at every checkpoint's dictionary.

    Raises:
        DataError: One is damaged, or all its rows are zero.
        UserError: Two differ in features or dimensions, or all are the same.
    """
    found: list[Surveyed] = []
    shape: tuple[int, ...] = ()
    with tracking.progress.task("dictionaries", len(tracking.openers), "checkpoints") as task:
        for step in tracking.steps:
            task.note(tracking.name(step))
            weights = tracking.decoder(step)
            if found:
                _check_shape(tracking, step, shape, weights.shape)
            shape = weights.shape
            found.append(_surveyed(tracking, step))
            task.advance()
    if len(found) > 1 and len({each.sha256 for each in found}) == 1:
        raise UserError(
            f"All {len(found)} checkpoints have the same dictionary: {tracking.config.over} does not choose among them.",
            hint="Name the parameter of the source that does with --over.",
        )
    tracking.progress.step("checkpoints", f"{len(found)} of {shape[0]:,} features × {shape[1]:,} dimensions")
    return found


def _surveyed(tracking: Tracking, step: int) -> Surveyed:
    weights, card = tracking.decoder(step), tracking.study(step).source.card()
    lengths = row_lengths(weights)
    digest = hashlib.sha256(str(weights.shape).encode())
    digest.update(weights.data)
    norms = Spread(float(lengths.min()), float(lengths.max()), float(lengths.mean()), float(lengths.std()))
    return Surveyed(card.dictionary, digest.hexdigest(), norms, lengths > 0, _told_apart(card.details))


def _told_apart(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of its SAE that tells it from others."""
    of = details.get("sae")
    return {name: of[name] for name in NAMED if name in of} if isinstance(of, dict) else {}


def _check_shape(tracking: Tracking, step: int, before: tuple[int, ...], now: tuple[int, ...]) -> None:
    if before == now:
        return
    words = [f"{features:,} features of {d:,} dimensions" for features, d in (before, now)]
    raise UserError(
        f"{tracking.name(step - 1)} has {words[0]} and {tracking.name(step)} has {words[1]}: features are followed by their "
        "number, so that every checkpoint must have as many, of as many dimensions.",
        hint="Track checkpoints of one SAE.",
    )
