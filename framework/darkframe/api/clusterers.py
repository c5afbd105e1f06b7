"""Clusterers behind a guard: their faults become one sentence that names the plugin, and their results are checked."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.apart import seeded
from darkframe.api.clusterer_faults import OPTIONAL, fitted_fault
from darkframe.api.deprecations import warn_of_deprecated
from darkframe.api.guard import Guard, breach, made, optional
from darkframe.config import build, to_record
from darkframe.errors import UserError, described
from darkframe.interfaces import Clusterer, Clustering
from darkframe.plugin import ClustererInfo
from darkframe.registry import Found, Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import ClusterContext, ClustererMaker

_FEWER = "Cluster fewer features (taxonomy.sample=N), or fewer dimensions (taxonomy.pca_dims=N)."


class GuardedClusterer:
    """A clusterer, guarded. It has those of the optional methods that the clusterer has, and no others.

    Nothing in it refers to itself: a fitted model is large, and is to go as soon as it is let go of.

    Args:
        guard: The plugin's.
        inner: The clusterer.
        opener: What ``context.open`` is in its fits.
    """

    def __init__(self, guard: Guard, inner: Clusterer, opener: Callable[[str], ClustererMaker]) -> None:
        self._learn = partial(_learn, guard, inner, opener)
        with guard.doing("opener"):
            if hasattr(inner, "opener"):
                inner.opener = opener
        for name, fault_of in OPTIONAL.items():
            if (method := optional(inner, name)) is not None:
                setattr(self, name, guard.wrapped(name, method, fault_of))
        if optional(inner, "partial_fit") is not None:
            self.partial_fit = partial(self._learn, "partial_fit")

    def fit(self, vectors: NDArray[Any], context: ClusterContext) -> Clustering:
        return self._learn("fit", vectors, context)


def _learn(
    guard: Guard,
    inner: Clusterer,
    opener: Callable[[str], ClustererMaker],
    method: str,
    vectors: NDArray[Any],
    context: ClusterContext,
) -> Clustering:
    context = dataclasses.replace(context, open=opener)
    before = _checksum(vectors)
    with guard.doing(f"{method}()", _FEWER), seeded(context.seed):
        clustering = getattr(inner, method)(lent(vectors), context)
    if _checksum(vectors) != before:
        raise breach(guard.found, f"{method}() changed the vectors that it was given")
    if not isinstance(clustering, Clustering):
        raise breach(guard.found, f"{method}() gave {described(clustering)}, not a Clustering")
    guard.check(f"{method}()", fitted_fault, clustering, len(vectors), fresh=method == "fit")
    return clustering


def lent(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, so that a plugin that changes its input fails there and then."""
    view = array.view()
    view.flags.writeable = False
    return view


def _checksum(array: NDArray[Any]) -> int:
    """What tells whether an array was changed past the flag, as ``torch.from_numpy`` and ``.base`` allow; it reads 6 GB/s."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


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
        guard = Guard(self._found)
        return GuardedClusterer(guard, made(guard, self._class, Clusterer, "params", params), self.open)

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
        warn_of_deprecated([found], {})
        return Maker(found, build(found.info.params, {}, kind="clusterer", owner=f"clusterer {name!r}"), self._registry)
