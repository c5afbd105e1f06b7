"""TopoART (Tscherepanow 2010): boxes joined by edges, and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import artlib
import numpy as np

from darkframe_artlib.fuzzy import box_scores
from darkframe_artlib.nested import Levels, Nested
from darkframe_artlib.plugin import TopoARTParams
from darkframe_artlib.rows import Bounds, complement
from darkframe_artlib.scores import first_best, own
from darkframe_artlib.single import BLOCK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe import ClusterContext
    from darkframe.interfaces import F64, I64


class TopoART(Nested[TopoARTParams]):
    """artlib's TopoART over Fuzzy ART: level 1 are its permanent categories, level 0 what edges join together.

    An edge joins the best and the second-best category of a row where both pass vigilance. After every tau rows the categories
    with fewer than phi are removed; those with phi at the end are permanent. Rows whose own category is not permanent belong to
    the permanent one of highest choice if they pass its vigilance, and are noise (−1) otherwise. (artlib gives them the best
    category left, whether or not they pass.) Its categories are renumbered when some are removed, so it has no ``partial_fit``.
    """

    name: ClassVar[str] = "topoart"
    params_type: ClassVar[type[Any]] = TopoARTParams
    grouping: ClassVar[int] = 1

    @property
    def vigilance(self) -> tuple[float, ...]:
        return float(self.params.rho), float(self.params.rho)

    def module(self) -> Any:
        """A fresh module of artlib."""
        p = self.params
        base = artlib.FuzzyART(float(p.rho), float(p.alpha), float(p.beta))
        return artlib.TopoART(base, beta_lower=float(p.beta_lower), tau=p.tau, phi=p.phi)

    def learn(self, rows: NDArray[Any], bounds: Bounds, before: Levels | None, context: ClusterContext) -> tuple[Levels, I64]:
        module, n = self.module(), len(rows)
        labels = np.empty(n, np.int64)
        start = 0
        with context.progress.task(self.name, n, "rows") as task:
            while start < n:
                stop = min(start + BLOCK, (start // self.params.tau + 1) * self.params.tau, n)
                module.labels_ = np.zeros(0, int)
                labels[start:stop] = module.partial_fit(complement(bounds.scale(rows[start:stop])[0])).labels_
                if stop % self.params.tau == 0:
                    _relabel(labels[:stop], self._permanent(module))
                    module.labels_ = np.zeros(0, int)
                    module.prune([])  # of the rows' labels, which artlib would change here, _relabel has taken care
                task.advance(stop - start)
                start = stop
        permanent = self._permanent(module)
        _relabel(labels, permanent)
        weights = np.array([w for w, stays in zip(module.W, permanent, strict=True) if stays]).reshape(-1, 2 * rows.shape[1])
        parents = _components(np.asarray(module.adjacency).reshape(len(permanent), len(permanent))[np.ix_(permanent, permanent)])
        labels = self._placed(rows, bounds, labels, weights)
        return Levels(bounds, (None, weights), (parents,)), np.stack([_above(labels, parents), labels])

    def _permanent(self, module: Any) -> NDArray[np.bool_]:
        """Which categories stay: those that have phi rows, or had at an earlier removal."""
        if not module.W:
            return np.zeros(0, bool)
        stays: NDArray[np.bool_] = module._permanent_mask | (np.array(module.weight_sample_counter_) >= self.params.phi)
        return stays

    def _placed(self, rows: NDArray[Any], bounds: Bounds, labels: I64, weights: F64) -> I64:
        lost = np.flatnonzero(labels < 0)
        for start in range(0, len(lost) if len(weights) else 0, BLOCK):
            part = lost[start : start + BLOCK]
            coded = complement(bounds.scale(rows[part])[0])
            choices, matches = box_scores(coded, weights, self.params.alpha)
            best = first_best(choices)
            labels[part] = np.where(own(matches, best) >= self.params.rho, best, -1)
        return labels

    def remarks(self, labels: I64, model: Levels) -> list[str]:
        noise = int((labels[1] < 0).sum())
        if not model.clusters(1):
            p = self.params
            return [f"No category reached phi = {p.phi} rows within tau = {p.tau}: all rows are noise. Lower phi, or raise tau."]
        return [f"{noise:,} of {labels.shape[1]:,} rows are noise (−1)."] if noise else []


def _relabel(labels: I64, stays: NDArray[np.bool_]) -> None:
    """Number the categories that stay anew, in place; rows of the others get −1."""
    new = np.where(stays, np.cumsum(stays) - 1, -1)
    labels[:] = np.where(labels >= 0, new[np.maximum(labels, 0)] if len(new) else -1, -1)


def _above(labels: I64, parents: I64) -> I64:
    return np.where(labels >= 0, parents[np.maximum(labels, 0)], -1) if len(parents) else labels.copy()


def _components(adjacency: NDArray[Any]) -> I64:
    """(K,) connected component of each node, numbered by their first nodes; edges count in both directions."""
    from scipy.sparse.csgraph import connected_components

    if not len(adjacency):
        return np.zeros(0, np.int64)
    found = connected_components(adjacency, directed=False)[1]
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    ranks: I64 = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    return ranks
