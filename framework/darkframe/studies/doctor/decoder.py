"""The decoder itself: its shape, its norms, rows that are zero or not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from darkframe.results.doctor import DOUBTFUL, PASS, WRONG, Check

if TYPE_CHECKING:
    from darkframe.interfaces import Dictionary, SourceCard

UNIT = 1e-3
ZERO = 1e-6
ZERO_SHARE = 0.01
_TITLE = "decoder"


def decoder_checks(dictionary: Dictionary, card: SourceCard) -> list[Check]:
    """Shape and norms of W_dec."""
    shape = _shape(dictionary, card)
    return [shape] if shape.verdict == WRONG else [shape, _norms(dictionary.W_dec)]


def _shape(dictionary: Dictionary, card: SourceCard) -> Check:
    found, wanted = tuple(dictionary.W_dec.shape), (card.n_features, card.d_model)
    text, expected = (f"{a[0]:,} × {a[1]:,}" if len(a) == 2 else str(a) for a in (found, wanted))
    if found == wanted:
        return Check("decoder-shape", f"{_TITLE} shape", PASS, text, expected, "the source's card")
    turned = " It is transposed." if found == wanted[::-1] else ""
    cause = f"W_dec has one row of d_model values a feature.{turned} The SAE was loaded wrongly, or is of another kind."
    return Check("decoder-shape", f"{_TITLE} shape", WRONG, text, expected, "the source's card", cause)


@torch.no_grad()
def _norms(decoder: torch.Tensor) -> Check:
    name, title = "decoder-norms", f"{_TITLE} norms"
    norms = torch.linalg.vector_norm(decoder.float(), dim=1)
    bad = int((~torch.isfinite(norms)).sum())
    if bad:
        cause = "The weights are damaged: fetch the SAE again."
        return Check(name, title, WRONG, f"{bad:,} rows hold NaN or infinity", "finite", "", cause, value=float(bad))
    low, high, median = float(norms.min()), float(norms.max()), float(norms.median())
    unit = abs(low - 1) <= UNIT and abs(high - 1) <= UNIT
    zero = int((norms <= ZERO * median).sum())
    found = "all of length 1" if unit else f"{low:.3g} to {high:.3g}, median {median:.3g}"
    if zero > ZERO_SHARE * len(norms):
        cause = (
            f"{zero:,} of {len(norms):,} features have no direction: the weights may be incomplete, or dead features were zeroed."
        )
        return Check(name, title, DOUBTFUL, found, "no row zero", "", cause, value=float(zero))
    return Check(name, title, PASS, found + (f"; {zero:,} zero" if zero else ""), value=median)
