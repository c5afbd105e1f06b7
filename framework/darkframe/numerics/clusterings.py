"""What is wrong with a clustering, in words: each part of its contract by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darkframe.interfaces import I64, Clustering


def clustering_fault(clustering: Clustering, n: int) -> str:
    """What is wrong with a clustering of n rows, so that it cannot be worked with; empty if nothing is."""
    return (
        labels_fault(clustering.labels, n)
        or nesting_fault(clustering.labels, clustering.parents)
        or entries_fault(clustering)
        or shapes_fault(clustering, n)
    )


def labels_fault(labels: Any, n: int) -> str:
    """What is wrong with labels, which are integers (levels, n) from −1 up."""
    if not isinstance(labels, np.ndarray):
        return f"its labels are a {type(labels).__name__}, not an array"
    if labels.ndim != 2 or labels.shape[1] != n or not len(labels):
        return f"its labels have shape {labels.shape}, not (levels, {n})"
    if labels.dtype.kind not in "iu":
        holding = " and hold NaN" if labels.dtype.kind == "f" and np.isnan(labels).any() else ""
        return f"its labels are {labels.dtype}{holding}, not integers"
    if labels.size and labels.min() < -1:
        return f"a label is {labels.min()}; they count from 0, and -1 is noise"
    return ""


def nesting_fault(labels: I64, parents: Sequence[NDArray[Any]]) -> str:
    """Where a level's clusters do not lie within those of the level above."""
    if len(parents) != len(labels) - 1:
        return f"it gave {len(labels)} levels of labels and {len(parents)} of parents, not one fewer"
    for level, above_of in enumerate(parents, start=1):
        own, above = labels[level], labels[level - 1]
        inside = own >= 0
        if inside.any() and own.max() >= len(above_of):
            return f"level {level} has a label {own.max()}, but {len(above_of)} parents"
        if (np.asarray(above_of)[own[inside]] != above[inside]).any():
            return f"level {level} does not nest in level {level - 1}: a row's cluster has another parent than the row"
    return ""


def entries_fault(clustering: Clustering) -> str:
    """Which of the entries that each level has one of are too many or too few."""
    levels = len(clustering.labels)
    for name in ("clusters", "vigilance", "width"):
        if len(getattr(clustering, name)) not in (0, levels):
            return f"its {name} has {len(getattr(clustering, name))} entries for {levels} levels"
    return ""


def shapes_fault(clustering: Clustering, n: int) -> str:
    """Which of the measures of rows has another shape than the labels."""
    levels = len(clustering.labels)
    for name in ("match", "margin"):
        values = getattr(clustering, name)
        if values is not None and np.shape(values) != (levels, n):
            return f"its {name} has shape {np.shape(values)}, not ({levels}, {n})"
    return ""


def counts_fault(clustering: Clustering) -> str:
    """Where the number of clusters known at a level does not fit its labels, parents or widths."""
    for level, labels in enumerate(clustering.labels):
        used = np.unique(labels[labels >= 0])
        if not clustering.clusters:
            if len(used) and used[-1] != len(used) - 1:
                return f"level {level} has a label {used[-1]}, but {len(used)} clusters with rows, and clusters does not say more"
            continue
        if level >= len(clustering.clusters):
            return f"its clusters has {len(clustering.clusters)} entries for {len(clustering.labels)} levels"
        known = clustering.clusters[level]
        if len(used) and used[-1] >= known:
            return f"level {level} has a label {used[-1]}, but clusters says {known}"
        counted: dict[str, tuple[Any, ...]] = {"parents": (None, *clustering.parents), "width": clustering.width}
        for name, entries in counted.items():
            if level < len(entries) and entries[level] is not None and np.shape(entries[level]) != (known,):
                return f"{name} of level {level} has shape {np.shape(entries[level])}, but clusters says {known}"
    return ""


def values_fault(clustering: Clustering) -> str:
    """Which measure holds a value that it cannot have: match is finite but for noise, nothing is infinite, no width negative."""
    noise = clustering.labels < 0
    if clustering.match is not None and not np.isfinite(clustering.match[~noise]).all():
        return "its match of a row that is no noise is NaN or infinite"
    if clustering.margin is not None and np.isinf(clustering.margin).any():
        return "a margin is infinite"
    for level, width in enumerate(clustering.width):
        if np.isinf(width).any() or (width < -1e-9).any():
            return f"a width at level {level} is negative or infinite"
    return ""
