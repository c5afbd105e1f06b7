"""Checks of a source's batches, tokens and text; each reads at most a few batches."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from darkframe.interfaces import Batch, Partial
from darkframe.testing.checks import require
from darkframe.testing.kit import SOURCE
from darkframe.testing.sources.reading import BATCHES, first_batches, is_finite, is_float32, same_bytes
from darkframe.testing.subject import Subject

_COLUMNS = {
    "tokens": np.int32,
    "documents": np.int32,
    "positions": np.int32,
    "context_positions": np.int32,
    "special": np.bool_,
}

SPECIAL = frozenset(
    {
        "<|endoftext|>",
        "<|startoftext|>",
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|bos|>",
        "<|eos|>",
        "<|pad|>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<s>",
        "</s>",
        "<unk>",
        "[CLS]",
        "[SEP]",
        "[PAD]",
        "[BOS]",
        "[EOS]",
        "<|im_start|>",
        "<|im_end|>",
    }
)
"""How tokenizers write BOS, EOS and padding."""


@SOURCE("activations")
def batches_have_their_shapes(plugin: Subject) -> None:
    """Every array has the batch's length and its type; x is float32, d wide, finite, without gradients."""
    d_model = plugin.source.card().d_model
    for batch in first_batches(plugin):
        n = len(batch.tokens)
        require(n > 0, "A batch is empty.")
        for name, kind in _COLUMNS.items():
            array = np.asarray(getattr(batch, name))
            said, expected = f"{array.dtype}{array.shape}", f"{np.dtype(kind)}({n},)"
            require(array.shape == (n,) and array.dtype == kind, f"{name} is {said}, expected {expected}.")
        require(tuple(batch.x.shape) == (n, d_model), f"x has shape {tuple(batch.x.shape)}, expected ({n}, {d_model}).")
        require(is_float32(batch.x), "x must be float32 without gradients.")
        require(is_finite(batch.x), "x holds NaN or infinite values.")


@SOURCE("activations")
def positions_follow_the_text(plugin: Subject) -> None:
    """Documents never fall; a document's content positions rise by one; special slots have position −1."""
    place: dict[int, int] = {}
    latest = skipped = 0
    for batch in first_batches(plugin):
        require(
            (np.diff(batch.documents) >= 0).all() and batch.documents[0] >= latest,
            "Document numbers fall from one token to the next.",
        )
        require(((batch.positions == -1) == batch.special).all(), "Special slots, and only they, must have position −1.")
        require(batch.skipped >= skipped, "The number of skipped documents falls.")
        latest, skipped = int(batch.documents[-1]), batch.skipped
        for document in np.unique(batch.documents):
            mine = batch.positions[(batch.documents == document) & ~batch.special]
            first = place.get(int(document), 0)
            expected = np.arange(first, first + len(mine))
            require(np.array_equal(mine, expected), f"Positions of document {document} do not follow one another from {first}.")
            place[int(document)] = first + len(mine)


@SOURCE("activations")
def rows_stay_in_the_context(plugin: Subject) -> None:
    """Context positions run from 0 within each row and stay below the card's context size."""
    size = plugin.source.card().context_size
    for batch in first_batches(plugin):
        places = batch.context_positions
        if isinstance(plugin.source, Partial) and not size:
            require((places == -1).all(), "Context positions must be −1 where the context size is not known.")
            continue
        starts = places == 0
        steps = np.diff(places)
        require(places[0] == 0 and ((steps == 1) | starts[1:]).all(), "Context positions do not run from 0 within each row.")
        require(places.max() < size, f"A context position exceeds the context size {size}.")


@SOURCE("activations")
def batches_restart(plugin: Subject) -> None:
    """Batch i is the same, byte for byte, whatever batch one starts from."""
    whole = first_batches(plugin)
    for start in range(1, len(whole)):
        again = next(iter(plugin.source.batches(start)), None)
        require(again is not None, f"There is no batch when starting from {start}.")
        for field in fields(Batch):
            same = same_bytes(getattr(whole[start], field.name), getattr(again, field.name))
            require(same, f"{field.name} of batch {start} differs when starting there.")


@SOURCE("activations")
def available_tokens_are_counted(plugin: Subject) -> None:
    """``available_tokens`` is None, or positive and what the batches hold: no fewer, and no more where they end soon."""
    available, batches = plugin.source.available_tokens(), first_batches(plugin)
    if available is None:
        return
    is_number = isinstance(available, int) and not isinstance(available, bool)
    require(is_number and available > 0, f"available_tokens() is {available!r}, not None or a positive int.")
    seen = sum(int((~batch.special).sum()) for batch in batches)
    require(available >= seen, f"The source says that it has {available} tokens, but its first batches hold {seen}.")
    if len(batches) < BATCHES:
        require(available == seen, f"The source says that it has {available} tokens, but its batches end after {seen}.")


@SOURCE("activations")
def tokens_decode(plugin: Subject) -> None:
    """Token ids count from 0; every one decodes to one string; none is asked for, none comes."""
    source, tokens = plugin.source, _content(plugin)
    require(len(tokens) > 0, "The first batches hold nothing but special tokens.")
    require(tokens[0] >= 0, f"A token id is {tokens[0]}; they count from 0.")
    chosen = tokens[:500].tolist()
    texts = source.decode_tokens(chosen)
    require(isinstance(texts, list) and len(texts) == len(chosen), "decode_tokens must give a list with one string a token.")
    require(all(isinstance(text, str) for text in texts), "decode_tokens gives something else than strings.")
    require(source.decode_tokens(chosen[:1] * 2) == texts[:1] * 2, "A token's text depends on the others that are asked for.")
    require(source.decode_tokens([]) == [], "decode_tokens of nothing must be an empty list.")


@SOURCE("activations", "text")
def special_tokens_are_no_content(plugin: Subject) -> None:
    """BOS, EOS and padding are marked as special, not counted as text."""
    tokens = _content(plugin).tolist()
    texts = plugin.source.decode_tokens(tokens)
    wrong = sorted({str(text).strip() for text in texts} & SPECIAL)
    require(not wrong, f"The first batches count {', '.join(wrong)} as content.")


def _content(plugin: Subject) -> Any:
    """Ids of content tokens in the first batches, each once, ascending."""
    return np.unique(np.concatenate([batch.tokens[~batch.special] for batch in first_batches(plugin)]))
