"""Records of what tracking starts from: a fitted model, and the axes that rows are reduced to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackedModel:
    """The fitted model that tracking began from.

    Attributes:
        run: The run it comes from.
        source: What it was fitted on.
        rows, dims: Rows it had learned, and their dimensions.

    Computed in:
        studies/tracking/start.py
    """

    run: str
    source: str
    rows: int
    dims: int


@dataclass(frozen=True)
class TrackedAxes:
    """The PCA: axes of the rows of all checkpoints together, or the model's own.

    Attributes:
        dims: Dimensions kept, or None: the rows as they are.
        share: Of the variance of those rows in them.
        of: ``all checkpoints``, ``the model`` or empty.

    Computed in:
        studies/tracking/rows.py, numerics/pooled.py
    """

    dims: int | None
    share: float
    of: str
