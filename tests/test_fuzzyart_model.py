"""The model beyond its fit: going on, placing new rows, boxes, state, and what bad input gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkframe import ClusterContext, DataError, UserError
from darkframe.errors import StoreError
from darkframe.interfaces import Assigns, Clusterer, Grows, Keeps, Matches
from darkframe_fuzzyart.fuzzyart import FuzzyART
from darkframe_fuzzyart.plugin import FuzzyARTParams, SmartParams
from darkframe_fuzzyart.smart import Smart

CONTEXT = ClusterContext()
MODELS = [lambda **p: FuzzyART(FuzzyARTParams(**p)), lambda **p: Smart(SmartParams(**p))]


def rows(seed: int = 0, n: int = 250, d: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_can_all_that_clusterers_may(make: Any):
    model = make()
    assert all(isinstance(model, kind) for kind in (Clusterer, Grows, Assigns, Matches, Keeps))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 250), max_size=4), which=st.integers(0, 1))
def test_pieces_give_what_the_whole_gives(seed: int, cuts: list[int], which: int):
    data = rows(seed)
    context = ClusterContext(bounds=(data.min(axis=0), data.max(axis=0)))
    whole, pieces = MODELS[which](), MODELS[which]()
    expected = whole.fit(data, CONTEXT)
    found = [pieces.partial_fit(part, context) for part in np.split(data, sorted(cuts)) if len(part)]
    assert np.array_equal(np.concatenate([part.labels for part in found], axis=1), expected.labels)
    assert found[-1].clusters == expected.clusters
    for level in range(len(expected.labels)):
        one, other = whole.categories(level), pieces.categories(level)
        assert np.array_equal(one.weights, other.weights)
        assert np.array_equal(one.counts, other.counts)
        assert np.array_equal(one.counts, np.bincount(expected.labels[level]))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), which=st.integers(0, 1))
def test_boxes_contain_their_members_and_hold_to_vigilance(seed: int, which: int):
    data = rows(seed)
    model = MODELS[which]()
    clustering = model.fit(data, CONTEXT)
    low, high = model.bounds
    scaled = (data - low) / (high - low)
    for level, labels in enumerate(clustering.labels):
        lower, upper = model.boxes(level)
        assert (scaled >= lower[labels]).all()
        assert (scaled <= upper[labels] + 1e-15).all()
        assert (clustering.width[level] <= 1 - clustering.vigilance[level] + 1e-12).all()
        assert (clustering.match[level] >= clustering.vigilance[level] - 1e-12).all()


@pytest.mark.parametrize("make", MODELS)
def test_predict_takes_the_highest_choice_among_the_children_and_says_what_passes(make: Any):
    data, new = rows(0), rows(1) * 1.5
    model = make()
    model.fit(data, CONTEXT)
    found = model.predict(new)
    low, high = model.bounds
    scaled = np.clip((new - low) / (high - low), 0, 1)
    coded = np.hstack([scaled, 1 - scaled])
    above = np.zeros(len(new), np.int64)
    for level, rule in enumerate(model.rules):
        kept = model.categories(level)
        common = np.array([np.minimum(coded, w).sum(axis=1) for w in kept.weights]).T
        choice = common / (rule.alpha + kept.weights.sum(axis=1))
        choice[kept.parents != above[:, None]] = -1
        above = choice.argmax(axis=1)
        match = common[np.arange(len(new)), above] / new.shape[1]
        assert np.array_equal(found.labels[level], above)
        assert np.allclose(found.match[level], match, rtol=0, atol=1e-12)
        assert np.array_equal(found.passed[level], match >= rule.rho)
    assert 0 < found.passed.mean() < 1


@pytest.mark.parametrize("make", MODELS)
def test_a_kept_model_goes_on_as_if_it_had_never_been_away(make: Any):
    model, again = make(), make()
    model.fit(rows(0), CONTEXT)
    again.restore({name: np.array(array) for name, array in model.state().items()})
    assert np.array_equal(model.predict(rows(1)).labels, again.predict(rows(1)).labels)
    one, other = (each.partial_fit(rows(1), CONTEXT) for each in (model, again))
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.margin, other.margin, equal_nan=True)
    assert one.diagnostics == other.diagnostics


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("lower"), "not a kept model"),
        (lambda state: state.update(counts_0=state["counts_0"][1:]), "not a kept model"),
        (lambda state: state.update(weights_0=state["weights_0"][:, 2:]), "not a kept model"),
        (lambda state: state.update(format=np.array([99])), "another version"),
        (lambda state: state.update(rules=np.array([[0.5, 0.01, 1.0]])), "other parameters"),
    ],
)
def test_state_that_does_not_fit_is_refused(change: Any, words: str):
    model = FuzzyART(FuzzyARTParams())
    model.fit(rows(), CONTEXT)
    state = dict(model.state())
    change(state)
    with pytest.raises(StoreError, match=words):
        FuzzyART(FuzzyARTParams()).restore(state)


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    model = FuzzyART(FuzzyARTParams())
    model.fit(rows(), CONTEXT)
    before = model.predict(rows()).labels
    with pytest.raises(DataError):
        model.fit(np.full((3, 20), np.nan), CONTEXT)
    assert np.array_equal(model.predict(rows()).labels, before)


def test_vectors_are_never_changed():
    data = rows()
    data.flags.writeable = False
    copy = data.copy()
    FuzzyART(FuzzyARTParams()).fit(data, CONTEXT)
    assert np.array_equal(data, copy)
    strided = np.asfortranarray(data)
    assert np.array_equal(
        FuzzyART(FuzzyARTParams()).fit(strided, CONTEXT).labels, FuzzyART(FuzzyARTParams()).fit(data, CONTEXT).labels
    )


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(make: Any, value: float):
    data = rows(n=1200)
    data[1111, 3] = data[1150, 0] = value
    with pytest.raises(DataError, match="Row 1111 "):
        make().fit(data, CONTEXT)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.empty((0, 4)), "no vectors"),
        (np.empty((4, 0)), r"shape \(4, 0\)"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.array([["a"]]), "real numbers"),
        (np.array([[1e308], [-1e308]]), "beyond float64"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(vectors: Any, words: str):
    with pytest.raises(DataError, match=words):
        FuzzyART(FuzzyARTParams()).fit(vectors, CONTEXT)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((np.zeros(3), np.ones(3)), "20 dimensions"),
        ((np.ones(20), np.zeros(20)), "minimum at most"),
        ((np.zeros(20), np.full(20, np.inf)), "finite"),
    ],
)
def test_bounds_that_cannot_be_are_refused(bounds: Any, words: str):
    with pytest.raises(DataError, match=words):
        FuzzyART(FuzzyARTParams()).fit(rows(), ClusterContext(bounds=bounds))


@pytest.mark.parametrize("make", MODELS)
def test_one_row_and_equal_rows_are_one_cluster_with_a_warning(make: Any):
    for data in (np.full((1, 5), 3.0), np.full((40, 5), 3.0)):
        clustering = make().fit(data, CONTEXT)
        assert (clustering.labels == 0).all()
        assert (clustering.match == 1).all()
        assert np.isnan(clustering.margin).all()
        assert "All rows are the same" in clustering.diagnostics.warnings[0]


def test_constant_dimensions_and_clipped_values_are_told():
    data = rows()
    data[:, [2, 5]] = 7
    model = FuzzyART(FuzzyARTParams())
    assert "2 of 20 dimensions are constant" in model.fit(data, CONTEXT).diagnostics.warnings[0]
    lower, upper = model.boxes(0)
    assert (lower[:, [2, 5]] == 0).all()
    assert (upper[:, [2, 5]] == 0).all()
    more = data[:10].copy()
    more[3, 0], more[3, 1], more[7, 2] = 100, -100, 8
    clustering = model.partial_fit(more, CONTEXT)
    assert "3 values in 2 of 10 rows" in clustering.diagnostics.warnings[-1]
    details = clustering.diagnostics.details
    assert (details["clipped_values"], details["clipped_rows"], details["constant_dimensions"]) == (3, 2, 2)


@pytest.mark.parametrize("make", MODELS)
def test_other_dimensions_and_models_that_were_not_fitted_are_refused(make: Any):
    model = make()
    for call in (lambda: model.predict(rows()), lambda: model.matches(rows(), 0), model.state, lambda: model.boxes(0)):
        with pytest.raises(UserError, match="not fitted"):
            call()
    model.fit(rows(), CONTEXT)
    calls = lambda: model.predict(rows(d=7)), lambda: model.partial_fit(rows(d=7), CONTEXT), lambda: model.matches(rows(d=7), 0)
    for call in calls:
        with pytest.raises(UserError, match="7 dimensions, but the clusters were fitted on 20"):
            call()
    with pytest.raises(UserError, match="levels 0 to"):
        model.matches(rows(), 9)


def test_progress_counts_every_row_and_an_interrupt_leaves_the_old_model():
    class Told:
        def __init__(self) -> None:
            self.rows = 0.0

        def task(self, label: str, total: float | None, unit: str) -> Any:
            assert (total, unit) == (1300, "rows")
            return self

        def __enter__(self) -> Told:
            return self

        def __exit__(self, *what: object) -> None:
            pass

        def advance(self, amount: float = 1) -> None:
            self.rows += amount
            if self.rows == stop:
                raise KeyboardInterrupt

        def step(self, name: str, text: str) -> None: ...

    stop, told = -1, Told()
    model = FuzzyART(FuzzyARTParams())
    model.fit(rows(n=1300), ClusterContext(progress=told))
    assert told.rows == 2 * 1300
    before, stop = model.predict(rows()).labels, 512
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows(3, n=1300), ClusterContext(progress=Told()))
    assert np.array_equal(model.predict(rows()).labels, before)


def test_details_are_what_a_result_file_can_hold():
    import json

    details = Smart(SmartParams(threads=2)).fit(rows(), CONTEXT).diagnostics.details
    assert json.loads(json.dumps(details)) == details
    assert (details["engine"], details["threads"]) == ("cpu", 2)
    assert details["bounds"] == "of the vectors of the first fit"
