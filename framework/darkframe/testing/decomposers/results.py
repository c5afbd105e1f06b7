"""Checks of what a decomposer gives: the record, its components, what it says of itself."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from typing import Any

import numpy as np

from darkframe.interfaces import Diagnostics
from darkframe.testing.checks import require
from darkframe.testing.decomposers.fits import asked, fit, fitted
from darkframe.testing.decomposers.planted import COMPONENTS, DIMENSIONS, planted
from darkframe.testing.kit import DECOMPOSER
from darkframe.testing.subject import Subject


@DECOMPOSER()
def record_has_its_shapes(decomposer: Subject) -> None:
    """Mean (d,), patterns and filters (k, d) and explained (k,) are finite float64, for as many components as were asked for."""
    _, result = fitted(decomposer)
    k, most = len(result.patterns), asked(decomposer)
    require(0 < k <= most, f"{k} components were found where {most} were asked for.")
    shapes = {"mean": (DIMENSIONS,), "patterns": (k, DIMENSIONS), "filters": (k, DIMENSIONS), "explained": (k,)}
    for name, shape in shapes.items():
        array = np.asarray(getattr(result, name))
        expected = f"expected float64{shape}"
        require(array.shape == shape and array.dtype == np.float64, f"{name} is {array.dtype}{array.shape}, {expected}.")
        require(np.isfinite(array).all(), f"{name} holds NaN or infinite values.")


@DECOMPOSER()
def directions_are_unit_vectors_of_activation_space(decomposer: Subject) -> None:
    """Directions have unit length, none is zero, and they lie where the rows vary."""
    truth, result = fitted(decomposer)
    lengths = np.linalg.norm(result.directions, axis=1)
    require(np.allclose(lengths, 1), f"A direction has length {lengths[np.abs(lengths - 1).argmax()]:.3g}, not 1.")
    if len(result.patterns) <= COMPONENTS:
        inside = ((result.directions @ truth.directions.T) ** 2).sum(axis=1)
        require(
            (inside >= 0.8).all(), f"A direction has {inside.min():.0%} of its length squared where the rows vary, expected 80 %."
        )


@DECOMPOSER()
def planted_directions_are_found(decomposer: Subject) -> None:
    """Each planted direction has |cos| ≥ 0.9 with a component's; any sound linear decomposition finds these (``Planted``)."""
    truth, result = fitted(decomposer)
    cosines = np.abs(truth.directions @ result.directions.T)
    found, expected = int((cosines.max(axis=1) >= 0.9).sum()), min(COMPONENTS, asked(decomposer))
    best = ", ".join(f"{cosine:.2f}" for cosine in cosines.max(axis=1))
    require(found >= expected, f"{found} of {expected} planted directions were found: the best cosines are {best}.")


@DECOMPOSER()
def planted_activations_are_read_off(decomposer: Subject) -> None:
    """Each planted source has a correlation ≥ 0.9 in magnitude with what some filter reads off the rows."""
    truth, result = fitted(decomposer)
    read = (truth.rows - truth.rows.mean(axis=0)) @ result.filters.T
    spread = read.std(axis=0)
    require((spread > 0).all(), "A filter reads the same off every row.")
    correlations = np.abs(np.corrcoef(truth.sources.T, read.T)[:COMPONENTS, COMPONENTS:]).max(axis=1)
    found, expected = int((correlations >= 0.9).sum()), min(COMPONENTS, asked(decomposer))
    best = ", ".join(f"{correlation:.2f}" for correlation in correlations)
    require(found >= expected, f"{found} of {expected} planted sources are read off: the best correlations are {best}.")


@DECOMPOSER()
def mean_is_the_rows_mean(decomposer: Subject) -> None:
    """``mean`` is the rows' mean: sources are read off centred rows."""
    truth, result = fitted(decomposer)
    off = np.abs(result.mean - truth.rows.mean(axis=0, dtype=np.float64)).max()
    require(off <= 1e-3, f"mean is off the rows' mean by {off:.2g}.")


@DECOMPOSER()
def transform_is_affine(decomposer: Subject) -> None:
    """``transform`` gives float32 (n, k) sources ``(e − mean) @ filters.T``: nothing for the mean, and sums for sums."""
    truth, result = fitted(decomposer)
    block = truth.rows[:50]
    sources = result.transform(block)
    shape = (len(block), len(result.filters))
    require(
        sources.shape == shape and sources.dtype == np.float32,
        f"transform gave {sources.dtype}{sources.shape}, not float32{shape}.",
    )
    expected = (block - result.mean) @ result.filters.T
    tolerance = 1e-3 * np.abs(expected).max()
    off = np.abs(sources - expected).max()
    require(off <= tolerance, f"transform is off (e − mean) @ filters.T by {off:.2g}, where it is {np.abs(expected).max():.2g}.")
    at_mean = np.abs(result.transform(result.mean[None].astype(np.float32))).max()
    require(at_mean <= tolerance, f"transform of the mean is {at_mean:.2g}, not 0.")


@DECOMPOSER()
def reconstruction_explains_what_it_says(decomposer: Subject) -> None:
    """``mean + sources @ patterns`` leaves 1 − ``explained_total`` of the variance; no share is negative or above the total."""
    truth, result = fitted(decomposer)
    require((result.explained >= -1e-9).all(), f"explained holds a negative share, {result.explained.min():.3g}.")
    require((result.explained <= 1 + 1e-6).all(), f"explained holds a share above 1, {result.explained.max():.3g}.")
    centred = truth.rows - truth.rows.mean(axis=0, dtype=np.float64)
    rest = truth.rows - (result.mean + ((truth.rows - result.mean) @ result.filters.T) @ result.patterns)
    true = 1 - (rest**2).sum() / (centred**2).sum()
    said = result.explained_total
    require(abs(said - true) < 1e-3, f"explained_total is {said:.4f}, but the components explain {true:.4f}.")


@DECOMPOSER()
def diagnostics_are_given(decomposer: Subject) -> None:
    """The fit says whether it converged and after how many iterations, warns in sentences, and can be written as JSON."""
    _, result = fitted(decomposer)
    diagnostics: Any = result.diagnostics
    require(isinstance(diagnostics, Diagnostics), f"diagnostics is a {type(diagnostics).__name__}, not Diagnostics.")
    converged, iterations = diagnostics.converged, diagnostics.iterations
    require(type(converged) is bool, f"converged is {converged!r}, not a bool.")
    require(type(iterations) is int and iterations >= 0, f"iterations is {iterations!r}, not an int from 0 up.")
    require(
        isinstance(diagnostics.warnings, tuple) and all(isinstance(said, str) and said.strip() for said in diagnostics.warnings),
        f"warnings is {diagnostics.warnings!r}, not a tuple of sentences.",
    )
    known = diagnostics.identifiability
    require(known is None or len(known) == len(result.patterns), "identifiability has not one number for each component.")
    try:
        json.dumps(asdict(diagnostics), allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"diagnostics cannot be written as JSON: {error}.")


@DECOMPOSER()
def recommended_components_are_used(decomposer: Subject) -> None:
    """Where its own ``n_components`` is None the context's number counts; fewer components come with a warning."""
    own = getattr(decomposer.params, "n_components", None)
    rows = planted().rows
    for recommended in (2, 3):
        wanted = own if isinstance(own, int) else recommended
        result = fit(decomposer, rows, n_components=recommended)
        k = len(result.patterns)
        whose = "its n_components" if own is not None else "the context's n_components"
        require(k <= wanted, f"{k} components were found where {whose} is {wanted}.")
        warned = result.diagnostics.warnings
        require(k == wanted or warned, f"{k} components were found where {whose} is {wanted}, and no warning says why.")


@DECOMPOSER()
def results_can_be_pickled(decomposer: Subject) -> None:
    """A result survives pickling, so that it can come from another process."""
    _, result = fitted(decomposer)
    try:
        again = pickle.loads(pickle.dumps(result))  # noqa: S301  (its own)
    except Exception as error:
        require(False, f"The result cannot be pickled: {type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}.")
    for name in ("mean", "patterns", "filters", "explained"):
        require(np.array_equal(getattr(again, name), getattr(result, name)), f"{name} is another after pickling.")
    require(again.diagnostics == result.diagnostics, "diagnostics is another after pickling.")
