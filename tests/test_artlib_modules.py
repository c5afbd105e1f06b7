"""What every clusterer of darkframe_artlib promises: planted clusters, nesting, growth, state, errors, silence."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from support.artlib_cases import GROWING, INFOS, NAMES, SUITABLE, blobs, make, noise, suitable

from darkframe import ClusterContext, DataError, ParameterError, UserError
from darkframe.config import build
from darkframe.errors import StoreError
from darkframe.interfaces import Assigns, Clusterer, Grows, Keeps, Matches

CONTEXT = ClusterContext()


def _bounds(rows: np.ndarray) -> ClusterContext:
    return ClusterContext(bounds=(rows.min(axis=0), rows.max(axis=0)))


@pytest.mark.parametrize("name", NAMES)
def test_planted_blobs_are_recovered(name: str) -> None:
    rows, planted = blobs()
    found = suitable(name).fit(rows, CONTEXT)
    assert adjusted_rand_score(planted, found.labels[0]) > 0.95, found.clusters


@pytest.mark.parametrize("name", NAMES)
def test_a_clustering_is_numbered_by_age_nests_and_has_all_its_measures(name: str) -> None:
    rows = noise(90, 5, 1)
    before = rows.copy()
    clusterer = suitable(name)
    found = clusterer.fit(rows, CONTEXT)
    levels = len(found.labels)
    assert np.array_equal(rows, before)
    assert found.labels.shape == found.match.shape == found.margin.shape == (levels, len(rows))
    assert len(found.clusters) == len(found.vigilance) == levels and len(found.parents) == levels - 1
    for level, labels in enumerate(found.labels):
        first = [int(np.argmax(labels == k)) for k in np.unique(labels[labels >= 0])]
        assert labels.max() < found.clusters[level]
        assert name == "topoart" or first == sorted(first)
        assert np.isnan(found.match[level][labels < 0]).all() and np.isfinite(found.match[level][labels >= 0]).all()
    for above, below, parents in zip(found.labels, found.labels[1:], found.parents, strict=False):
        assert np.array_equal(parents[below[below >= 0]], above[below >= 0])
    for protocol in (Clusterer, Assigns, Matches, Keeps):
        assert isinstance(clusterer, protocol)
    assert isinstance(clusterer, Grows) == (name in GROWING)
    if found.width:
        assert [len(width) for width in found.width] == list(found.clusters)


@pytest.mark.parametrize("name", NAMES)
def test_predict_and_matches_agree_with_one_another(name: str) -> None:
    rows = noise(80, 4, 2)
    clusterer = suitable(name)
    found = clusterer.fit(rows, CONTEXT)
    fresh = noise(30, 4, 4)
    placed = clusterer.predict(fresh)
    assert placed.labels.shape == placed.passed.shape == placed.match.shape == (len(found.labels), len(fresh))
    for level, labels in enumerate(placed.labels):
        match, passes = clusterer.matches(fresh, level)
        assert match.shape == passes.shape == (len(fresh), found.clusters[level])
        picked = np.arange(len(fresh)), labels
        assert np.array_equal(match[picked], placed.match[level])
        assert np.array_equal(passes[picked], placed.passed[level])
    with pytest.raises(UserError, match="no level 7"):
        clusterer.matches(fresh, 7)


@pytest.mark.parametrize("name", GROWING)
def test_pieces_give_what_the_whole_gives(name: str) -> None:
    rows = noise(100, 4, 3)
    whole = suitable(name).fit(rows, CONTEXT)
    parts = suitable(name)
    pieces = [parts.partial_fit(piece, _bounds(rows)) for piece in np.split(rows, [1, 2, 40, 71])]
    assert np.array_equal(np.hstack([piece.labels for piece in pieces]), whole.labels)
    assert pieces[-1].clusters == whole.clusters


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_model_is_opened_again_and_goes_on(name: str) -> None:
    rows, fresh = noise(80, 4, 5), noise(40, 4, 7)
    clusterer = suitable(name)
    clusterer.fit(rows, CONTEXT)
    kept = io.BytesIO()
    np.savez(kept, **clusterer.state())
    kept.seek(0)
    state = dict(np.load(kept, allow_pickle=False))
    again = suitable(name)
    again.restore(state)
    placed, expected = again.predict(fresh), clusterer.predict(fresh)
    assert np.array_equal(placed.labels, expected.labels) and np.array_equal(placed.match, expected.match, equal_nan=True)
    if hasattr(clusterer, "partial_fit"):
        assert np.array_equal(again.partial_fit(fresh, CONTEXT).labels, clusterer.partial_fit(fresh, CONTEXT).labels)
    with pytest.raises(StoreError, match="not one of"):
        suitable(name).restore(_foreign(state))
    with pytest.raises(StoreError, match="has no"):
        suitable(name).restore({"lower": state["lower"]})


def _foreign(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return state | {"params": np.frombuffer(b'{"another": {}}', np.uint8)}


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_model_of_other_parameters_or_shapes_is_refused(name: str) -> None:
    clusterer = suitable(name)
    clusterer.fit(noise(40, 4, 5), CONTEXT)
    state = dict(clusterer.state())
    rho = (0.1, 0.2) if name == "deepartmap" else 0.86
    with pytest.raises(StoreError, match="with the parameters"):
        make(name, **(SUITABLE[name] | {"rho": rho})).restore(state)
    with pytest.raises(StoreError, match="do not fit one another"):
        suitable(name).restore(state | {"lower": np.zeros(3), "upper": np.ones(3)})


@pytest.mark.parametrize("name", NAMES)
def test_bad_rows_get_one_sentence(name: str) -> None:
    clusterer, rows = suitable(name), noise(40, 4, 5)
    broken = rows.copy()
    broken[[7, 11], 2] = np.nan
    with pytest.raises(DataError, match="Row 7 of the vectors"):
        clusterer.fit(broken, CONTEXT)
    with pytest.raises(DataError, match="matrix of real numbers"):
        clusterer.fit(rows[0], CONTEXT)
    with pytest.raises(DataError, match="no vectors"):
        clusterer.fit(rows[:0], CONTEXT)
    with pytest.raises(UserError, match="was not fitted"):
        clusterer.predict(rows)
    with pytest.raises(UserError, match="was not fitted"):
        clusterer.state()
    with pytest.raises(DataError, match="bounds"):
        clusterer.fit(rows, ClusterContext(bounds=(np.zeros(3), np.ones(3))))
    clusterer.fit(rows, CONTEXT)
    with pytest.raises(UserError, match=r"have 3 dimensions, but .* on 4"):
        clusterer.predict(rows[:, :3])
    with pytest.raises(DataError, match="Row 7"):
        clusterer.predict(broken)
    if hasattr(clusterer, "partial_fit"):
        with pytest.raises(UserError, match="have 3 dimensions"):
            clusterer.partial_fit(rows[:, :3], CONTEXT)


@pytest.mark.parametrize("name", NAMES)
def test_one_row_and_constant_dimensions(name: str) -> None:
    rows = noise(60, 4, 8)
    alone = make(name, **(SUITABLE[name] | ({"phi": 1} if name == "topoart" else {}))).fit(rows[:1], CONTEXT)
    assert not alone.labels.any() and np.isnan(alone.margin).all()
    assert any("same in every dimension" in warning for warning in alone.diagnostics.warnings)
    flat = np.hstack([rows, np.full((60, 1), 3.25)])
    found = suitable(name).fit(flat, CONTEXT)
    assert np.isfinite(found.match[0][found.labels[0] >= 0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_rows_all_the_same(name: str) -> None:
    same = np.tile([[0.3, -2.0, 7.0]], (30, 1))
    if name == "icvifuzzyart":
        with pytest.raises(DataError, match="all the same"):
            suitable(name).fit(same, CONTEXT)
        return
    found = suitable(name).fit(same, CONTEXT)
    assert not found.labels.any()
    assert any("same in every dimension" in warning for warning in found.diagnostics.warnings)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_reaches_the_terminal(name: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    clusterer = suitable(name)
    clusterer.fit(blobs(n=50)[0], CONTEXT)
    clusterer.predict(blobs(n=20)[0])
    assert capfd.readouterr() == ("", "") and not recwarn.list


@pytest.mark.parametrize("name", NAMES)
def test_rho_out_of_range_is_a_parameter_error_however_it_is_given(name: str) -> None:
    wrong: Any = {"deepartmap": (0.2, 1.5), "dualvigilanceart": 1.5}.get(name, -0.5)
    with pytest.raises(ParameterError, match="rho"):
        build(INFOS[name].params, {"rho": wrong}, kind="clusterer", owner=name)
    with pytest.raises(ParameterError, match="rho"):
        make(name, rho=wrong)


def test_parameters_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(ParameterError, match="strictly rising"):
        build(INFOS["deepartmap"].params, {"rho": (0.5, 0.5)}, kind="clusterer", owner="it")
    with pytest.raises(ParameterError, match="below rho"):
        build(INFOS["dualvigilanceart"].params, {"rho": 0.5, "rho_lower": 0.6}, kind="clusterer", owner="it")
    for wrong in ({"phi": 9, "tau": 8}, {"beta_lower": 0.9, "beta": 0.5}):
        with pytest.raises(ParameterError, match="is above"):
            build(INFOS["topoart"].params, wrong, kind="clusterer", owner="it")


def test_rows_beyond_the_bounds_are_clipped_and_said() -> None:
    rows = noise(40, 3, 1)
    clusterer = make("fuzzyart")
    clusterer.fit(rows, CONTEXT)
    far = clusterer.partial_fit(rows * 100, CONTEXT)
    assert any("40 of 40 rows lay outside" in warning for warning in far.diagnostics.warnings)
    lower, upper = clusterer.boxes(0)
    assert lower.min() >= 0 and upper.max() <= 1


def test_the_bounds_given_are_used() -> None:
    rows = noise(50, 3, 1)
    wide = ClusterContext(bounds=(rows.min(axis=0) * 10, rows.max(axis=0) * 10))
    assert make("fuzzyart").fit(rows, wide).clusters[0] < make("fuzzyart").fit(rows, CONTEXT).clusters[0]


class _Told:
    """A progress that counts, and is interrupted when it was told so often."""

    def __init__(self, until: float = np.inf) -> None:
        self.total, self.done, self.until = 0.0, 0.0, until

    @contextlib.contextmanager
    def task(self, label: str, total: float | None, unit: str) -> Iterator[_Told]:
        self.total += total or 0
        yield self

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        if self.done >= self.until:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def step(self, name: str, text: str) -> None:
        raise AssertionError(text)


@pytest.mark.parametrize("name", NAMES)
def test_progress_counts_every_row_and_an_interrupted_fit_leaves_no_model(name: str) -> None:
    rows, told = noise(70, 4, 1), _Told()
    clusterer = suitable(name)
    clusterer.fit(rows, ClusterContext(progress=told))
    assert told.done == told.total == len(rows) * (2 if name == "deepartmap" else 1)
    with pytest.raises(KeyboardInterrupt):
        clusterer.fit(rows, ClusterContext(progress=_Told(until=10)))
    with pytest.raises(UserError, match="was not fitted"):
        clusterer.predict(rows)
