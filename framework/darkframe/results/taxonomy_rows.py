"""Records of the taxonomy study's steps 1 to 5: the dictionary, the junk filter, and the rows that are clustered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Some values.

    Attributes:
        min, max, mean: Least, greatest and mean.
        sd: Standard deviation, dividing by their number.

    Computed in:
        studies/taxonomy/dictionary.py
    """

    min: float
    max: float
    mean: float
    sd: float


@dataclass(frozen=True)
class DictionaryRecord:
    """Step 1: the dictionary whose features are organised.

    Attributes:
        site: Layer or hook point whose dictionary this is.
        available: Sites the source's release has dictionaries for, as far as it says.
        n_features, d_model: Shape of W_dec.
        norms: Of the lengths of its rows.
        dead: Rows of zero length, which have no direction and are left out.

    Computed in:
        studies/taxonomy/dictionary.py
    """

    site: str
    available: tuple[str, ...]
    n_features: int
    d_model: int
    norms: Spread
    dead: int


@dataclass(frozen=True)
class JunkRecord:
    """Steps 2 and 3: the logit lens (final norm, then unembedding) over every decoder row, and the junk filter.

    Attributes:
        applied: False where the source has no unembedding or cannot tell what tokens read; ``note`` says so.
        note: What was left out and why, or empty.
        top: Tokens a feature is read by: those of highest logit.
        threshold: Junk tokens (they decode to U+FFFD or hold ``<|``) among them from which on a feature is junk; 0: none is.
        total: Features of the dictionary.
        kept: Live features that are not junk.
        filtered: Live features that are.
        counts: (top + 1,) live features with 0, 1, … junk tokens; empty where the filter was not applied.

    Computed in:
        studies/taxonomy/lens.py
    """

    applied: bool
    note: str
    top: int
    threshold: int
    total: int
    kept: int
    filtered: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class OrderRecord:
    """Step 4: which features are clustered, and in which order.

    Attributes:
        seed: Of the order and the draw.
        kept: Features that the junk filter left.
        n: Features clustered.
        sampled: Whether those were drawn at random from the kept ones (``taxonomy.sample``), or are all of them in random order.

    Computed in:
        studies/taxonomy/rows.py
    """

    seed: int
    kept: int
    n: int
    sampled: bool


@dataclass(frozen=True)
class PcaLandscape:
    """Step 5: principal components of the rows.

    Attributes:
        dims: Dimensions kept (``taxonomy.pca_dims``), or None: the rows as they are.
        share: Of the rows' variance in them; 1 without PCA.
        needed: Dimensions for a share of variance, by ``"50 %"``, ``"80 %"``, ``"90 %"``, ``"95 %"``, ``"99 %"``.
        of: Dimensions there are: min(n − 1, d).

    Computed in:
        studies/taxonomy/rows.py
    """

    dims: int | None
    share: float
    needed: Mapping[str, int]
    of: int
