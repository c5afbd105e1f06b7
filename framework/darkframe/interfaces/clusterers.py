"""The contract of a clusterer: vectors in, labels at one or more levels out; and what some can do beyond it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from darkframe.interfaces.decomposers import Diagnostics, FitContext

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces.arrays import F64, I64, Bool
    from darkframe.plugin import ClustererInfo


@dataclass(frozen=True)
class ClusterContext(FitContext):
    """What the framework hands to every fit of a clusterer.

    Attributes:
        bounds: (minimum, maximum), each (d,) float64, to scale the vectors by where the clusterer scales them to [0, 1]; None:
            those of the vectors it is fitted on. A clusterer that scales nothing ignores it.
        open: Opens another installed clusterer by its name, for those that build on one (``smart`` over a base); None where
            nothing but the clusterer itself is there. Where the clusterer has an attribute ``opener``, the framework sets it to
            the same function before it calls anything, so that a kept model can be opened again.
    """

    bounds: tuple[F64, F64] | None = None
    open: Callable[[str], ClustererMaker] | None = None


@dataclass(frozen=True, eq=False)
class Clustering:
    """Labels of n vectors at one or more levels, coarsest first.

    A level's clusters are numbered from 0 in the order in which they were made; level ℓ + 1 nests in level ℓ. It can be pickled,
    and its diagnostics can be written as JSON.

    Attributes:
        labels: (levels, n) int64; −1 marks noise.
        parents: For each level after the first, (clusters of that level,) int64 cluster ids of the level above.
        diagnostics: See ``Diagnostics``.
        clusters: Clusters known at each level so far, those included that got none of these vectors; empty: as many as
            ``labels`` holds, without gaps.
        vigilance: ρ of each level, where the method has one; else empty.
        match: (levels, n) float64, how well each vector matches the cluster it ended in, after learning, by the method's own
            match function (Fuzzy ART: |I ∧ w| / d, 1 is best); finite but for noise, which is NaN; None where there is no such
            thing.
        margin: (levels, n) float64, activation margin: choice of the winning cluster less that of the best other one (of the
            same parent) after learning; None, or NaN where there is no other.
        width: For each level, (clusters,) float64 mean box width over the dimensions in scaled units: 0 is a point, 1 the whole
            range; NaN for a cluster without a box, empty where none has one.
    """

    labels: I64
    parents: tuple[I64, ...]
    diagnostics: Diagnostics
    clusters: tuple[int, ...] = ()
    vigilance: tuple[float, ...] = ()
    match: F64 | None = None
    margin: F64 | None = None
    width: tuple[F64, ...] = ()


@dataclass(frozen=True, eq=False)
class Assignment:
    """Known clusters that vectors belong to; nothing is learned.

    Attributes:
        labels: (levels, n) int64: at each level the cluster of highest choice (among the children of the one above), whether or
            not it passes vigilance; −1 only where the method calls it noise.
        passed: (levels, n) bool: whether it passes its level's vigilance (True where the method has none).
        match: (levels, n) float64 by the method's match function; NaN where it has none.
    """

    labels: I64
    passed: Bool
    match: F64


@runtime_checkable
class Clusterer(Protocol):
    """Groups vectors. Constructed as ``Class(params)``; a fit starts anew and leaves its model in the object.

    Labels depend on the vectors' values and order, on the parameters, and on ``seed``, ``bounds`` and ``open`` of the context,
    and on nothing else: not on the layout of the vectors in memory, not on whether the same values come as float32 or float64,
    not on the fits before, not on Python's or numpy's global random generators. The vectors' own minimum and maximum as
    ``bounds`` are as good as none. Of tight groups that lie far apart, no cluster of the finest level mixes any.

    Rows of every kind (one, none, fewer than there are to be clusters, all equal, with constant dimensions, near the largest or
    smallest float) are clustered or refused with an error of ``darkframe.errors`` that says why: never another exception, never a
    result with NaN. Rows that are equal need not get one label where the order of rows matters.

    A fit prints nothing and lets out no Python warning: what there is to say stands in ``diagnostics.warnings``. It reports to
    ``context.progress`` where it takes long, and lets a ``KeyboardInterrupt`` through, after which it can be fitted again.
    """

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Cluster (n, d) float32 or float64 vectors in the order given, which may matter; never changes them or the bounds.

        Raises:
            DataError: The vectors hold NaN or infinite values, which the message says.
            UserError: They cannot be clustered so, for instance because there are fewer than there are to be clusters.
        """


@runtime_checkable
class Grows(Protocol):
    """A clusterer that goes on learning; optional, for ``darkframe track``."""

    def partial_fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Go on with further vectors (the first call is a ``fit``); the labels are of these vectors.

        Clusters keep their numbers and new ones follow, so that the pieces of a data set give what the whole gives (with
        ``context.bounds``, or where the first piece spans the others). Values beyond the bounds are clipped, which the
        diagnostics' warnings say.

        Raises:
            UserError: The vectors have other dimensions than those of before; nothing is learned.
            DataError: The vectors hold NaN or infinite values; nothing is learned.
        """


@runtime_checkable
class Assigns(Protocol):
    """A fitted clusterer that places new vectors; optional."""

    def predict(self, vectors: NDArray[Any]) -> Assignment:
        """Each vector's cluster at each level, whatever vectors it comes with or after; never changes them.

        Where learning went on after a vector was learned, it may belong to another cluster now than the fit's labels say.

        Raises:
            UserError: The vectors have other dimensions than those it was fitted on, or it was not fitted.
            DataError: The vectors hold NaN or infinite values.
        """


@runtime_checkable
class Matches(Protocol):
    """A fitted clusterer with vigilance that says how well vectors match each of its clusters; optional."""

    def matches(self, vectors: NDArray[Any], level: int) -> tuple[F64, Bool]:
        """(n, clusters) match of each vector with each cluster of a level, and whether it passes the level's vigilance.

        They are what ``predict`` gives for the cluster that it names.

        Raises:
            UserError: There is no such level, or it was not fitted.
        """


@runtime_checkable
class Boxed(Protocol):
    """A fitted clusterer whose clusters are boxes; optional."""

    def boxes(self, level: int) -> tuple[F64, F64]:
        """Lower and upper corners, each (clusters, d), of a level's boxes in scaled units, where 0 and 1 are the bounds.

        Raises:
            UserError: There is no such level, or it was not fitted.
        """


@runtime_checkable
class Keeps(Protocol):
    """A clusterer whose fitted model can be kept and opened again; optional."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """The model as plain arrays: numbers or bools, no objects, no text. They do not change when the model goes on.

        Raises:
            UserError: It was not fitted.
        """

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that ``state`` was taken from: it predicts and goes on as that one would.

        Raises:
            StoreError: The arrays are not such a model's, one is missing, or they were made with parameters that give other
                predictions.
        """


class ClustererMaker(Protocol):
    """An installed clusterer and its parameters; makes a fresh one at each call."""

    @property
    def info(self) -> ClustererInfo:
        """What it declares."""

    @property
    def params(self) -> Any:
        """Its parameters, an instance of ``info.params``."""

    def __call__(self, **changed: Any) -> Clusterer:
        """A fresh clusterer, with some parameters changed (checked as ``--set`` is).

        Raises:
            ParameterError: There is no such parameter, or it does not take that value.
        """
