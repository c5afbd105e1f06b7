"""Against scikit-learn itself, and against graphs that are built here."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from darkframe import ClusterContext, Clustering, DataError, ParameterError, UserError
from darkframe.errors import OutOfMemoryError
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn import cluster

from darkframe_hdbscan import memory
from darkframe_hdbscan.clusterer import HDBSCAN
from darkframe_hdbscan.plugin import HDBSCANParams

Array = NDArray[Any]


@pytest.fixture(scope="module")
def vectors() -> Array:
    """Four dense directions of 40 vectors each, of very different lengths, among 100 that point anywhere."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 64))
    dense = np.repeat(centres / np.linalg.norm(centres, axis=1, keepdims=True), 40, axis=0) + 0.04 * rng.normal(size=(160, 64))
    loose = rng.normal(size=(100, 64))
    rows = np.vstack([dense, loose / np.linalg.norm(loose, axis=1, keepdims=True)]) * rng.lognormal(size=(260, 1))
    shuffled: Array = rows[rng.permutation(260)].astype(np.float32)
    return shuffled


def fit(vectors: Array, **parameters: Any) -> Clustering:
    return HDBSCAN(HDBSCANParams(**parameters)).fit(vectors, ClusterContext())


def unit(vectors: Array) -> Array:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))


def same_partition(a: Array, b: Array) -> bool:
    """Whether the clusters are the same sets of vectors, and noise is noise."""
    pairs = set(zip(a.tolist(), b.tolist()))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs}) and bool(((a < 0) == (b < 0)).all())


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"min_cluster_size": 12, "min_samples": 3},
        {"cluster_selection_method": "leaf", "min_samples": 2},
        {"max_cluster_size": 39, "min_samples": 2},
        {"allow_single_cluster": True, "min_cluster_size": 50},
        {"metric": "manhattan", "min_samples": 2},
        {"algorithm": "brute", "min_samples": 2},
        {"n_jobs": 2},
    ],
    ids=str,
)
def test_labels_and_membership_are_scikit_learns(vectors: Array, parameters: dict[str, Any]) -> None:
    found = fit(vectors, **parameters)
    model = cluster.HDBSCAN(**parameters, copy=True).fit(unit(vectors))
    assert same_partition(found.labels[0], model.labels_)
    assert found.match is not None
    inside = model.labels_ >= 0
    np.testing.assert_allclose(found.match[0][inside], model.probabilities_[inside], rtol=1e-9)
    assert np.isnan(found.match[0][~inside]).all()
    assert 0 < inside.sum() < 260, "a case without clusters, or without noise, says little"


def test_the_planted_directions_are_found_and_the_rest_is_noise(vectors: Array) -> None:
    found = fit(vectors)
    assert found.clusters == (4,)
    sizes = np.bincount(found.labels[0][found.labels[0] >= 0])
    assert ((sizes >= 40) & (sizes <= 46)).all()  # a few loose ones lie near by chance
    noise = 260 - int(sizes.sum())
    assert found.diagnostics.details["noise"] == noise
    assert found.diagnostics.details["share of noise"] == f"{noise / 260:.1%}"
    assert found.diagnostics.warnings == ()
    assert found.match is not None
    strong = found.match[0] > 0.6  # the dense middle: of one direction each
    for cluster_id in range(4):
        mine = unit(vectors)[strong & (found.labels[0] == cluster_id)]
        assert len(mine) >= 20 and (mine @ mine.T).min() > 0.6


def test_merging_below_a_distance_works_or_says_why_not(vectors: Array) -> None:
    """scikit-learn's issue 33219: it fails under NumPy 2.4."""
    model = cluster.HDBSCAN(cluster_selection_epsilon=1.3, cluster_selection_method="leaf", min_samples=2, copy=True)
    try:
        labels = model.fit(unit(vectors)).labels_
    except TypeError:
        with pytest.raises(UserError, match="cannot merge clusters below a distance") as caught:
            fit(vectors, cluster_selection_epsilon=1.3, cluster_selection_method="leaf", min_samples=2)
        assert "cut_distances" in caught.value.hint
    else:
        found = fit(vectors, cluster_selection_epsilon=1.3, cluster_selection_method="leaf", min_samples=2)
        assert same_partition(found.labels[0], labels)
    fit(vectors, cluster_selection_epsilon=1e-9)


def test_clusters_are_numbered_as_they_first_occur(vectors: Array) -> None:
    for labels in fit(vectors, min_samples=2, cut_distances=(0.9, 0.5)).labels:
        first = [int(np.flatnonzero(labels == number)[0]) for number in range(labels.max() + 1)]
        assert first == sorted(first)


def test_euclidean_distances_of_unit_vectors_give_the_leaves_of_the_cosine(vectors: Array) -> None:
    """|u − v|² = 2 (1 − cos): the tree joins the same sets in the same order."""
    model = cluster.HDBSCAN(metric="cosine", cluster_selection_method="leaf", min_samples=2, copy=True).fit(vectors)
    assert same_partition(fit(vectors, cluster_selection_method="leaf", min_samples=2).labels[0], model.labels_)


def test_lengths_count_where_vectors_are_left_as_they_are(vectors: Array) -> None:
    scaled = vectors * np.float32(7)
    assert (fit(vectors).labels == fit(scaled).labels).all()
    model = cluster.HDBSCAN(copy=True).fit(vectors)
    assert same_partition(fit(vectors, normalise=False).labels[0], model.labels_)
    assert not (fit(vectors, normalise=False).labels == fit(vectors).labels).all()


def components(vectors: Array, cut: float, samples: int, size: int) -> Array:
    """Of the graph of all pairs whose mutual reachability is at most ``cut``; those too small are −1."""
    distances = cdist(unit(vectors), unit(vectors))
    core = np.sort(distances, axis=1)[:, samples - 1]
    reach = np.maximum(distances, np.maximum(core[:, None], core[None]))
    _, labels = connected_components(reach <= cut, directed=False)
    return np.where(np.bincount(labels)[labels] >= size, labels, -1)


def test_levels_are_the_components_of_mutual_reachability_and_nest(vectors: Array) -> None:
    cuts = (1.1, 0.6, 0.35)
    found = fit(vectors, min_samples=3, min_cluster_size=6, cut_distances=cuts)
    for labels, cut in zip(found.labels, cuts):
        assert same_partition(labels, components(vectors, cut, 3, 6))
    for level, parents in enumerate(found.parents, start=1):
        inside = found.labels[level] >= 0
        assert (parents[found.labels[level][inside]] == found.labels[level - 1][inside]).all()
    assert found.match is None
    assert [len(parents) for parents in found.parents] == list(found.clusters[1:])
    assert found.diagnostics.details["noise"] == [int((labels < 0).sum()) for labels in found.labels]


def test_nothing_dense_is_said_to_be_noise() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 200)).astype(np.float32)
    found = fit(rows)
    assert (found.labels == -1).all() and found.clusters == (0,)
    assert found.match is not None and np.isnan(found.match).all()
    assert "Every vector is noise" in found.diagnostics.warnings[0]
    cut = fit(rows, cut_distances=(0.5, 0.2))
    assert (cut.labels == -1).all() and cut.clusters == (0, 0) and [len(parents) for parents in cut.parents] == [0]
    assert "Every vector is noise at distance 0.2" in cut.diagnostics.warnings[1]


def test_where_there_is_no_noise_it_is_said(vectors: Array) -> None:
    found = fit(vectors[:60], cut_distances=(3.0,))
    assert (found.labels == 0).all()
    assert found.diagnostics.warnings == ("No vector is noise at distance 3: every one is in a cluster.",)


def test_zero_vectors_are_told() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 4))
    rows[3] = 0
    assert any("1 vector is zero and has no direction" in said for said in fit(rows).diagnostics.warnings)
    assert not fit(rows, normalise=False).diagnostics.warnings or "zero" not in fit(rows, normalise=False).diagnostics.warnings[0]


def test_huge_and_tiny_vectors_keep_their_directions(vectors: Array) -> None:
    wide = vectors.astype(np.float64)
    expected = fit(wide, min_samples=2).labels
    for factor in (1e200, 1e-200):
        assert (fit(wide * factor, min_samples=2).labels == expected).all()


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"min_cluster_size": 300}, UserError, "260 vectors are fewer than min_cluster_size = 300"),
        ({"min_samples": 261}, UserError, "260 vectors are fewer than min_samples = 261"),
        ({"max_cluster_size": 50, "cluster_selection_method": "leaf"}, ParameterError, "bounds the clusters of eom, not leaves"),
        ({"max_cluster_size": 3}, ParameterError, "max_cluster_size = 3 is below min_cluster_size = 5"),
        ({"cut_distances": (0.5, 0.9)}, ParameterError, "cut_distances = 0.5, 0.9 must fall"),
        ({"cut_distances": (0.5, 0.5)}, ParameterError, "must fall"),
        ({"cut_distances": (0.5,), "cluster_selection_method": "leaf"}, ParameterError, "cluster_selection_method says nothing"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_is_said(vectors: Array, parameters: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit(vectors, **parameters)


def test_nan_is_refused(vectors: Array) -> None:
    broken = vectors.copy()
    broken[3, 2] = np.nan
    with pytest.raises(DataError, match="NaN"):
        fit(broken)


def test_distances_that_do_not_fit_are_refused_before_they_are_taken(vectors: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    with pytest.raises(OutOfMemoryError, match=r"All distances between 260 vectors take 0\.0 GiB") as caught:
        fit(vectors, algorithm="brute")
    assert "algorithm=auto" in caught.value.hint
    fit(vectors)
    monkeypatch.setattr(memory, "available", lambda: None)  # the system does not say
    fit(vectors, algorithm="brute")


def test_memory_is_read_where_there_is_such_a_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       100 kB\nMemAvailable:      12 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", file)
    assert memory.available() == 12 * 1024
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    assert memory.available() is None


def test_declaring_it_imports_nothing_heavy() -> None:
    code = "import sys, darkframe_hdbscan.plugin; print([m for m in ('numpy', 'sklearn', 'scipy', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
