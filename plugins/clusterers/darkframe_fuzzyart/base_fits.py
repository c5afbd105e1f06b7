"""One level of SMART over a base: a fitted base for each parent, and the level's own numbers of their clusters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import ClusterContext, Clustering, Diagnostics, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64, Bool

    MakeBase = Callable[[float], Any]

_SHOWN = 5  # different warnings of the base's fits that are passed on


@dataclass
class Fit:
    """A base fitted to one parent's rows; ``ids[c]`` is the level's number of its cluster c."""

    model: Any
    ids: I64
    width: F64


@dataclass(frozen=True, eq=False)
class Learned:
    """What rows got at one level; match and margin are None where the base has none."""

    labels: I64
    match: F64 | None
    margin: F64 | None
    diagnostics: tuple[Diagnostics, ...]


class Level:
    """The fits of one level, by parent."""

    def __init__(self, rho: float) -> None:
        self.rho = rho
        self.fits: dict[int, Fit] = {}
        self.parents = np.empty(0, np.int64)

    def models(self) -> Iterator[Any]:
        """The bases."""
        return (fit.model for fit in self.fits.values())

    def learn(
        self, array: NDArray[Any], above: I64, make: MakeBase, context: ClusterContext, advance: Callable[[float], None]
    ) -> Learned:
        """Each parent's rows go to its base, in order; new clusters are numbered by their first row over all parents."""
        local = np.full(len(array), -1)
        parts: list[tuple[int, I64, Clustering]] = []
        for parent, rows in by_parent(above):
            parts.append((parent, rows, self._fit(parent, array[rows], make, context)))
            local[rows] = parts[-1][2].labels[0]
            advance(len(rows))
        self._number(parts)
        labels = np.full(len(array), -1)
        for parent, rows, _ in parts:
            labels[rows] = self._labels(parent, local[rows])
        said = tuple(part.diagnostics for _, _, part in parts)
        match, margin = (_gathered([(rows, getattr(part, name)) for _, rows, part in parts], len(array)) for name in _MEASURES)
        return Learned(labels, match, margin, said)

    def predict(self, array: NDArray[Any], above: I64, labels: I64, passed: Bool, match: F64) -> None:
        """Fill in each row's cluster among its parent's."""
        for parent, rows in by_parent(above):
            if parent in self.fits:
                assignment = self.fits[parent].model.predict(array[rows])
                labels[rows] = self._labels(parent, assignment.labels[0])
                passed[rows], match[rows] = assignment.passed[0], assignment.match[0]

    def matches(self, array: NDArray[Any]) -> tuple[F64, Bool]:
        """Match of rows with every cluster, whoever's it is."""
        shape = (len(array), len(self.parents))
        match, passes = np.empty(shape), np.empty(shape, np.bool_)
        for fit in self.fits.values():
            match[:, fit.ids], passes[:, fit.ids] = fit.model.matches(array, 0)
        return match, passes

    def width(self) -> F64:
        """(clusters,) mean box widths; empty where the base has no boxes."""
        fits = [fit for fit in self.fits.values() if len(fit.ids)]
        if any(len(fit.width) != len(fit.ids) for fit in fits):
            return np.empty(0)
        width = np.empty(len(self.parents))
        for fit in fits:
            width[fit.ids] = fit.width
        return width

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Plain arrays, each base's behind its place in the order of parents."""
        state: dict[str, NDArray[Any]] = {"of": np.array(list(self.fits), np.int64), "parents": self.parents}
        for place, fit in enumerate(self.fits.values()):
            own = {"ids": fit.ids, "width": fit.width} | {f"model_{name}": value for name, value in fit.model.state().items()}
            state |= {f"{place}_{name}": value for name, value in own.items()}
        return state

    def restore(self, state: Mapping[str, NDArray[Any]], make: MakeBase) -> None:
        """Become what ``state`` was taken from."""
        self.parents = np.array(state["parents"], np.int64)
        models: dict[int, dict[str, NDArray[Any]]] = {place: {} for place in range(len(state["of"]))}
        for name, value in state.items():
            number, _, rest = name.partition("_model_")
            if rest:
                models[int(number)][rest] = value
        for place, parent in enumerate(state["of"].tolist()):
            model = make(self.rho)
            model.restore(models[place])
            self.fits[parent] = Fit(model, np.array(state[f"{place}_ids"]), np.array(state[f"{place}_width"]))

    def _fit(self, parent: int, vectors: NDArray[Any], make: MakeBase, context: ClusterContext) -> Clustering:
        known = self.fits.get(parent)
        fit = known or Fit(make(self.rho), np.empty(0, np.int64), np.empty(0))
        clustering: Clustering = (fit.model.partial_fit if known else fit.model.fit)(vectors, context)
        if len(clustering.labels) != 1:
            raise UserError(
                f"smart needs a flat base, but this one gives {len(clustering.labels)} levels itself.",
                hint="Name a flat clusterer as clusterer.base.",
            )
        fit.width = clustering.width[0] if clustering.width else np.empty(0)
        self.fits[parent] = fit
        return clustering

    def _number(self, parts: list[tuple[int, I64, Clustering]]) -> None:
        """Give new clusters the next numbers, by their first row; those without rows come last."""
        new: list[tuple[int, int, int]] = []
        for parent, rows, part in parts:
            fit, labels = self.fits[parent], part.labels[0]
            count = max(part.clusters[0] if part.clusters else 0, int(labels.max(initial=-1)) + 1, len(fit.ids))
            first = np.full(count, np.iinfo(np.int64).max)
            np.minimum.at(first, labels[labels >= 0], rows[labels >= 0])
            new += [(int(first[c]), parent, c) for c in range(len(fit.ids), count)]
            fit.ids = np.concatenate((fit.ids, np.full(count - len(fit.ids), -1)))
        for number, (_, parent, c) in enumerate(sorted(new), start=len(self.parents)):
            self.fits[parent].ids[c] = number
        self.parents = np.concatenate((self.parents, np.array([parent for _, parent, _ in sorted(new)], np.int64)))

    def _labels(self, parent: int, local: I64) -> I64:
        """The level's numbers of a base's labels; noise stays −1."""
        labels: I64 = np.append(self.fits[parent].ids, -1)[local]
        return labels


_MEASURES = ("match", "margin")


def by_parent(above: I64) -> Iterator[tuple[int, I64]]:
    """Each parent, ascending, with its rows in order; noise belongs to none."""
    order = np.argsort(above, kind="stable")
    parents, starts = np.unique(above[order], return_index=True)
    for parent, rows in zip(parents.tolist(), np.split(order, starts[1:])):
        if parent >= 0:
            yield parent, rows


def _gathered(parts: list[tuple[I64, F64 | None]], n: int) -> F64 | None:
    """One value a row from each part's; NaN for noise, None if no part has any."""
    if all(values is None for _, values in parts):
        return None
    out = np.full(n, np.nan)
    for rows, values in parts:
        if values is not None:
            out[rows] = values[0]
    return out


def together(learned: list[Learned], levels: list[Level], name: str) -> Clustering:
    """The clustering of all levels."""
    widths = [level.width() for level in levels]
    return Clustering(
        labels=np.stack([one.labels for one in learned]),
        parents=tuple(level.parents.copy() for level in levels[1:]),
        diagnostics=_diagnostics([said for one in learned for said in one.diagnostics], levels, name),
        clusters=tuple(len(level.parents) for level in levels),
        vigilance=tuple(level.rho for level in levels),
        match=_stacked([one.match for one in learned]),
        margin=_stacked([one.margin for one in learned]),
        width=tuple(widths) if all(len(width) for width in widths) else (),
    )


def _stacked(values: list[F64 | None]) -> F64 | None:
    known = [value for value in values if value is not None]
    return np.stack(known) if len(known) == len(values) else None


def _diagnostics(said: list[Diagnostics], levels: list[Level], name: str) -> Diagnostics:
    counts = Counter(warning for one in said for warning in dict.fromkeys(one.warnings))
    warnings = [f"{text} (in {count} of {len(said)} fits of the base)" for text, count in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        warnings.append(f"{len(counts) - _SHOWN} other warnings of the base's fits are left out.")
    return Diagnostics(
        converged=all(one.converged for one in said),
        iterations=max((one.iterations for one in said), default=0),
        warnings=tuple(warnings),
        details={"engine": name, "fits": len(said), "categories": [len(level.parents) for level in levels]},
    )
