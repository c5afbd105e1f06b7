"""Dark components in a taxonomy: where they fall, with planted answers, and what chance gives."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from darkframe.numerics.nulls import isotropic_directions
from darkframe.plugin import ClustererInfo
from darkframe.store.run import RunDir
from darkframe.studies.placement import Frame, place

D, LENGTH = 24, 2.0


class Boxes:
    """Clusters as points: a vector matches one by 1 − its distance from it / 10, and passes from 0.9 on (a distance of 1)."""

    def __init__(self, points=None):
        self._points = points

    def matches(self, vectors, level):
        distances = np.linalg.norm(vectors[:, None] - self._points[level][None], axis=2)
        return 1 - distances / 10, distances <= 1

    def state(self):
        return {f"points{level}": points for level, points in enumerate(self._points)}

    def restore(self, state):
        self._points = [state[f"points{level}"] for level in range(len(state))]

    def fit(self, vectors, context):
        raise NotImplementedError


class NoModel:
    def fit(self, vectors, context):
        raise NotImplementedError


@dataclass
class Make:
    kind: type
    info: ClustererInfo = field(default_factory=lambda: ClustererInfo("boxes", "nowhere:Boxes", "Points."))
    params: None = None

    def __call__(self, **changed):
        return self.kind()


class Progress:
    def step(self, name, text):
        self.said = text


def planted(tmp_path, *, axes=None, model=True, kind=Boxes):
    """Two levels: e0 and e1 at level 0; at level 1 the two, tilted. Components: e0, −e1, and one far from all."""
    basis = np.eye(D)
    coarse = basis[:2]
    fine = np.stack([basis[0], basis[1] + 0.2 * basis[2]])
    fine /= np.linalg.norm(fine, axis=1, keepdims=True)
    directions = np.stack([basis[0], -basis[1], basis[10]])
    mean = np.zeros(D) if axes is None else np.full(D, 0.1)
    run = RunDir.create(tmp_path / "run", {})
    points = [LENGTH * coarse, LENGTH * fine]
    if axes is not None:
        points = [(of - mean) @ axes.T for of in points]
    arrays = {
        "taxonomy_axes": np.zeros((0, D)) if axes is None else axes,
        "taxonomy_axes_mean": mean,
        "cluster_level": np.array([0, 0, 1, 1]),
        "cluster_directions": np.concatenate([0.5 * coarse, 0.9 * fine]).astype(np.float32),  # means of unit rows are shorter
        "taxonomy_labels": np.zeros((2, 5), np.int64),
        "taxonomy_lower": np.zeros(D),
        "taxonomy_upper": np.ones(D),
        "directions": directions,
        "pca_variances": np.linspace(2, 1, D),
        "pca_components": np.eye(D),
    }
    if model:
        arrays |= {f"model_{name}": value for name, value in Boxes(points).state().items()}
    run.step("taxonomy-cluster", {}).save({}, arrays)
    dictionary = SimpleNamespace(norms=SimpleNamespace(mean=0.8 * LENGTH), n_features=10, dead=2)  # dead rows count as 0
    results = SimpleNamespace(dictionary=dictionary, levels=(0, 1))
    found = SimpleNamespace(match=SimpleNamespace(components=[SimpleNamespace(component=i, beats_null=i == 2) for i in range(3)]))
    config = SimpleNamespace(seed=1, clustering=SimpleNamespace(record=lambda: {"name": "boxes"}))
    return config, found, results, Make(kind), run


def test_components_fall_where_they_were_planted(tmp_path):
    config, found, results, make, run = planted(tmp_path)
    placement = place(config, found, results, make, run, progress=Progress())
    first, second, third = placement.components
    assert [level.cluster for level in first.levels] == [0, 0]
    assert [level.cluster for level in second.levels] == [1, 1]
    assert [level.sign for level in second.levels] == [-1, -1]
    assert second.levels[0].cosine == pytest.approx(1)
    assert second.levels[1].cosine == pytest.approx(1 / np.sqrt(1.04))
    assert [first.outside, second.outside, third.outside] == [False, False, True]
    assert [level.passes for level in third.levels] == [False, False]
    assert third.beats_null and not first.beats_null
    assert first.levels[0].match == pytest.approx(1)
    assert second.levels[0].match == pytest.approx(1), "the component is as long as a decoder row, with the cluster's sign"
    assert placement.outside == (1, 1)
    assert "1 of 3 dark components lie outside every known cluster of level 1" in placement.text
    np.testing.assert_array_equal(run.array("placement_clusters"), [[0, 0], [1, 1], [third.levels[0].cluster] * 2])


def test_chance_is_what_geometry_says(tmp_path):
    config, found, results, make, run = planted(tmp_path)
    placement = place(config, found, results, make, run, progress=Progress())
    coarse = placement.outside_by_chance[0]
    assert coarse["isotropic"] > 0.99
    # In e0 … e2, nearly uniform: it passes within cos = 1 − 1/8 of ±e0 or ±e1, four caps of (1 − cos) / 2 of the sphere each.
    assert coarse["rotation"] == pytest.approx(1 - 4 * (1 / 8) / 2, abs=0.1)
    drawn = isotropic_directions(20_000, D, 5)
    expected = np.median(np.abs(drawn[:, :2]).max(axis=1))  # e0 and e1 are the clusters
    assert placement.cosine_by_chance[0]["isotropic"] == pytest.approx(expected, abs=0.05)


def test_components_go_through_the_same_pca(tmp_path):
    axes = np.eye(D)[[0, 1, 10]]
    config, found, results, make, run = planted(tmp_path, axes=axes)
    placement = place(config, found, results, make, run, progress=Progress())
    assert [component.outside for component in placement.components] == [False, False, True]
    assert placement.components[0].levels[0].match == pytest.approx(1)


def test_without_a_model_directions_are_placed_and_vigilance_is_said_to_be_left_out(tmp_path):
    config, found, results, make, run = planted(tmp_path, model=False)
    placement = place(config, found, results, make, run, progress=Progress())
    assert "taxonomy.keep_model" in placement.note
    assert [level.passes for level in placement.components[0].levels] == [None, None]
    assert not any(component.outside for component in placement.components)
    assert "outside" not in placement.text
    assert all(np.isnan(share) for level in placement.outside_by_chance for share in level.values())


def test_a_clusterer_without_matches_is_said_to_have_none(tmp_path):
    config, found, results, make, run = planted(tmp_path, kind=NoModel)
    placement = place(config, found, results, make, run, progress=Progress())
    assert "'boxes' does not say how other vectors match" in placement.note


def test_it_is_taken_once(tmp_path):
    config, found, results, make, run = planted(tmp_path)
    first = place(config, found, results, make, run, progress=Progress())
    again = place(config, found, results, Make(NoModel), run, progress=Progress())  # could not be computed anew
    assert again == first


def test_blocks_do_not_matter(tmp_path, monkeypatch):
    _, _, results, make, run = planted(tmp_path)
    model = make()
    model.restore({f"points{level}": run.array(f"model_points{level}") for level in range(2)})
    rows = isotropic_directions(150, D, 3)
    whole = Frame(run, results, model).place(rows, 1)
    monkeypatch.setattr("darkframe.studies.placement.BLOCK", 7)
    pieces = Frame(run, results, model).place(rows, 1)
    for name in ("cluster", "cosine", "sign", "match", "passes", "known"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))
