"""Checks of what a source may have beyond its contract: wiring, losses, downloads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from darkframe.interfaces import Batch, Fetched, PublishedFigures, Usage, Wiring
from darkframe.testing.checks import require
from darkframe.testing.kit import SOURCE
from darkframe.testing.sources.reading import first_batches, is_finite
from darkframe.testing.subject import Subject

_FETCHED = ("model", "SAE", "text")
_SLOTS = 64  # of a row, for losses


@SOURCE("wiring")
def wiring_is_said_properly(plugin: Subject) -> None:
    """``wiring`` gives a Wiring whose ``applied`` agrees with the card, and says who says what."""
    wiring, card = plugin.source.wiring(), plugin.source.card()
    require(isinstance(wiring, Wiring), f"wiring() gave a {type(wiring).__name__}, not a Wiring.")
    require(isinstance(wiring.figures, PublishedFigures | None), "wiring().figures is no PublishedFigures.")
    for usage in (wiring.applied, *wiring.stated):
        require(isinstance(usage, Usage), f"wiring() holds a {type(usage).__name__} where a Usage belongs.")
        require(usage.by.strip(), "A Usage of wiring() does not say by whom it is.")
    for name in ("d_model", "n_features", "context_size", "hook_point"):
        applied, said = getattr(wiring.applied, name), getattr(card, name)
        require(applied is None or applied == said, f"wiring() applies {name} {applied!r}, but the card says {said!r}.")
    try:
        json.dumps(asdict(wiring), default=str, allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"wiring() cannot be written as JSON: {error}.")


@SOURCE("losses", "activations")
def losses_are_next_token_losses(plugin: Subject) -> None:
    """``losses`` of (rows, slots) tokens are (rows, slots − 1), finite and not negative; a patch sees and replaces the site."""
    tokens, x = _rows(first_batches(plugin)[0])
    source, d_model = plugin.source, plugin.source.card().d_model
    clean = source.losses(tokens)
    expected = (len(tokens), tokens.shape[1] - 1)
    require(tuple(clean.shape) == expected, f"The losses have shape {tuple(clean.shape)}, expected {expected}.")
    require(is_finite(clean) and (clean >= 0).all() and not clean.requires_grad, "Losses must be finite and not negative.")
    seen: list[Any] = []

    def watch(rows: Any) -> Any:
        seen.append(rows)
        return rows

    same = source.losses(tokens, watch)
    require(seen and all(tuple(rows.shape) == (tokens.size, d_model) for rows in seen), "A patch must see (rows · slots, d).")
    off = float((seen[0].cpu() - x.cpu()).abs().max() / x.abs().max())
    require(off <= 1e-2, f"A patch sees other activations than batches() gives (by {off:.1e} of the largest).")
    require((same - clean).abs().max() <= 1e-2, "A patch that changes nothing changes the losses.")
    require((source.losses(tokens, lambda rows: rows * 0) - clean).abs().max() > 0, "A patch is not put in the site's place.")


def _rows(batch: Batch) -> tuple[Any, Any]:
    """The first two rows of a batch, cut off after some slots, as (rows, slots) tokens, and their activations."""
    starts = np.flatnonzero(batch.context_positions == 0)
    ends = np.append(starts[1:], len(batch.tokens))
    chosen = list(zip(starts[:2], ends[:2], strict=True))
    slots = min([_SLOTS, *(end - start for start, end in chosen)])
    places = np.concatenate([np.arange(start, start + slots) for start, _ in chosen])
    return batch.tokens[places].reshape(len(chosen), slots), batch.x[places]


@SOURCE("fetch")
def fetch_says_what_there_is(plugin: Subject) -> None:
    """``fetch`` gives Fetched records of what was downloaded, with folders that exist, and the same ones again."""
    fetched = plugin.source.fetch(1)
    for each in fetched:
        require(isinstance(each, Fetched), f"fetch() gave a {type(each).__name__} where a Fetched belongs.")
        require(each.what in _FETCHED, f"fetch() says {each.what!r}; expected one of {', '.join(_FETCHED)}.")
        require(each.name and each.commit, f"fetch() does not say which {each.what} at which commit there is.")
        require(each.files > 0 and each.bytes > 0, f"fetch() says that {each.name} has {each.files} files, {each.bytes} bytes.")
        require(Path(each.folder).is_dir(), f"fetch() says that {each.name} lies in {each.folder}, which is no folder.")
    again = plugin.source.fetch(1)
    key = [(each.what, each.name, each.commit) for each in fetched]
    require([(each.what, each.name, each.commit) for each in again] == key, "A second fetch() says something else.")
