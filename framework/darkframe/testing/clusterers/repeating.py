"""What labels depend on: the vectors' values, their order, the seed and the bounds, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import fitted, learned, model_of, plain, predicted
from darkframe.testing.clusterers.planted import DIMENSIONS, loose_groups
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import I64
    from darkframe.testing.subject import Subject


def same_labels(found: I64, expected: I64, what: str) -> None:
    """See that labels are the same, row by row."""
    require(found.shape == expected.shape, f"{what} gave labels of shape {found.shape}, expected {expected.shape}.")
    other = int((found != expected).any(axis=0).sum())
    require(not other, f"{what} gave {other} of {found.shape[1]} rows another label, expected the same labels.")


@CLUSTERER()
def fits_repeat(clusterer: Subject) -> None:
    """The same vectors and seed give the same labels, wherever the global random generators stand."""
    with _global_seed(1):
        first = fitted(clusterer, loose_groups()).labels
    with _global_seed(2):
        same_labels(fitted(clusterer, loose_groups()).labels, first, "A second fit with the same seed")


@CLUSTERER()
def fits_start_anew(clusterer: Subject) -> None:
    """A fit forgets the fits before it: of other dimensions, of other vectors, of the same."""
    model, expected = clusterer.make(), plain(clusterer).labels
    learned(model, "fit", loose_groups(seed=4)[:, :4], clusterer.context())
    learned(model, "fit", loose_groups(seed=3, n=50), clusterer.context())
    for what in ("A fit after fits of other vectors", "A fit after one of the same vectors"):
        same_labels(learned(model, "fit", loose_groups(), clusterer.context()).labels, expected, what)


@CLUSTERER()
def clusterings_stay_as_they_were(clusterer: Subject) -> None:
    """What a fit gave does not change when the same object is fitted again, goes on or predicts."""
    model, clustering = model_of(clusterer, loose_groups())
    kept = clustering.labels.copy()
    if "partial_fit" in clusterer.capabilities:
        learned(model, "partial_fit", loose_groups(seed=6), clusterer.context())
    learned(model, "fit", loose_groups(seed=4), clusterer.context())
    if "predict" in clusterer.capabilities:
        predicted(model, loose_groups(seed=5))
    same_labels(clustering.labels, kept, "Working on with the same object")


@CLUSTERER()
def strided_vectors_give_the_same_labels(clusterer: Subject) -> None:
    """A view of every other row and column of a larger array gives the labels of the same values laid out in order."""
    wide = np.full((180, 2 * DIMENSIONS), 1e9, np.float32)
    wide[::2, ::2] = loose_groups()
    _same_as_plain(clusterer, wide[::2, ::2], "A strided view of the same values")


@CLUSTERER()
def fortran_ordered_vectors_give_the_same_labels(clusterer: Subject) -> None:
    """Vectors stored column by column give the labels of the same values stored row by row."""
    _same_as_plain(clusterer, np.asfortranarray(loose_groups()), "Fortran order of the same values")


@CLUSTERER()
def float64_vectors_give_the_same_labels(clusterer: Subject) -> None:
    """Vectors in float64 give the labels of the same values in float32."""
    _same_as_plain(clusterer, loose_groups().astype(np.float64), "float64 of the same values")


@CLUSTERER()
def read_only_vectors_are_enough(clusterer: Subject) -> None:
    """Vectors that may not be written to, as the framework hands them out, give the same labels."""
    vectors = loose_groups()
    vectors.flags.writeable = False
    _same_as_plain(clusterer, vectors, "Read-only vectors")


@CLUSTERER()
def vectors_are_not_changed(clusterer: Subject) -> None:
    """Fitting changes no bit of the vectors or of the bounds."""
    vectors = loose_groups()
    bounds = vectors.min(axis=0).astype(np.float64) - 1, vectors.max(axis=0).astype(np.float64) + 1
    before = [array.tobytes() for array in (vectors, *bounds)]
    fitted(clusterer, vectors, bounds=bounds)
    for name, array, bytes_ in zip(("vectors", "lower bounds", "upper bounds"), (vectors, *bounds), before):
        require(array.tobytes() == bytes_, f"The fit changed the {name} that it was given; copy what is to be changed.")


@CLUSTERER()
def bounds_of_their_own_change_nothing(clusterer: Subject) -> None:
    """The vectors' own minimum and maximum as ``context.bounds`` give the labels that no bounds give."""
    vectors = loose_groups()
    own = vectors.min(axis=0).astype(np.float64), vectors.max(axis=0).astype(np.float64)
    found = fitted(clusterer, vectors, bounds=own).labels
    same_labels(found, plain(clusterer).labels, "The vectors' own minimum and maximum as bounds")


def _same_as_plain(clusterer: Subject, vectors: NDArray[Any], what: str) -> None:
    same_labels(fitted(clusterer, vectors).labels, plain(clusterer).labels, what)


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """The global random generators seeded, and put back afterwards."""
    kept, kept_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (what a plugin should not draw from)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_numpy)  # noqa: NPY002
