"""The disjoint groups that one pass keeps apart; every subset of the tokens is a union of them."""

from __future__ import annotations

#: Ordinary tokens of the two halves of the documents, massive tokens of the two, and special tokens at the context's first place.
HALF_A, HALF_B, MASSIVE_A, MASSIVE_B, POSITION_0 = range(5)
N_GROUPS = 5
