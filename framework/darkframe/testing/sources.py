"""Checks that any source must pass; each reads at most a few batches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.interfaces import Batch, Source
from darkframe.testing.checks import require, run_checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCHES = 3
"""Batches that each check reads."""


def check_source(source: Source) -> tuple[str, ...]:
    """Check a source against its contract.

    Returns:
        The names of the checks.

    Raises:
        ChecksFailed: It breaks promises; all of them are listed.
    """
    return run_checks(type(source).__name__, SOURCE_CHECKS, source)


def _batches(source: Source, start: int = 0) -> list[Batch]:
    return list(itertools.islice(source.batches(start), BATCHES))


def card_is_complete(source: Source) -> None:
    """The card names everything, is JSON-serialisable, and is the same when asked again."""
    card = source.card()
    for field in fields(card):
        require(getattr(card, field.name) or field.name == "details", f"The card's {field.name} is empty.")
    json.dumps(asdict(card))
    require(source.card() == card, "The card changes when asked again.")


def batches_have_their_shapes(source: Source) -> None:
    """Every array has the batch's length and its type; x is float32, d wide, without gradients."""
    batches = _batches(source)
    require(batches, "There is no batch.")
    d_model = source.card().d_model
    for batch in batches:
        n = len(batch.tokens)
        kinds = {
            "tokens": np.int32,
            "documents": np.int32,
            "positions": np.int32,
            "context_positions": np.int32,
            "special": np.bool_,
        }
        for name, kind in kinds.items():
            array = getattr(batch, name)
            require(
                array.shape == (n,) and array.dtype == kind,
                f"{name} is {array.dtype}{array.shape}, expected {kind.__name__} ({n},).",
            )
        require(tuple(batch.x.shape) == (n, d_model), f"x has shape {tuple(batch.x.shape)}, expected ({n}, {d_model}).")
        require(batch.x.dtype == torch.float32 and not batch.x.requires_grad, "x must be float32 without gradients.")
        require(torch.isfinite(batch.x).all(), "x holds NaN or infinite values.")


def positions_follow_the_text(source: Source) -> None:
    """Documents never fall; a document's content positions rise by one; special slots have position −1."""
    place: dict[int, int] = {}
    latest = 0
    for batch in _batches(source):
        require((np.diff(batch.documents) >= 0).all() and batch.documents[0] >= latest, "Document numbers fall.")
        require(((batch.positions == -1) == batch.special).all(), "Special slots, and only they, must have position −1.")
        latest = int(batch.documents[-1])
        for document in np.unique(batch.documents):
            mine = batch.positions[(batch.documents == document) & ~batch.special]
            first = place.get(int(document), 0)
            expected = np.arange(first, first + len(mine))
            require((mine == expected).all(), f"Positions of document {document} do not follow one another from {first}.")
            place[int(document)] = first + len(mine)


def rows_stay_in_the_context(source: Source) -> None:
    """Context positions run from 0 within each row and stay below the card's context size."""
    size = source.card().context_size
    for batch in _batches(source):
        places = batch.context_positions
        starts = places == 0
        steps = np.diff(places)
        require(places[0] == 0 and ((steps == 1) | starts[1:]).all(), "Context positions do not run from 0 within each row.")
        require(places.max() < size, f"A context position exceeds the context size {size}.")


def batches_restart(source: Source) -> None:
    """Batch i is the same, byte for byte, whatever batch one starts from."""
    whole = _batches(source)
    for start in range(1, len(whole)):
        again = next(iter(source.batches(start)), None)
        require(again is not None, f"There is no batch when starting from {start}.")
        assert again is not None
        for field in fields(Batch):
            a, b = getattr(whole[start], field.name), getattr(again, field.name)
            same = a == b if isinstance(a, int) else _bytes(a) == _bytes(b)
            require(same, f"{field.name} of batch {start} differs when starting there.")


def _bytes(array: Any) -> bytes:
    plain: NDArray[Any] = array.cpu().numpy() if isinstance(array, torch.Tensor) else array
    return plain.tobytes()


def available_tokens_are_counted(source: Source) -> None:
    """``available_tokens`` is None or positive, and not fewer than the first batches hold."""
    available = source.available_tokens()
    if available is not None:
        seen = sum(int((~batch.special).sum()) for batch in _batches(source))
        require(available >= max(seen, 1), f"The source says {available} tokens, but its first batches hold {seen}.")


def dictionary_encodes_and_decodes(source: Source) -> None:
    """Codes are row-compressed with ascending, non-zero features; decoding gives finite float32 rows; rows stand alone."""
    card, dictionary, batch = source.card(), source.dictionary(), _batches(source)[0]
    require(tuple(dictionary.W_dec.shape) == (card.n_features, card.d_model), f"W_dec has shape {tuple(dictionary.W_dec.shape)}.")
    require(
        dictionary.W_dec.dtype == torch.float32 and not dictionary.W_dec.requires_grad, "W_dec must be float32 without gradients."
    )
    codes = dictionary.encode(batch.x)
    n = len(batch.x)
    require(len(codes.offsets) == n + 1 and int(codes.offsets[0]) == 0, "offsets must be n + 1 numbers from 0.")
    require(int(codes.offsets[-1]) == len(codes.indices) == len(codes.values), "The last offset must be the number of entries.")
    require((codes.offsets.diff() >= 0).all() and codes.n_features == card.n_features, "offsets fall, or n_features is wrong.")
    require((codes.values != 0).all(), "Codes hold zeros.")
    rows = torch.repeat_interleave(torch.arange(n, device=codes.offsets.device), codes.offsets.diff())
    ascending = (codes.indices.diff() > 0) | (rows.diff() > 0)
    require(ascending.all(), "Features of a token must be distinct and ascend.")
    require(((codes.indices >= 0) & (codes.indices < card.n_features)).all(), "A feature id is out of range.")
    x_hat = dictionary.decode(codes)
    require(x_hat.shape == batch.x.shape and x_hat.dtype == torch.float32 and not x_hat.requires_grad, "x̂ must be like x.")
    require(torch.isfinite(x_hat).all(), "x̂ holds NaN or infinite values.")
    alone = dictionary.decode(dictionary.encode(batch.x[:1]))
    require(torch.allclose(alone, x_hat[:1], rtol=1e-4, atol=1e-4), "A row's reconstruction depends on the rows beside it.")


def unembedding_gives_logits(source: Source) -> None:
    """Logits have one finite column a token; None is allowed."""
    unembedding = source.unembedding()
    if unembedding is None:
        return
    directions = source.dictionary().W_dec[:3]
    logits = unembedding.logits(directions)
    largest = max(int(batch.tokens.max()) for batch in _batches(source))
    require(
        logits.ndim == 2 and len(logits) == len(directions) and logits.shape[1] > largest,
        f"logits have shape {tuple(logits.shape)}.",
    )
    require(torch.isfinite(logits).all() and not logits.requires_grad, "Logits must be finite, without gradients.")


def tokens_decode(source: Source) -> None:
    """Every token decodes to one string; none is asked for, none comes."""
    tokens = _batches(source)[0].tokens[:50].tolist()
    texts = source.decode_tokens(tokens)
    require(
        len(texts) == len(tokens) and all(isinstance(text, str) for text in texts), "decode_tokens must give one string a token."
    )
    require(source.decode_tokens([]) == [], "decode_tokens of nothing must be an empty list.")


SOURCE_CHECKS: Mapping[str, Callable[[Source], None]] = {
    check.__name__: check
    for check in (
        card_is_complete,
        batches_have_their_shapes,
        positions_follow_the_text,
        rows_stay_in_the_context,
        batches_restart,
        available_tokens_are_counted,
        dictionary_encodes_and_decodes,
        unembedding_gives_logits,
        tokens_decode,
    )
}
"""Every check of a source, by name."""
