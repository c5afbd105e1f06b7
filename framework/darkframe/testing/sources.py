"""Checks that any source must pass; each reads at most a few batches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from darkframe.errors import DarkframeError
from darkframe.interfaces import Batch, Partial, Source
from darkframe.testing.checks import require, run_checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCHES = 3
"""Batches that each check reads."""


def check_source(source: Source) -> tuple[str, ...]:
    """Check a source against its contract, as far as it gives what the contract speaks of (``lacks()``).

    Returns:
        The names of the checks that were made; those of ``SOURCE_CHECKS`` that need what the source lacks are left out.

    Raises:
        ChecksFailed: It breaks promises; all of them are listed.
    """
    made = {name: check for name, check in SOURCE_CHECKS.items() if not NEEDS.get(name, set()) & set(_lacks(source))}
    return run_checks(type(source).__name__, made, source)


def _lacks(source: Source) -> Mapping[str, str]:
    return source.lacks() if isinstance(source, Partial) else {}


def _batches(source: Source, start: int = 0) -> list[Batch]:
    return list(itertools.islice(source.batches(start), BATCHES))


def card_is_complete(source: Source) -> None:
    """The card names everything, is JSON-serialisable, and is the same when asked again."""
    card, may_be_empty = source.card(), {"details"}
    if isinstance(source, Partial):
        may_be_empty |= {"context_size"} | ({"n_features"} if "dictionary" in source.lacks() else set())
    for field in fields(card):
        require(getattr(card, field.name) or field.name in may_be_empty, f"The card's {field.name} is empty.")
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
        if isinstance(source, Partial) and not size:
            require((places == -1).all(), "Context positions must be −1 where the context size is not known.")
            continue
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


def dictionary_has_its_shapes(source: Source) -> None:
    """W_dec is (F, d), float32, finite, without gradients; what else there is of weights fits it."""
    card, dictionary = source.card(), source.dictionary()
    features, d_model = card.n_features, card.d_model
    W_dec = dictionary.W_dec
    require(W_dec.dtype == torch.float32 and not W_dec.requires_grad, "W_dec must be float32 without gradients.")
    shapes = {"W_dec": (features, d_model), "W_enc": (d_model, features), "b_enc": (features,), "b_dec": (d_model,)}
    for name, shape in shapes.items():
        weights = getattr(dictionary, name)
        if weights is None:
            require(name != "W_dec", "There is no W_dec.")
            continue
        require(tuple(weights.shape) == shape, f"{name} has shape {tuple(weights.shape)}, expected {shape}.")
        require(torch.isfinite(weights).all(), f"{name} holds NaN or infinite values.")


def dictionary_encodes_and_decodes(source: Source) -> None:
    """Codes are row-compressed with ascending, non-zero features; decoding gives finite float32 rows; rows stand alone."""
    card, dictionary = source.card(), source.dictionary()
    x = dictionary.W_dec[:8] if "activations" in _lacks(source) else _batches(source)[0].x
    codes = dictionary.encode(x)
    n = len(x)
    require(len(codes.offsets) == n + 1 and int(codes.offsets[0]) == 0, "offsets must be n + 1 numbers from 0.")
    require(int(codes.offsets[-1]) == len(codes.indices) == len(codes.values), "The last offset must be the number of entries.")
    require((codes.offsets.diff() >= 0).all() and codes.n_features == card.n_features, "offsets fall, or n_features is wrong.")
    require((codes.values != 0).all(), "Codes hold zeros.")
    rows = torch.repeat_interleave(torch.arange(n, device=codes.offsets.device), codes.offsets.diff())
    ascending = (codes.indices.diff() > 0) | (rows.diff() > 0)
    require(ascending.all(), "Features of a token must be distinct and ascend.")
    require(((codes.indices >= 0) & (codes.indices < card.n_features)).all(), "A feature id is out of range.")
    x_hat = dictionary.decode(codes)
    require(x_hat.shape == x.shape and x_hat.dtype == torch.float32 and not x_hat.requires_grad, "x̂ must be like x.")
    require(torch.isfinite(x_hat).all(), "x̂ holds NaN or infinite values.")
    alone = dictionary.decode(dictionary.encode(x[:1]))
    rounding = 1e-4 + 1e-4 * float(x_hat[0].abs().max())  # of the row, not of each entry: a massive one's are sums that cancel
    require((alone - x_hat[:1]).abs().max() <= rounding, "A row's reconstruction depends on the rows beside it.")


def unembedding_gives_logits(source: Source) -> None:
    """Logits have one finite column a token; None is allowed."""
    unembedding = source.unembedding()
    if unembedding is None:
        return
    lacking = _lacks(source)
    directions = torch.eye(3, source.card().d_model) if "dictionary" in lacking else source.dictionary().W_dec[:3]
    logits = unembedding.logits(directions)
    largest = (
        0 if "activations" in lacking else max(int(batch.tokens[~batch.special].max(initial=0)) for batch in _batches(source))
    )
    require(
        logits.ndim == 2 and len(logits) == len(directions) and logits.shape[1] > largest,
        f"logits have shape {tuple(logits.shape)}.",
    )
    require(torch.isfinite(logits).all() and not logits.requires_grad, "Logits must be finite, without gradients.")


def tokens_decode(source: Source) -> None:
    """Every token decodes to one string; none is asked for, none comes."""
    batch = _batches(source)[0]
    tokens = batch.tokens[~batch.special][:50].tolist()
    texts = source.decode_tokens(tokens)
    require(
        len(texts) == len(tokens) and all(isinstance(text, str) for text in texts), "decode_tokens must give one string a token."
    )
    require(source.decode_tokens([]) == [], "decode_tokens of nothing must be an empty list.")


def what_it_lacks_is_refused(source: Source) -> None:
    """Parts that ``lacks()`` names are not given: asking for them fails in a sentence, and ``unembedding()`` is None."""
    lacking = _lacks(source)
    known = {"activations", "dictionary", "encoder", "unembedding", "text"}
    require(set(lacking) <= known, f"lacks() names {sorted(set(lacking) - known)}; expected some of {sorted(known)}.")
    require(all(lacking.values()), "lacks() says nothing of what to do about it.")
    if "activations" in lacking:
        _require_refusal("available_tokens()", source.available_tokens)
        _require_refusal("batches()", lambda: _batches(source))
    if "dictionary" in lacking:
        _require_refusal("dictionary()", source.dictionary)
    if "encoder" in lacking:
        _require_refusal("encode()", lambda: source.dictionary().encode(source.dictionary().W_dec[:1]))
    require("unembedding" not in lacking or source.unembedding() is None, "There is an unembedding, which lacks() denies.")


def _require_refusal(what: str, ask: Callable[[], object]) -> None:
    try:
        ask()
    except DarkframeError:
        return
    require(False, f"{what} gives something, which lacks() denies.")


SOURCE_CHECKS: Mapping[str, Callable[[Source], None]] = {
    check.__name__: check
    for check in (
        card_is_complete,
        batches_have_their_shapes,
        positions_follow_the_text,
        rows_stay_in_the_context,
        batches_restart,
        available_tokens_are_counted,
        dictionary_has_its_shapes,
        dictionary_encodes_and_decodes,
        unembedding_gives_logits,
        tokens_decode,
        what_it_lacks_is_refused,
    )
}
"""Every check of a source, by name."""

NEEDS: Mapping[str, set[str]] = {
    "batches_have_their_shapes": {"activations"},
    "positions_follow_the_text": {"activations"},
    "rows_stay_in_the_context": {"activations"},
    "batches_restart": {"activations"},
    "available_tokens_are_counted": {"activations"},
    "dictionary_has_its_shapes": {"dictionary"},
    "dictionary_encodes_and_decodes": {"dictionary", "encoder"},
    "unembedding_gives_logits": {"unembedding"},
    "tokens_decode": {"activations"},
}
"""What a check needs the source to give, as ``lacks()`` names it."""
