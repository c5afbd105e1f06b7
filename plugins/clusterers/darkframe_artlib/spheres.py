"""Hypersphere ART and Ellipsoid ART (Anagnostopoulos & Georgiopoulos 2000, 2001): balls and ellipsoids of bounded radius."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import artlib
import numpy as np

from darkframe_artlib.compiled import compiled_or_none, one_class
from darkframe_artlib.plugin import EllipsoidARTParams, HypersphereARTParams
from darkframe_artlib.single import Growing, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64
    from darkframe_artlib.learning import Native


Params = TypeVar("Params", HypersphereARTParams, EllipsoidARTParams)


def length(value: float, unit: str, d: int) -> float:
    """A length in scaled rows, from one in its unit: the unit cube's side, or half its diagonal, √d / 2."""
    return float(value) * (np.sqrt(d) / 2 if unit == "half-diagonal" else 1.0)


def distances(rows: NDArray[Any], centres: NDArray[Any]) -> F64:
    """(n, K) Euclidean distances, by differences: exactly 0 for equal points."""
    from scipy.spatial.distance import cdist

    out: F64 = cdist(rows, centres)
    return out


def _too_small(params: Any, reach: float, rows: F64, d: int) -> str:
    apart = np.median(distances(rows[:128], rows[:128])[np.triu_indices(min(len(rows), 128), 1)])
    if params.radius_unit == "half-diagonal" or apart <= reach:
        return ""
    return (
        f"With r_hat = {params.r_hat:g} a row joins a cluster within {reach:.3g} of it, but half of the pairs of rows lie "
        f"further apart: distances grow with √d, d = {d} here. Set radius_unit=half-diagonal (r_hat times √d / 2 = "
        f"{np.sqrt(d) / 2:.3g})."
    )


class _Bounded(Growing[Params]):
    """Clusters whose size ``r_hat`` bounds."""

    tight: ClassVar[str] = "Lower rho, or let r_hat grow with the dimensions (radius_unit=half-diagonal), for larger clusters."

    def r_hat(self, d: int) -> float:
        """Largest radius (Ellipsoid ART: diameter) in scaled rows of d dimensions."""
        return length(self.params.r_hat, self.params.radius_unit, d)

    def remarks(self, rows: NDArray[Any], model: Model) -> tuple[str, ...]:
        if len(model.weights) <= 0.95 * len(rows) or len(rows) < 10:
            return ()
        reach = self.r_hat(model.dims) * (1.0 - self.params.rho)
        text = _too_small(self.params, reach, model.bounds.scale(rows[:128])[0], model.dims)
        return (text,) if text else ()


class HypersphereART(_Bounded[HypersphereARTParams]):
    """artlib's Hypersphere ART, compiled (its ARTMAP with one class, which never tracks a match) or Python."""

    name: ClassVar[str] = "hypersphereart"
    params_type: ClassVar[type[Any]] = HypersphereARTParams
    match_text: ClassVar[str] = "1 − max(radius, distance to the centre) / r_hat"

    def module(self, d: int) -> Any:
        p = self.params
        return artlib.HypersphereART(float(p.rho), float(p.alpha), float(p.beta), self.r_hat(d))

    def native(self, d: int) -> Native | None:
        def load() -> Any:
            from artlib.optimized.backends.cpp.cppHypersphereARTMAP import fit

            return fit

        fit = compiled_or_none(self.params, "HypersphereARTMAP", load)
        p, r_hat = self.params, self.r_hat(d)
        return fit and one_class(fit, rho=p.rho, alpha=p.alpha, beta=p.beta, r_hat=r_hat)

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        radius, r_hat = model.weights[:, -1], self.r_hat(model.dims)
        reached = np.maximum(radius, distances(rows, model.weights[:, :-1]))
        return (r_hat - reached) / (r_hat - radius + self.params.alpha), 1.0 - reached / r_hat

    def weight_length(self, d: int) -> int:
        return d + 1


class _Ellipsoid(artlib.EllipsoidART):  # type: ignore[misc]
    """The module of artlib, but for a row that lies at the centre of its category, which it leaves as it is.

    artlib divides 0 by 0 there, and the category, all NaN, takes every row from then on.
    """

    def update(self, i: Any, w: Any, params: dict[str, Any], cache: dict[str, Any] | None = None) -> Any:
        assert cache is not None
        return w if cache["dist"] == 0.0 else super().update(i, w, params, cache)


class EllipsoidART(_Bounded[EllipsoidARTParams]):
    """artlib's Ellipsoid ART, in Python; rows at a category's centre leave it as it is."""

    name: ClassVar[str] = "ellipsoidart"
    params_type: ClassVar[type[Any]] = EllipsoidARTParams
    match_text: ClassVar[str] = "1 − (radius + max(radius, distance along the ellipsoid)) / r_hat"

    def module(self, d: int) -> Any:
        p = self.params
        return _Ellipsoid(float(p.rho), float(p.alpha), float(p.beta), float(p.mu), self.r_hat(d))

    def _distances(self, rows: NDArray[Any], model: Model) -> F64:
        d, mu = model.dims, self.params.mu
        centres, axes = model.weights[:, :d], model.weights[:, d:-1]
        plain = distances(rows, centres)
        along = rows @ axes.T - (centres * axes).sum(axis=1)
        stretched = np.sqrt(np.maximum(plain**2 - (1 - mu * mu) * along**2, 0.0)) / mu
        out: F64 = np.where(axes.any(axis=1), stretched, plain)
        return out

    def scores(self, rows: NDArray[Any], model: Model) -> tuple[F64, F64]:
        radius, r_hat = model.weights[:, -1], self.r_hat(model.dims)
        reached = radius + np.maximum(radius, self._distances(rows, model))
        return (r_hat - reached) / (r_hat - 2 * radius + self.params.alpha), 1.0 - reached / r_hat

    def weight_length(self, d: int) -> int:
        return 2 * d + 1
