"""A scikit-learn clusterer as a clusterer plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from darkframe.adapters.estimators import Heard, arguments, heard, iterations, load, told, untouched
from darkframe.errors import DataError, ParameterError, PluginError, UserError
from darkframe.interfaces import Assignment, ClusterContext, Clustering, Diagnostics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from darkframe.interfaces import I64

Result = TypeVar("Result")


class SklearnClusterer:
    """Fits a scikit-learn clusterer to the vectors as they are; a flat clustering, of one level.

    The estimator's constructor gets every field of the plugin's parameters, and ``random_state`` (the fit's seed) where it takes
    one and the parameters do not have it.

    Labels are those of ``fit_predict``, or of ``labels_`` after ``fit``, renumbered from 0 in the order in which clusters first
    occur among the vectors; negative ones stay −1, noise. Where the estimator has ``predict``, so has this (it gives the same
    numbers); its vectors pass, as there is no vigilance. There is no match and no margin: a subclass that knows one can add it
    in ``finish``.

    Attributes:
        estimator: ``"package.module:Class"`` or the class itself.
        fixed: Arguments of its constructor that are not the user's to set.
        predict: (vectors) → ``Assignment``; only where the estimator has such a method.
    """

    estimator: ClassVar[str | type[Any]]
    fixed: ClassVar[Mapping[str, Any]] = {}
    predict: Callable[[NDArray[Any]], Assignment]

    def __init__(self, params: Any = None) -> None:
        self.params = params
        self._fitted = _Fitted()
        if callable(getattr(load(self.estimator), "predict", None)):
            self.predict = partial(_predict, self._fitted)  # of what was fitted, not of self: no cycle keeps a model alive

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        """Cluster (n, d) vectors.

        Raises:
            UserError: There are fewer vectors than clusters, or too few for the method.
            ParameterError: The estimator does not take a value.
            DataError: The vectors hold NaN or infinite values.
            PluginError: The estimator does not take a parameter, or gave no labels.
        """
        import numpy as np

        _check(vectors)
        found = load(self.estimator)
        given = arguments(found, self.params, self.fixed, random_state=context.seed)
        with context.progress.task(found.__name__, 1, "fit") as task:
            task.note(_many(len(vectors)))
            model, raw, caught = _fit(lambda: found(**given), vectors)
            task.advance()
        numbers = _numbers(raw, _known(model, raw))
        self._fitted.remember(model, numbers, vectors.shape[1])
        labels = _renumbered(raw, numbers)
        clusters = len(numbers) if hasattr(model, "predict") else int(labels.max(initial=-1)) + 1
        said = Diagnostics(caught.converged, iterations(model), caught.sentences, details=told(model))
        return self.finish(Clustering(np.atleast_2d(labels), (), said, (clusters,)), model)

    def finish(self, clustering: Clustering, model: Any) -> Clustering:
        """What to give back of a clustering by the fitted estimator ``model``; for subclasses that add to it."""
        return clustering


class _Fitted:
    """A fitted estimator and the numbers of its clusters; nothing before a fit."""

    def __init__(self) -> None:
        self.model: Any = None
        self.numbers: dict[int, int] = {}
        self.dims = 0

    def remember(self, model: Any, numbers: dict[int, int], dims: int) -> None:
        self.model, self.numbers, self.dims = model, numbers, dims


def _predict(fitted: _Fitted, vectors: NDArray[Any]) -> Assignment:
    """Each vector's cluster, by the estimator's own ``predict``.

    Raises:
        UserError: Nothing was fitted, or the vectors have other dimensions.
        DataError: The vectors hold NaN or infinite values.
        PluginError: The estimator named a cluster that it did not know when it was fitted.
    """
    import numpy as np

    if fitted.model is None:
        raise UserError("Nothing was fitted yet, so that there is no cluster to predict.", hint="Call fit first.")
    if vectors.ndim == 2 and vectors.shape[1] != fitted.dims:
        raise UserError(f"The vectors have {vectors.shape[1]} dimensions, but the clusters were fitted on {fitted.dims}.")
    _check(vectors)
    found = _integers(_let_read(fitted.model.predict, vectors), len(vectors), type(fitted.model).__name__)
    if unknown := sorted(set(found[found >= 0].tolist()) - set(fitted.numbers)):
        raise PluginError(f"{type(fitted.model).__name__}.predict gave a label {unknown[0]}, which its fit does not know.")
    shape = (1, len(vectors))
    labels = _renumbered(found, fitted.numbers).reshape(shape)
    return Assignment(labels, np.ones(shape, np.bool_), np.full(shape, np.nan))


def _many(n: int) -> str:
    return "1 vector" if n == 1 else f"{n:,} vectors"


def _check(vectors: NDArray[Any]) -> None:
    import numpy as np

    if vectors.ndim != 2 or not vectors.shape[1]:
        raise DataError(f"The vectors have shape {vectors.shape}, not (n, d) with a dimension or more.")
    if not len(vectors):
        raise UserError("There are no vectors to cluster.")
    if not np.isfinite(vectors).all():
        raise DataError("The vectors hold NaN or infinite values.")


def _fit(make: Callable[[], Any], vectors: NDArray[Any]) -> tuple[Any, I64, Heard]:
    """The fitted estimator, its own labels (n,), and what it said."""
    model = make()
    name, n = type(model).__name__, len(vectors)
    if isinstance(wanted := model.get_params().get("n_clusters"), int) and wanted > n:
        raise UserError(
            f"{wanted:,} clusters were asked for, but there {'are' if n > 1 else 'is'} {_many(n)}.",
            hint="Lower n_clusters.",
        )

    def once(given: NDArray[Any]) -> tuple[Any, Any, Heard]:
        model = make()
        raw, caught = heard(model, lambda: _labels(model, given))
        return model, raw, caught

    try:
        model, raw, caught = _let_read(once, vectors)
    except ValueError as error:
        raise _as_users(error, f"{name} cannot cluster {_many(n)} of {vectors.shape[1]:,} dimensions") from error
    return model, _integers(raw, n, name), caught


def _labels(model: Any, vectors: NDArray[Any]) -> Any:
    if callable(getattr(model, "fit_predict", None)):
        return model.fit_predict(vectors)
    model.fit(vectors)
    if not hasattr(model, "labels_"):
        raise PluginError(f"{type(model).__name__} has neither fit_predict nor labels_: it is no clusterer.")
    return model.labels_


def _let_read(call: Callable[[NDArray[Any]], Result], vectors: NDArray[Any]) -> Result:
    """What ``call`` gives of the vectors, which it cannot write to; of a copy of its own where it would."""
    try:
        return call(untouched(vectors))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
    return call(vectors.copy())


def _as_users(error: ValueError, lead: str) -> UserError:
    """What scikit-learn refuses, it says in a ValueError: a value that a parameter does not take, or vectors too few."""
    from sklearn.utils._param_validation import InvalidParameterError

    text = " ".join(str(error).split()).rstrip(".")
    return ParameterError(f"{text}.") if isinstance(error, InvalidParameterError) else UserError(f"{lead}: {text}.")


def _integers(raw: Any, n: int, name: str) -> I64:
    import numpy as np

    labels = np.asarray(raw)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise PluginError(f"{name} gave labels of shape {labels.shape} and type {labels.dtype} for {n} vectors.")
    return labels.astype(np.int64)


def _known(model: Any, raw: I64) -> int:
    """Clusters that ``predict`` may name, those included that got no vector."""
    most = [int(raw.max(initial=-1)) + 1]
    if hasattr(model, "predict"):
        wanted = model.get_params().get("n_clusters")
        most += [wanted] if isinstance(wanted, int) else []
        centres = (getattr(model, name, ()) for name in ("cluster_centers_", "subcluster_centers_"))
        most += [len(found) for found in centres] if not isinstance(wanted, int) else []
    return max(most)


def _numbers(raw: I64, known: int) -> dict[int, int]:
    """New number of each of the estimator's labels: as they first occur, then those that do not, in their own order."""
    import numpy as np

    values, first = np.unique(raw[raw >= 0], return_index=True)
    ordered = values[np.argsort(first, kind="stable")].tolist()
    missing = sorted(set(range(known)) - set(ordered))
    return {label: number for number, label in enumerate([*ordered, *missing])}


def _renumbered(raw: I64, numbers: dict[int, int]) -> I64:
    import numpy as np

    table: NDArray[np.int64] = np.full(max(numbers, default=-1) + 2, -1, np.int64)  # its last place, −1, is noise
    table[list(numbers)] = list(numbers.values())
    out: I64 = table[np.maximum(raw, -1)]
    return out
