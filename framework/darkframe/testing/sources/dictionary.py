"""Checks of a source's dictionary and unembedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darkframe.testing.checks import require
from darkframe.testing.kit import SOURCE
from darkframe.testing.sources.reading import first_batches, is_finite, is_float32, some_rows
from darkframe.testing.subject import Subject

if TYPE_CHECKING:
    from darkframe.interfaces import Codes


@SOURCE("dictionary")
def dictionary_has_its_shapes(plugin: Subject) -> None:
    """W_dec is (F, d), float32, finite, without gradients; what else there is of weights fits it."""
    card, dictionary = plugin.source.card(), plugin.source.dictionary()
    features, d_model = card.n_features, card.d_model
    require(dictionary.W_dec is not None, "There is no W_dec.")
    require(is_float32(dictionary.W_dec), "W_dec must be float32 without gradients.")
    shapes = {"W_dec": (features, d_model), "W_enc": (d_model, features), "b_enc": (features,), "b_dec": (d_model,)}
    for name, shape in shapes.items():
        weights = getattr(dictionary, name)
        if weights is not None:
            require(tuple(weights.shape) == shape, f"{name} has shape {tuple(weights.shape)}, expected {shape}.")
            require(is_finite(weights), f"{name} holds NaN or infinite values.")


def _codes(plugin: Subject) -> Codes:
    codes: Codes = plugin.once("codes", lambda: plugin.source.dictionary().encode(some_rows(plugin)))
    return codes


@SOURCE("dictionary", "encoder")
def codes_are_well_formed(plugin: Subject) -> None:
    """Codes are row-compressed int64 offsets from 0 and ascending feature ids, with non-zero finite float32 values."""
    import torch

    features, n, codes = plugin.source.card().n_features, len(some_rows(plugin)), _codes(plugin)
    offsets, indices, values = codes.offsets, codes.indices, codes.values
    require(offsets.dtype == torch.int64 and indices.dtype == torch.int64, "offsets and indices must be int64.")
    require(len(offsets) == n + 1 and int(offsets[0]) == 0, f"offsets must be {n + 1} numbers from 0.")
    require(int(offsets[-1]) == len(indices) == len(values), "The last offset must be the number of entries.")
    require((offsets.diff() >= 0).all(), "offsets fall.")
    require(codes.n_features == features, f"n_features is {codes.n_features}, but the card says {features}.")
    require(((indices >= 0) & (indices < features)).all(), "A feature id is out of range.")
    rows = torch.repeat_interleave(torch.arange(n, device=offsets.device), offsets.diff())
    require(((indices.diff() > 0) | (rows.diff() > 0)).all(), "Features of a token must be distinct and ascend.")
    require(is_float32(values) and is_finite(values), "values must be finite float32, without gradients.")
    require((values != 0).all(), "Codes hold zeros.")


@SOURCE("dictionary", "encoder")
def codes_decode_to_rows(plugin: Subject) -> None:
    """Decoding gives finite float32 rows like those that were encoded, also where there are none."""
    x, dictionary = some_rows(plugin), plugin.source.dictionary()
    for rows in (x, x[:0]):
        x_hat = dictionary.decode(dictionary.encode(rows))
        require(x_hat.shape == rows.shape, f"{len(rows)} rows decode to shape {tuple(x_hat.shape)}, not {tuple(rows.shape)}.")
        require(is_float32(x_hat), "x̂ must be float32 without gradients.")
        require(is_finite(x_hat), "x̂ holds NaN or infinite values.")


@SOURCE("dictionary", "encoder")
def rows_are_encoded_alone(plugin: Subject) -> None:
    """A row's reconstruction does not depend on the rows beside it, and encoding changes no row."""
    x, dictionary = some_rows(plugin), plugin.source.dictionary()
    before = x.clone()
    x_hat = dictionary.decode(dictionary.encode(x))
    require(bool((x == before).all()), "Encoding changes the rows.")
    alone = dictionary.decode(dictionary.encode(before[:1]))
    rounding = 1e-4 + 1e-4 * float(x_hat[0].abs().max())  # of the row, not of each entry: a massive one's are sums that cancel
    require((alone - x_hat[:1]).abs().max() <= rounding, "A row's reconstruction depends on the rows beside it.")


@SOURCE("unembedding")
def unembedding_gives_logits(plugin: Subject) -> None:
    """Logits have one finite column a token, without gradients."""
    import torch

    unembedding, has = plugin.source.unembedding(), plugin.capabilities
    if unembedding is None:  # allowed where the site is off the residual stream; ``what_it_declares_is_given`` sees to it
        return
    directions = plugin.source.dictionary().W_dec[:3] if "dictionary" in has else torch.eye(3, plugin.source.card().d_model)
    logits = unembedding.logits(directions)
    require(logits.ndim == 2 and len(logits) == len(directions), f"Logits of 3 directions have shape {tuple(logits.shape)}.")
    batches = first_batches(plugin) if "activations" in has else []
    largest = max((int(batch.tokens[~batch.special].max(initial=0)) for batch in batches), default=0)
    require(logits.shape[1] > largest, f"There are {logits.shape[1]} logits, but the tokens go up to {largest}.")
    require(is_finite(logits) and not logits.requires_grad, "Logits must be finite, without gradients.")
