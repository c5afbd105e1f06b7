"""Keeping a fitted model and opening it again: ``state`` and ``restore``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, StoreError, UserError
from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import learned, model_of, predicted, refused
from darkframe.testing.clusterers.placing import fresh
from darkframe.testing.clusterers.planted import loose_groups
from darkframe.testing.clusterers.repeating import same_labels
from darkframe.testing.kit import CLUSTERER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from darkframe.testing.subject import Subject

    State = Mapping[str, NDArray[Any]]


def _kept(model: Any) -> dict[str, NDArray[Any]]:
    """Copies, as a file would give them back."""
    return {name: np.array(array) for name, array in model.state().items()}


@CLUSTERER("state")
def state_is_plain_arrays(clusterer: Subject) -> None:
    """``state`` maps names to numpy arrays of numbers or bools: no objects, no text."""
    model, _ = model_of(clusterer, loose_groups())
    for name, array in model.state().items():
        require(isinstance(name, str) and name, f"A name in the state is {name!r}, expected a word.")
        is_plain = isinstance(array, np.ndarray) and array.dtype.kind in "biuf"
        said = f"{array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        require(is_plain, f"The state holds {name!r} as {said}, expected an array of numbers; write text as bytes.")


@CLUSTERER("state")
def state_needs_a_fit(clusterer: Subject) -> None:
    """``state`` before any fit is refused as the user's mistake."""
    model = clusterer.make()
    refused(UserError, "state() before a fit", model.state)


@CLUSTERER("state", "partial_fit")
def state_stays_as_it_was(clusterer: Subject) -> None:
    """What ``state`` gave does not change when the model goes on."""
    model, _ = model_of(clusterer, loose_groups())
    state = model.state()
    before = {name: np.asarray(array).tobytes() for name, array in state.items()}
    learned(model, "partial_fit", loose_groups(seed=5), clusterer.context())
    changed = [name for name, array in state.items() if np.asarray(array).tobytes() != before[name]]
    require(not changed, f"{', '.join(changed)} of the state changed when the model went on; give copies.")


@CLUSTERER("state", "restore", "predict")
def opened_models_predict_the_same(clusterer: Subject) -> None:
    """A fresh object that a state is given to predicts what the model it was taken from predicts."""
    model, _ = model_of(clusterer, loose_groups())
    again = clusterer.make()
    again.restore(_kept(model))
    found, expected = predicted(again, fresh()), predicted(model, fresh())
    same_labels(found.labels, expected.labels, "A model that was opened again")
    same = np.array_equal(found.match, expected.match, equal_nan=True) and np.array_equal(found.passed, expected.passed)
    require(same, "A model that was opened again gives another match, or passes other rows.")


@CLUSTERER("state", "restore", "partial_fit")
def opened_models_grow_the_same(clusterer: Subject) -> None:
    """A fresh object that a state is given to goes on as the model it was taken from does."""
    model, _ = model_of(clusterer, loose_groups())
    again = clusterer.make()
    again.restore(_kept(model))
    found, expected = (learned(one, "partial_fit", loose_groups(seed=5), clusterer.context()) for one in (again, model))
    same_labels(found.labels, expected.labels, "partial_fit() of a model that was opened again")


@CLUSTERER("state", "restore")
def rubbish_is_not_opened(clusterer: Subject) -> None:
    """``restore`` refuses arrays that are no such model's, and those of one with any left out, with a StoreError."""
    model, _ = model_of(clusterer, loose_groups())
    state = _kept(model)
    rubbish: dict[str, State] = {"of nothing": {}, "of an unknown array": {"unknown": np.arange(3)}}
    rubbish |= {f"without {name!r}": {key: array for key, array in state.items() if key != name} for name in state}
    for what, arrays in rubbish.items():
        refused(StoreError, f"restore() {what}", clusterer.make().restore, arrays)


@CLUSTERER("state", "restore", "predict")
def other_parameters_are_not_opened(clusterer: Subject) -> None:
    """With any parameter changed, ``restore`` refuses the state, or the model predicts the same: it does not matter."""
    model, _ = model_of(clusterer, loose_groups())
    state, expected = _kept(model), predicted(model, fresh())
    for name, value, other in _with_one_changed(clusterer):
        try:
            other.restore(state)
        except DarkframeError:
            continue
        found = predicted(other, fresh())
        same = all(
            np.array_equal(getattr(found, part), getattr(expected, part), equal_nan=part == "match")
            for part in ("labels", "passed", "match")
        )
        require(same, f"A model with {name} = {value} opened the state of another one, and predicts otherwise.")


def _with_one_changed(clusterer: Subject) -> Iterator[tuple[str, Any, Any]]:
    """Fresh objects, each with one parameter changed to a value that it takes."""
    for field in dataclasses.fields(clusterer.params):
        value = getattr(clusterer.params, field.name)
        for other in _others(value, field.metadata.get("darkframe", {}).get("choices", ())):
            try:
                made = clusterer.make(**{field.name: other})
            except DarkframeError:
                continue
            yield field.name, other, made
            break


def _others(value: Any, choices: Any) -> list[Any]:
    if choices:
        return [choice for choice in choices if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [0.9 * value, 1.1 * value, value + 0.1]
    if isinstance(value, tuple) and value:
        parts = [_others(part, ()) for part in value]
        return [type(value)(part[i] for part in parts) for i in range(min(map(len, parts)))]
    return []
