"""Clusterers behind a guard: their faults become one sentence that names the plugin, and their results are checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.api.guard import blamed, broken, guarded, require
from darkframe.config import build, to_record
from darkframe.errors import UserError
from darkframe.interfaces import Assignment, Clusterer, Clustering
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


def clustering_fault(clustering: Clustering, n: int) -> str:
    """What is wrong with a clustering of n rows, in words; empty if nothing is."""
    labels = clustering.labels
    if labels.ndim != 2 or labels.shape[1] != n or not len(labels):
        return f"its labels have shape {labels.shape}, not (levels, {n})"
    if labels.dtype.kind not in "iu":
        return f"its labels are {labels.dtype}, not integers"
    if labels.size and labels.min() < -1:
        return f"a label is {labels.min()}; they count from 0, and -1 is noise"
    if len(clustering.parents) != len(labels) - 1:
        return f"it gave {len(labels)} levels of labels and {len(clustering.parents)} of parents, not one fewer"
    return _nesting_fault(clustering) or _measures_fault(clustering, n)


def _nesting_fault(clustering: Clustering) -> str:
    for level, parents in enumerate(clustering.parents, start=1):
        own, above = clustering.labels[level], clustering.labels[level - 1]
        inside = own >= 0
        if inside.any() and own.max() >= len(parents):
            return f"level {level} has a label {own.max()}, but {len(parents)} parents"
        if (np.asarray(parents)[own[inside]] != above[inside]).any():
            return f"level {level} does not nest in level {level - 1}: a row's cluster has another parent than the row"
    return ""


def _measures_fault(clustering: Clustering, n: int) -> str:
    levels = len(clustering.labels)
    for name in ("match", "margin"):
        values = getattr(clustering, name)
        if values is not None and np.shape(values) != (levels, n):
            return f"its {name} has shape {np.shape(values)}, not ({levels}, {n})"
    for name in ("clusters", "vigilance", "width"):
        if getattr(clustering, name) and len(getattr(clustering, name)) != levels:
            return f"its {name} has {len(getattr(clustering, name))} entries for {levels} levels"
    return ""


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
