"""The clusterer: scikit-learn's HDBSCAN on vectors of length 1, as one level, or cut at several distances as nested ones."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from darkframe import ClusterContext, Clustering, DataError, Diagnostics, ParameterError, UserError

from darkframe_hdbscan.memory import require_distances
from darkframe_hdbscan.numbering import parents_of, renumbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe_hdbscan.plugin import HDBSCANParams

_SELECTION = ("cluster_selection_method", "cluster_selection_epsilon", "max_cluster_size", "allow_single_cluster")


class HDBSCAN:
    """Hierarchical density-based clustering (Campello, Moulavi, Zimek & Sander 2015); nothing in it is random.

    The *core distance* of a vector is that to its ``min_samples``-th neighbour; the *mutual reachability* of two vectors is the
    largest of their core distances and their own distance. λ is 1 / mutual reachability.

    Without ``cut_distances``: the clusters that HDBSCAN selects, one level. ``match`` is the strength of membership, λ / Λ for a
    vector that falls out of its cluster at λ, Λ being the largest at which any of the cluster's does: 1 in its densest part;
    NaN for noise.

    With them: at each distance the connected components of the vectors whose mutual reachability is at most that (DBSCAN*),
    those below ``min_cluster_size`` being noise. Components at a smaller distance are parts of those at a larger one, so that
    the levels nest. There is no ``match``.

    There is no ``predict``: where a new vector would fall in the tree changes the tree, and the nearest centre says nothing of
    clusters that may have any shape.
    """

    def __init__(self, params: HDBSCANParams) -> None:
        self.params = params

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Cluster (n, d) vectors. Their order decides the clusters' numbers, and between equal mutual reachabilities.

        Raises:
            UserError: Fewer vectors than ``min_cluster_size`` or ``min_samples``.
            ParameterError: Parameters that exclude one another.
            DataError: The vectors hold NaN or infinite values, or have no dimensions.
            OutOfMemoryError: All distances (``algorithm = "brute"``) would not fit in memory.
        """
        self._check(vectors)
        with context.progress.task("HDBSCAN", 2, "steps") as task:
            task.note(f"tree of {len(vectors):,} vectors")  # the long one: nothing is heard of it until it is grown
            rows, said = _prepared(vectors, self.params.normalise)
            model, warned = self._fitted(rows)
            task.advance()
            task.note("clusters of the tree")
            labels = self._labels(model)
            task.advance()
        return self._clustering(labels, model, (*said, *warned))

    def _check(self, vectors: NDArray[Any]) -> None:
        params, n = self.params, len(vectors)
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise DataError(f"The vectors have shape {vectors.shape}, not (n, d) with a dimension or more.")
        needed = max(params.min_cluster_size, params.min_samples or 0)
        if n < needed:
            name = "min_cluster_size" if needed == params.min_cluster_size else "min_samples"
            many = "1 vector is" if n == 1 else f"{n} vectors are"
            raise UserError(f"{many} fewer than {name} = {needed}.", hint=f"Lower {name}, or cluster more vectors.")
        if not np.isfinite(vectors).all():
            raise DataError("The vectors hold NaN or infinite values.")
        self._check_selection()
        if params.algorithm == "brute":
            require_distances(n)

    def _check_selection(self) -> None:
        """Nothing that is set is ignored."""
        params, cuts = self.params, self.params.cut_distances
        if params.cluster_selection_method == "leaf" and params.max_cluster_size is not None:
            raise ParameterError("max_cluster_size bounds the clusters of eom, not leaves.", hint="Leave one of the two out.")
        if (params.max_cluster_size or params.min_cluster_size) < params.min_cluster_size:
            raise ParameterError(
                f"max_cluster_size = {params.max_cluster_size} is below min_cluster_size = {params.min_cluster_size}."
            )
        if not cuts:
            return
        if list(cuts) != sorted(set(cuts), reverse=True):
            raise ParameterError(f"cut_distances = {', '.join(f'{cut:g}' for cut in cuts)} must fall: the coarsest level first.")
        defaults = {field.name: field.default for field in dataclasses.fields(params)}
        if changed := [name for name in _SELECTION if getattr(params, name) != defaults[name]]:
            raise ParameterError(
                f"With cut_distances nothing is selected from the tree, so that {changed[0]} says nothing.",
                hint="Leave one of the two out.",
            )

    def _fitted(self, rows: NDArray[np.float64]) -> tuple[Any, tuple[str, ...]]:
        """The fitted estimator and what it warned of."""
        from sklearn.cluster import HDBSCAN as Estimator

        own = {field.name: getattr(self.params, field.name) for field in dataclasses.fields(self.params)}
        del own["normalise"], own["cut_distances"]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model = Estimator(**own, copy=True).fit(rows)
            except TypeError as error:
                raise self._explained(error) from error
        return model, tuple(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))

    def _explained(self, error: TypeError) -> Exception:
        """The error to raise for one of scikit-learn's, which trips over a known fault (its issue 33219) under NumPy 2.4."""
        import sklearn

        if not self.params.cluster_selection_epsilon or "0-dimensional" not in str(error):
            return error
        versions = f"scikit-learn {sklearn.__version__} with NumPy {np.__version__}"
        return UserError(
            f"{versions} cannot merge clusters below a distance: it fails on a NumPy array (scikit-learn issue 33219).",
            hint="Leave cluster_selection_epsilon at 0, cut at that distance (cut_distances), or install 'numpy<2.4'.",
        )

    def _labels(self, model: Any) -> NDArray[np.int64]:
        """(levels, n), coarsest first."""
        if not self.params.cut_distances:
            return renumbered(model.labels_)[None]
        size = self.params.min_cluster_size
        return np.stack([renumbered(model.dbscan_clustering(cut, size)) for cut in self.params.cut_distances])

    def _clustering(self, labels: NDArray[np.int64], model: Any, said: tuple[str, ...]) -> Clustering:
        match = None
        if not self.params.cut_distances:
            match = np.where(labels >= 0, model.probabilities_[None], np.nan)
        clusters = tuple(int(level.max()) + 1 for level in labels)
        told = (sentence for number, level in enumerate(labels) for sentence in self._noise_told(level, number))
        diagnostics = Diagnostics(
            converged=True,  # in closed form
            iterations=0,
            warnings=(*said, *told),
            details=self._details(labels),
        )
        return Clustering(labels, parents_of(labels), diagnostics, clusters, match=match)

    def _noise_told(self, labels: NDArray[np.int64], level: int) -> list[str]:
        """What there is to say where all or none of the vectors are noise."""
        noise, cuts, size = int((labels < 0).sum()), self.params.cut_distances, self.params.min_cluster_size
        where = f" at distance {cuts[level]:g}" if cuts else ""
        if noise == len(labels):
            lower = "Cut at a larger distance, or lower min_cluster_size." if cuts else "Lower min_cluster_size or min_samples."
            return [f"Every vector is noise{where}: no {size:,} lie together more densely than what surrounds them. {lower}"]
        return [] if noise else [f"No vector is noise{where}: every one is in a cluster."]

    def _details(self, labels: NDArray[np.int64]) -> dict[str, Any]:
        import sklearn

        params = self.params
        noise = [int((level < 0).sum()) for level in labels]
        return {
            "noise": noise if len(noise) > 1 else noise[0],
            "share of noise": ", ".join(f"{count / labels.shape[1]:.1%}" for count in noise),
            "min_samples": params.min_samples or params.min_cluster_size,
            "metric": f"{params.metric}, vectors of length 1" if params.normalise else params.metric,
            "scikit-learn": sklearn.__version__,
        }


def _prepared(vectors: NDArray[Any], normalise: bool) -> tuple[NDArray[np.float64], list[str]]:
    """The vectors in float64 of their own, scaled to length 1 if wanted, and what there is to say about that."""
    rows = np.array(vectors, np.float64, order="C")
    if not normalise:
        return rows, []
    rows /= np.maximum(np.abs(rows).max(axis=1, initial=0.0, keepdims=True), np.finfo(np.float64).tiny)  # squares stay finite
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1.0)
    zero = int((lengths == 0).sum())
    many = "1 vector is zero and has no direction: it lies" if zero == 1 else f"{zero:,} vectors are zero: they lie"
    return rows, [f"{many} at distance 1 from all of length 1."] if zero else []
