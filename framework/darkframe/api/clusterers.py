"""Clusterers behind a guard: their faults become one sentence that names the plugin, and their results are checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from darkframe.api.guard import blamed, broken, guarded, require
from darkframe.config import build, to_record
from darkframe.errors import UserError
from darkframe.interfaces import Assignment, Clusterer, Clustering
from darkframe.numerics.clusterings import clustering_fault
from darkframe.plugin import ClustererInfo
from darkframe.registry import Found, Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import ClusterContext, ClustererMaker

OPTIONAL = ("matches", "state", "restore", "boxes")
"""What a clusterer may have beside ``fit``, ``partial_fit`` and ``predict``."""

_FEWER = "Cluster fewer features (taxonomy.sample=N), or fewer dimensions (taxonomy.pca_dims=N)."


class GuardedClusterer:
    """A clusterer, guarded. It has those of the optional methods that the clusterer has, and no others.

    Nothing in it refers to itself: a fitted model is large, and is to go as soon as it is let go of.

    Args:
        found: The plugin.
        inner: The clusterer.
        opener: What ``context.open`` is in its fits.
    """

    def __init__(self, found: Found, inner: Clusterer, opener: Callable[[str], ClustererMaker]) -> None:
        self._learn = partial(_learn, found, inner, opener)
        if hasattr(inner, "opener"):
            inner.opener = opener
        for name in OPTIONAL:
            if callable(method := getattr(inner, name, None)):
                setattr(self, name, guarded(found, name, method))
        if callable(getattr(inner, "partial_fit", None)):
            self.partial_fit = partial(self._learn, "partial_fit")
        if callable(getattr(inner, "predict", None)):
            self.predict = partial(_predict, found, inner)

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        return self._learn("fit", vectors, context)


def _learn(
    found: Found,
    inner: Clusterer,
    opener: Callable[[str], ClustererMaker],
    method: str,
    vectors: NDArray[Any],
    context: ClusterContext,
) -> Clustering:
    context = dataclasses.replace(context, open=opener)
    given = vectors.view()
    given.flags.writeable = False  # a plugin that changes its input fails here, not in what is computed next
    with blamed(found, f"{method}()", _FEWER):
        clustering = getattr(inner, method)(given, context)
    if not isinstance(clustering, Clustering):
        raise broken(found, f"breaks its contract: {method}() gave a {type(clustering).__name__}, not a Clustering")
    with blamed(found, f"{method}()"):
        fault = clustering_fault(clustering, len(vectors))
    if fault:
        raise broken(found, f"breaks its contract: {fault}")
    return clustering


def _predict(found: Found, inner: Any, vectors: NDArray[Any]) -> Assignment:
    with blamed(found, "predict()", _FEWER):
        assignment = inner.predict(vectors)
    if not isinstance(assignment, Assignment):
        raise broken(found, f"breaks its contract: predict() gave a {type(assignment).__name__}, not an Assignment")
    return assignment


class Maker:
    """Makes a fresh clusterer, guarded, at each call; see ``darkframe.interfaces.ClustererMaker``.

    Args:
        found: The plugin.
        params: Its parameters.
        registry: Where a clusterer that builds on another finds it.
    """

    def __init__(self, found: Found, params: Any, registry: Registry) -> None:
        self._found, self._params, self._registry = found, params, registry
        self._class = found.load()

    @property
    def info(self) -> ClustererInfo:
        info = self._found.info
        assert isinstance(info, ClustererInfo)
        return info

    @property
    def params(self) -> Any:
        return self._params

    def __call__(self, **changed: Any) -> GuardedClusterer:
        params = self._params if not changed else self._changed(changed)
        with blamed(self._found, f"{self._class.__name__}(params)"):
            inner = self._class(params)
        require(self._found, inner, Clusterer)
        return GuardedClusterer(self._found, inner, self.open)

    def _changed(self, changed: dict[str, Any]) -> Any:
        values = to_record(self._params) | changed
        return build(self.info.params, values, kind="clusterer", owner=f"clusterer {self._found.name!r}")

    def open(self, name: str) -> Maker:
        """Another installed clusterer, with its defaults.

        Raises:
            UserError: There is none of that name, or it is this one.
        """
        found = self._registry.get("clusterer", name)
        if found.qualified == self._found.qualified:
            raise UserError(f"The clusterer {self._found.name!r} cannot build on itself.", hint="Name another base.")
        return Maker(found, build(found.info.params, {}, kind="clusterer", owner=f"clusterer {name!r}"), self._registry)
