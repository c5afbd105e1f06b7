"""Putting rows through the decomposer: one fit, checked, timed and kept as a step of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, PluginError
from darkframe.interfaces import Decomposition, FitContext, Rows
from darkframe.results import Decompose
from darkframe.store.atomic import plain, writing
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Study

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64


SCRATCH = ".scratch"


@dataclass(frozen=True)
class FitRecord:
    """What a fit says of itself; see ``darkframe.interfaces.Diagnostics``."""

    n_components: int
    rows: int
    seed: int
    iterations: int
    converged: bool
    explained_total: float
    gradient: float | None
    identifiability: tuple[float, ...] | None
    seconds: float
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def _prefix(name: str) -> str:
    """What the names of a fit's arrays begin with, so that no two fits share one."""
    return "" if name == "decompose" else name.removeprefix("fit-").replace("-", "_") + "_"


@dataclass(frozen=True, eq=False)
class Fit:
    """A finished fit: its record and arrays, and the key of its step."""

    name: str
    key: str
    record: FitRecord
    arrays: dict[str, NDArray[Any]]
    seconds: float

    def array(self, name: str) -> F64:
        """One of its arrays, such as ``directions`` or ``filters``."""
        out: F64 = np.asarray(self.arrays[_prefix(self.name) + name])
        return out

    @property
    def directions(self) -> F64:
        """(k, d) unit directions."""
        return self.array("directions")

    @property
    def filters(self) -> F64:
        """(k, d) unmixing."""
        return self.array("filters")


def decomposer_identity(study: Study) -> dict[str, Any]:
    """Everything about the decomposer that its numbers depend on."""
    choice = study.config.decomposing
    identity = {
        "name": choice.name,
        "distribution": choice.distribution,
        "version": choice.version,
        "params": plain(choice.params),
    }
    return {"decomposer": identity, "device": study.config.device}


def fit(
    study: Study,
    name: str,
    make_rows: Callable[[], Rows],
    seed: int,
    k: int,
    inputs: Mapping[str, Any],
    extra: Callable[[Rows, Decomposition], Arrays] | None = None,
) -> Fit:
    """Fit k components, or read the fit back if it is on disk.

    Args:
        study: The study.
        name: The step: ``decompose`` for the main fit, else ``fit-…``.
        make_rows: Gives the rows; called only if the fit is to be made.
        seed: Of the fit.
        k: Components, where the plugin's own parameter does not say.
        inputs: What the rows depend on.
        extra: More arrays to keep, computed from the rows and the decomposition.

    Raises:
        PluginError: The decomposer failed, or what it gave breaks its contract.
    """
    prefix = _prefix(name)

    def compute(_: object) -> tuple[FitRecord, Arrays]:
        rows = make_rows()
        started = time.perf_counter()
        decomposition = _fitted(study, rows, seed, k)
        record = _record(decomposition, len(rows), seed, time.perf_counter() - started)
        arrays = {
            **(_everything if name == "decompose" else _compared)(decomposition),
            **(extra(rows, decomposition) if extra else {}),
        }
        return record, {prefix + key: value for key, value in arrays.items()}

    outcome = study.step(name, {**decomposer_identity(study), "seed": seed, "n_components": k, **inputs}, compute)
    return Fit(name, outcome.key, record_from_plain(FitRecord, outcome.record), outcome.arrays, outcome.seconds)


def _compared(decomposition: Decomposition) -> dict[str, NDArray[Any]]:
    """What fits are compared by."""
    return {"directions": decomposition.directions, "filters": np.asarray(decomposition.filters, np.float64)}


def _everything(decomposition: Decomposition) -> dict[str, NDArray[Any]]:
    return {
        **_compared(decomposition),
        "patterns": np.asarray(decomposition.patterns, np.float64),
        "residual_mean": np.asarray(decomposition.mean, np.float64),
        "component_explained": np.asarray(decomposition.explained, np.float64),
    }


def _record(decomposition: Decomposition, rows: int, seed: int, seconds: float) -> FitRecord:
    said = decomposition.diagnostics
    return FitRecord(
        n_components=len(decomposition.patterns),
        rows=rows,
        seed=seed,
        iterations=said.iterations,
        converged=said.converged,
        explained_total=float(decomposition.explained_total),
        gradient=said.gradient,
        identifiability=said.identifiability,
        seconds=seconds,
        warnings=tuple(said.warnings),
        details=said.details,
    )


def _fitted(study: Study, rows: Rows, seed: int, k: int) -> Decomposition:
    name, folder = study.config.decomposing.name, _scratch_of(study, rows)
    context = FitContext(seed=seed, n_components=k, scratch=folder, progress=study.progress, device=study.config.device)
    try:
        decomposition = study.make_decomposer().fit(rows, context)
    except (DarkframeError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(f"The decomposer {name!r} failed: {type(error).__name__}: {error}") from error
    _check(name, decomposition, rows)
    return decomposition


def _check(name: str, decomposition: Decomposition, rows: Rows) -> None:
    """Hold a decomposition against its contract."""
    d = rows.shape[1]
    patterns, filters = np.asarray(decomposition.patterns), np.asarray(decomposition.filters)
    if patterns.ndim != 2 or patterns.shape != filters.shape or patterns.shape[1] != d or not len(patterns):
        raise PluginError(
            f"The decomposer {name!r} gave patterns of shape {patterns.shape} and filters of shape {filters.shape}; "
            f"both must be (components, {d})."
        )
    if np.shape(decomposition.mean) != (d,) or np.shape(decomposition.explained) != (len(patterns),):
        raise PluginError(f"The decomposer {name!r} gave a mean or shares of variance of the wrong shape.")
    parts = (patterns, filters, decomposition.mean, decomposition.explained)
    if not all(np.isfinite(part).all() for part in parts):
        raise PluginError(
            f"The decomposer {name!r} gave NaN or infinite values.", hint="Its fit has diverged; try other parameters."
        )


@contextmanager
def scratch(study: Study) -> Iterator[None]:
    """While fits are made: an empty scratch folder in the run directory, removed afterwards."""
    folder = study.run.path / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scratch_of(study: Study, rows: Rows) -> Path:
    """Where fits on the same rows share what they like; what fits on other rows left there is removed."""
    folder = study.run.path / SCRATCH / rows.key
    for other in (study.run.path / SCRATCH).glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def identifiability_cut(rows: int) -> float:
    """Below 10 / √N a component's identifiability is what noise gives: it is Gaussian-like and its direction arbitrary."""
    return float(10 / np.sqrt(rows))


def identifiable(record: FitRecord) -> NDArray[np.bool_] | None:
    """(k,) which components are identifiable; None where the decomposer does not say."""
    if record.identifiability is None:
        return None
    out: NDArray[np.bool_] = np.asarray(record.identifiability) > identifiability_cut(record.rows)
    return out


def decompose_record(main: Fit) -> Decompose:
    """Step 4 of the results."""
    said, passed = main.record, identifiable(main.record)
    return Decompose(
        n_components=said.n_components,
        rows=said.rows,
        iterations=said.iterations,
        converged=said.converged,
        explained_total=said.explained_total,
        gradient=said.gradient,
        identifiable=None if passed is None else int(passed.sum()),
        identifiability_cut=None if passed is None else identifiability_cut(said.rows),
        seconds=said.seconds,
        warnings=said.warnings,
        details=said.details,
    )
