"""``SklearnClusterer``: the estimators' own labels, in darkframe's numbers, and the contract of a clusterer."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_distributions import Site
from sklearn import cluster, mixture

from darkframe import ClusterContext, DataError, ParameterError, PluginError, UserError, param
from darkframe.adapters import SklearnClusterer
from darkframe.interfaces import Assigns
from darkframe.registry import Registry
from darkframe.testing.given import GivenSubject, check_given

DOCS = Path(__file__).parent.parent / "docs" / "sklearn-plugins.md"
PREDICTS = {"KMeans", "BisectingKMeans", "Birch", "MeanShift"}
PARAMETERS = {
    "KMeans": {"n_clusters": 3, "n_init": 2},
    "AgglomerativeClustering": {"n_clusters": 3},
    "DBSCAN": {"eps": 2.0},
    "BisectingKMeans": {"n_clusters": 3},
    "Birch": {"n_clusters": 3, "threshold": 0.1},
    "MeanShift": {"bandwidth": 4.0},
}


def adapter(name, module="sklearn.cluster", **parameters):
    fields = [(key, object, param(value, help="As scikit-learn has it.")) for key, value in parameters.items()]
    params = dataclasses.make_dataclass("Params", fields, frozen=True)
    made = type(name, (SklearnClusterer,), {"estimator": f"{module}:{name}"})
    return lambda: made(params())


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    centres = 4 * rng.normal(size=(4, 6))
    rows = centres[rng.integers(4, size=160)] + 0.6 * rng.normal(size=(160, 6))
    rows[rng.choice(160, 12, replace=False)] += 9 * rng.normal(size=(12, 6))
    return rows.astype(np.float32)


def own(name, vectors, **parameters):
    model = getattr(cluster, name)(**parameters)
    return model.set_params(random_state=42) if "random_state" in model.get_params() else model


@pytest.mark.parametrize("name", PARAMETERS)
def test_labels_are_the_estimators_own_in_the_order_of_their_first_vectors(vectors, name):
    made = adapter(name, **PARAMETERS[name])()
    found = made.fit(vectors, ClusterContext())
    model = own(name, vectors, **PARAMETERS[name])
    labels = model.fit_predict(vectors)
    pairs = set(zip(labels.tolist(), found.labels[0].tolist()))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert ((labels < 0) == (found.labels[0] < 0)).all()
    first = [int(np.flatnonzero(found.labels[0] == i)[0]) for i in range(found.labels.max() + 1)]
    assert first == sorted(first) and len(first) >= 2
    assert found.labels.dtype == np.int64 and found.match is None and found.parents == ()
    assert found.diagnostics.details["estimator"].endswith(name)
    assert isinstance(made, Assigns) == (name in PREDICTS)
    if name in PREDICTS:
        fresh = vectors[::-3] + np.float32(0.1)
        of = dict(zip(labels.tolist(), found.labels[0].tolist()))
        assigned = made.predict(fresh)
        assert assigned.labels[0].tolist() == [of[label] for label in model.predict(fresh).tolist()]
        assert assigned.passed.all() and np.isnan(assigned.match).all()


def test_dbscan_leaves_noise(vectors):
    labels = adapter("DBSCAN", eps=2.0)().fit(vectors, ClusterContext()).labels[0]
    assert 5 < (labels < 0).sum() < 60


@pytest.mark.parametrize("name", PARAMETERS)
def test_adapted_estimators_pass_the_conformance_checks(name):
    assert len(check_given(GivenSubject("clusterer", adapter(name, **PARAMETERS[name])), name)) > 10


def test_clusters_without_vectors_come_after_the_others(vectors):
    """Of five centres on three distinct points two have nothing; predict may name them all the same."""
    points = np.repeat(vectors[:3], 10, axis=0)
    made = adapter("KMeans", n_clusters=5, n_init=1)()
    found = made.fit(points, ClusterContext())
    assert found.clusters == (5,) and set(found.labels[0]) == {0, 1, 2}
    assert not found.diagnostics.converged and "distinct clusters (3)" in found.diagnostics.warnings[0]


def test_estimators_without_labels_are_asked_to_predict(vectors):
    found = adapter("GaussianMixture", "sklearn.mixture", n_components=3)().fit(vectors, ClusterContext(seed=1))
    labels = mixture.GaussianMixture(3, random_state=1).fit_predict(vectors)
    assert len(set(zip(labels.tolist(), found.labels[0].tolist()))) == 3


def test_stopping_at_max_iter_is_told(vectors):
    said = adapter("KMeans", n_clusters=4, n_init=1, max_iter=1)().fit(vectors, ClusterContext()).diagnostics
    assert not said.converged and said.iterations == 1
    assert "The estimator stopped at max_iter = 1." in said.warnings


class Writes:
    """An estimator that writes to what it is given."""

    def __init__(self, n_clusters=2):
        self.n_clusters = n_clusters

    def get_params(self):
        return {"n_clusters": self.n_clusters}

    def fit_predict(self, x):
        x -= x.mean(axis=0)
        self.model = cluster.KMeans(self.n_clusters, random_state=0)
        return self.model.fit_predict(x)


@pytest.mark.parametrize("writeable", [True, False])
def test_an_estimator_that_writes_gets_a_copy(vectors, writeable):
    given = vectors.copy()
    given.flags.writeable = writeable
    made = type("Adapted", (SklearnClusterer,), {"estimator": Writes})()
    assert made.fit(given, ClusterContext()).clusters == (2,)
    assert (given == vectors).all()


@pytest.mark.parametrize(
    ("name", "parameters", "rows", "error", "words"),
    [
        ("KMeans", {"n_clusters": 9}, 4, UserError, "9 clusters were asked for, but there are 4 vectors"),
        ("KMeans", {"n_clusters": 2}, 1, UserError, "2 clusters were asked for, but there is 1 vector"),
        ("OPTICS", {}, 3, UserError, "OPTICS cannot cluster 3 vectors of 6 dimensions: min_samples"),
        ("DBSCAN", {"eps": -1.0}, 9, ParameterError, "The 'eps' parameter of DBSCAN must be"),
        ("DBSCAN", {"colour": 1}, 9, PluginError, "DBSCAN takes no colour; its parameters are eps"),
        ("DBSCAN", {}, 0, UserError, "no vectors"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(vectors, name, parameters, rows, error, words):
    with pytest.raises(error, match=words):
        adapter(name, **parameters)().fit(vectors[:rows], ClusterContext())


def test_predicting_needs_a_fit_the_same_dimensions_and_finite_vectors(vectors):
    made = adapter("KMeans", n_clusters=2)()
    with pytest.raises(UserError, match="Nothing was fitted"):
        made.predict(vectors)
    made.fit(vectors, ClusterContext())
    with pytest.raises(UserError, match="3 dimensions, but the clusters were fitted on 6"):
        made.predict(vectors[:, :3])
    broken = vectors.copy()
    broken[1, 1] = np.inf
    for call in (made.predict, lambda x: made.fit(x, ClusterContext())):
        with pytest.raises(DataError, match="NaN or infinite"):
            call(broken)


def test_the_documented_plugin_works_as_it_stands(tmp_path, vectors):
    module = next(text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "DBSCANParams" in text)
    name, value = re.findall(r"\[project.entry-points.darkframe\]\n(.*?) = \"(.*?)\"", DOCS.read_text())[0]
    site = Site(tmp_path / "site")
    site.install("darkframe-dbscan", {name: value}, {f"{value}.py": module})
    with site.active():
        registry = Registry.discover({"DARKFRAME_PLUGINS": "darkframe-dbscan"})
        assert registry.problems == []
        found = registry.get("clusterer", "dbscan")
        made = found.load()(found.info.params(eps=0.1))
        labels = made.fit(vectors, ClusterContext()).labels[0]
    expected = cluster.DBSCAN(eps=0.1, metric="cosine").fit_predict(vectors)
    assert len(set(zip(labels.tolist(), expected.tolist()))) == len(set(expected.tolist())) > 2
    assert "clusterer.eps = 0.5" in site.command("describe", "clusterer", "dbscan").stdout


def test_the_documented_subclass_gives_a_match(vectors):
    [code] = [text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "class HDBSCAN" in text]
    scope = {"SklearnClusterer": SklearnClusterer, "np": np, "dataclasses": dataclasses}
    exec(code, scope)
    found = scope["HDBSCAN"]().fit(vectors, ClusterContext())
    model = cluster.HDBSCAN(copy=True).fit(vectors)
    inside = model.labels_ >= 0
    np.testing.assert_allclose(found.match[0][inside], model.probabilities_[inside])
    assert np.isnan(found.match[0][~inside]).all() and (~inside).any()


def test_importing_the_adapters_imports_nothing_heavy():
    code = "import sys, darkframe.adapters; print([m for m in ('numpy', 'sklearn', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
