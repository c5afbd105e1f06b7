"""Going on with further vectors: ``partial_fit``."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import UserError
from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import fitted, learned, model_of, plain, refused, refused_as_not_finite
from darkframe.testing.clusterers.planted import loose_groups
from darkframe.testing.clusterers.repeating import same_labels
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from darkframe.interfaces import Clustering
    from darkframe.testing.subject import Subject

_CUTS = (1, 2, 30, 61)


def _bounds() -> Any:
    vectors = loose_groups()
    return vectors.min(axis=0).astype(np.float64), vectors.max(axis=0).astype(np.float64)


def _pieces(clusterer: Subject) -> list[Clustering]:
    model, context = clusterer.make(), clusterer.context(bounds=_bounds())
    return [learned(model, "partial_fit", piece, context) for piece in np.split(loose_groups(), _CUTS)]


@CLUSTERER("partial_fit")
def the_first_partial_fit_is_a_fit(clusterer: Subject) -> None:
    """``partial_fit`` of a fresh object gives what ``fit`` gives."""
    first = learned(clusterer.make(), "partial_fit", loose_groups(), clusterer.context())
    same_labels(first.labels, plain(clusterer).labels, "The first partial_fit()")


@CLUSTERER("partial_fit")
def pieces_give_what_the_whole_gives(clusterer: Subject) -> None:
    """Vectors that come in pieces, with bounds that span all, get the labels that they get at once."""
    pieces, whole = _pieces(clusterer), fitted(clusterer, loose_groups(), bounds=_bounds())
    same_labels(np.hstack([piece.labels for piece in pieces]), whole.labels, "partial_fit() piece by piece")
    require(
        pieces[-1].clusters == whole.clusters,
        f"After the last piece there are {pieces[-1].clusters} clusters, expected {whole.clusters}.",
    )


@CLUSTERER("partial_fit")
def clusters_keep_their_numbers(clusterer: Subject) -> None:
    """From piece to piece no level loses clusters, and each cluster keeps its parent."""
    pieces = _pieces(clusterer)
    for earlier, later in pairwise(pieces):
        fewer = any(now < before for before, now in zip(earlier.clusters, later.clusters))
        require(not fewer, f"There were {earlier.clusters} clusters, and after further vectors {later.clusters}.")
        for before, now in zip(earlier.parents, later.parents):
            require(np.array_equal(now[: len(before)], before), "Further vectors gave a known cluster another parent.")


@CLUSTERER("partial_fit")
def growing_refuses_other_dimensions(clusterer: Subject) -> None:
    """``partial_fit`` of vectors of other dimensions than those before is refused as the user's mistake."""
    model, _ = model_of(clusterer, loose_groups())
    for given in (loose_groups()[:, :4], np.hstack([loose_groups(), loose_groups()])):
        what = f"partial_fit() of {given.shape[1]} dimensions after a fit of 6"
        refused(UserError, what, learned, model, "partial_fit", given, clusterer.context())


@CLUSTERER("partial_fit")
def growing_refuses_what_is_not_finite(clusterer: Subject) -> None:
    """``partial_fit`` of vectors with NaN or infinite values is refused with an error that says so; nothing is learned."""
    first, rest = np.split(loose_groups(), [40])
    context = clusterer.context(bounds=_bounds())
    model, expected = clusterer.make(), clusterer.make()
    for one in (model, expected):
        learned(one, "fit", first, context)
    for value in (np.nan, np.inf):
        given = rest.copy()
        given[7, 2] = value
        what = f"partial_fit() of vectors with a value of {value}"
        refused_as_not_finite(what, learned, model, "partial_fit", given, context)
    goes_on, went_on = (learned(one, "partial_fit", rest, context).labels for one in (model, expected))
    same_labels(goes_on, went_on, "partial_fit() after one that was refused")


@CLUSTERER("partial_fit")
def growing_changes_no_vectors(clusterer: Subject) -> None:
    """``partial_fit`` changes no bit of the vectors."""
    model, _ = model_of(clusterer, loose_groups())
    vectors = loose_groups(seed=5)
    learned(model, "partial_fit", vectors, clusterer.context())
    require(vectors.tobytes() == loose_groups(seed=5).tobytes(), "partial_fit() changed the vectors that it was given.")
