"""The clusterers of darkframe_artlib against artlib used directly, against definitions written out, and against its C++."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import artlib
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from support.artlib_cases import SUITABLE, blobs, make, noise

from darkframe import ClusterContext, ParameterError, UserError
from darkframe_artlib.rows import Bounds, complement, thermometer

CONTEXT = ClusterContext()
SEEDS = range(24)


def _problem(seed: int) -> tuple[np.ndarray, float, float, float]:
    """Rows and random rho, alpha, beta."""
    rng = np.random.default_rng(1000 + seed)
    rows = noise(int(rng.integers(1, 120)), int(rng.integers(1, 10)), seed)
    return rows, float(rng.uniform(0.05, 0.95)), float(rng.choice([1e-7, 0.01, 0.5])), float(rng.choice([1.0, 0.5]))


def _scaled(rows: np.ndarray) -> np.ndarray:
    spread = np.ptp(rows, axis=0)
    return np.where(spread == 0, 0.0, (rows - rows.min(axis=0)) / np.where(spread == 0, 1, spread))


def naive_fuzzy_art(coded: np.ndarray, rho: float, alpha: float, beta: float) -> np.ndarray:
    """Fuzzy ART as it is defined, one row and one category at a time, in float64."""
    weights: list[np.ndarray] = []
    labels = []
    for row in coded:
        choice = [np.minimum(row, w).sum() / (alpha + w.sum()) for w in weights]
        for k in sorted(range(len(weights)), key=lambda k: (-choice[k], k)):
            if np.minimum(row, weights[k]).sum() / (len(row) / 2) >= rho:
                weights[k] = beta * np.minimum(row, weights[k]) + (1 - beta) * weights[k]
                labels.append(k)
                break
        else:
            labels.append(len(weights))
            weights.append(row)
    return np.array(labels)


@pytest.mark.parametrize("seed", SEEDS)
def test_fuzzy_art_is_its_definition_in_both_backends(seed: int) -> None:
    rows, rho, alpha, beta = _problem(seed)
    expected = naive_fuzzy_art(complement(_scaled(rows)), rho, alpha, beta)
    for backend in ("python", "cpp", "auto"):
        found = make("fuzzyart", rho=rho, alpha=alpha, beta=beta, backend=backend).fit(rows, CONTEXT)
        assert np.array_equal(found.labels[0], expected), backend
        assert found.diagnostics.details["backend"] == ("python" if backend == "python" else "cpp")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["hypersphereart", "gaussianart", "binaryfuzzyart"])
def test_the_compiled_backend_gives_the_labels_and_weights_of_the_python_one(name: str, seed: int) -> None:
    rows, rho, alpha, beta = _problem(seed)
    extra: dict[str, Any] = {"hypersphereart": {"alpha": alpha, "beta": beta}, "gaussianart": {"sigma_init": 0.2}}.get(name, {})
    one, two = (make(name, rho=rho, backend=backend, **extra) for backend in ("cpp", "python"))
    assert np.array_equal(one.fit(rows, CONTEXT).labels, two.fit(rows, CONTEXT).labels)
    for key, value in one.state().items():
        np.testing.assert_allclose(value, two.state()[key], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_compiled_art1_is_art1_in_exact_fractions(seed: int) -> None:
    bits = thermometer(_scaled(_problem(seed)[0]), 4).astype(int)
    bias = Fraction(3, 2)
    top: list[np.ndarray] = []
    scale: list[Fraction] = []
    expected = []
    for row in bits:
        choice = [int((row * t).sum()) * s for t, s in zip(top, scale, strict=True)]
        for k in sorted(range(len(top)), key=lambda k: (-choice[k], k)):
            if (row * top[k]).sum() / len(row) >= 0.3:
                top[k] = row * top[k]
                scale[k] = bias / (bias - 1 + int(top[k].sum()))
                expected.append(k)
                break
        else:
            expected.append(len(top))
            top.append(row)
            scale.append(bias / (bias - 1 + len(row)))
    found = make("art1", rho=0.3, L=1.5, bits=4).fit(_problem(seed)[0], CONTEXT)
    assert found.labels[0].tolist() == expected


DIRECT: dict[str, Any] = {
    "gaussianart": lambda d: artlib.GaussianART(rho=0.1, sigma_init=0.5 * np.ones(d), alpha=1e-10),
    "hypersphereart": lambda d: artlib.HypersphereART(rho=0.3, alpha=0.01, beta=1.0, r_hat=1.0),
    "bayesianart": lambda d: artlib.BayesianART(rho=0.0009**d, cov_init=0.001 * np.eye(d)),
    "ellipsoidart": lambda d: artlib.EllipsoidART(rho=0.1, alpha=1e-7, beta=1.0, mu=0.8, r_hat=1.0),
    "quadraticneuronart": lambda d: artlib.QuadraticNeuronART(rho=0.9, s_init=0.9, lr_b=0.1, lr_w=0.1, lr_s=0.05),
    "fuzzyart": lambda d: artlib.FuzzyART(rho=0.7, alpha=0.01, beta=1.0),
}
"""artlib's modules by hand, with the parameters of ``SUITABLE``: ``X = m.prepare_data(rows); m.fit(X); m.labels_``."""


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("rows", [blobs()[0], noise(70, 5, 1), noise(70, 5, 2)], ids=["blobs", "noise", "more"])
def test_labels_match_and_predictions_are_those_of_artlib_used_directly(name: str, rows: np.ndarray) -> None:
    module = DIRECT[name](rows.shape[1])
    prepared = module.prepare_data(rows)
    module.fit(prepared)
    ours = make(name, **SUITABLE[name])
    found = ours.fit(rows, CONTEXT)
    assert np.array_equal(found.labels[0], module.labels_)
    assert np.array_equal(ours.predict(rows).labels[0], module.predict(prepared))
    choice, match = np.empty((2, 12, len(module.W)))
    for i, row in enumerate(prepared[:12]):
        for k, weight in enumerate(module.W):
            choice[i, k], cache = module.category_choice(row, weight, module.params)
            match[i, k] = module.match_criterion(row, weight, module.params, cache)[0]
    if name == "bayesianart":  # with rho_of=dimension the match is the d-th root
        match = match ** (1 / rows.shape[1])
    np.testing.assert_allclose(ours.matches(rows[:12], 0)[0], match, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.match[0, :12], match[np.arange(12), module.labels_[:12]], rtol=1e-9, atol=1e-12)
    for i in range(12):
        others = np.delete(choice[i], module.labels_[i])
        if len(others):
            assert found.margin[0, i] == pytest.approx(choice[i, module.labels_[i]] - others.max(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["art2a", "fusionart", "cviart", "icvifuzzyart"])
def test_composed_modules_are_those_of_artlib(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    rows = noise(60, 6, 1)
    x = _scaled(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "art2a":
            module = artlib.ART2A(0.9, 1e-7, 0.1)
            x = x / np.linalg.norm(x, axis=1, keepdims=True)
        elif name == "fusionart":
            module = artlib.FusionART([artlib.FuzzyART(0.7, 0.01, 1.0) for _ in range(2)], [0.5, 0.5], [6, 6])
            x = np.hstack([complement(x[:, :3]), complement(x[:, 3:])])
        else:
            base = artlib.FuzzyART(0.5, 0.01, 1.0)
            module = artlib.CVIART(base, 1) if name == "cviart" else artlib.iCVIFuzzyART(0.2, 0.01, 1.0, 1)
            x = complement(x)
        module.fit(x)
        predicted = module.predict(x) if name != "cviart" else module.base_module.predict(x)
    ours = make(name, **SUITABLE[name])
    assert np.array_equal(ours.fit(rows, CONTEXT).labels[0], module.labels_)
    assert np.array_equal(ours.predict(rows).labels[0], predicted)
    capfd.readouterr()


def test_fusion_art_passes_a_row_where_artlib_does() -> None:
    rows = noise(50, 6, 1)
    ours = make("fusionart", rho=0.6, channels=3)
    ours.fit(rows, CONTEXT)
    match, passes = ours.matches(rows, 0)
    weights, coded = ours.state()["weights"], ours.code(_scaled(rows))
    each = np.stack([np.minimum(coded[:, None, s], weights[None, :, s]).sum(axis=2) / 2 for s in np.split(np.arange(12), 3)])
    assert np.array_equal(passes, (each >= 0.6).all(axis=0)) and np.allclose(match, each.min(axis=0))


@pytest.mark.parametrize("channels", [1, 3, 6, 7, 10])
def test_fusion_art_takes_any_number_of_channels(channels: int) -> None:
    rows = noise(30, 10, 1)
    assert make("fusionart", channels=channels).fit(rows, CONTEXT).labels.shape == (1, 30)
    with pytest.raises(UserError, match=f"cannot split 10 dimensions into {channels + 10} channels"):
        make("fusionart", channels=channels + 10).fit(rows, CONTEXT)


def test_fusion_art_with_one_channel_is_fuzzy_art() -> None:
    rows = noise(100, 5, 1)
    one, two = make("fusionart", rho=0.6, alpha=0.01, channels=1), make("fuzzyart", rho=0.6)
    assert np.array_equal(one.fit(rows, CONTEXT).labels, two.fit(rows, CONTEXT).labels)


def test_binary_fuzzy_art_measures_what_fuzzy_art_does_on_rows_in_steps() -> None:
    steps = np.random.default_rng(0).integers(0, 9, (60, 4)) / 8.0
    steps[0], steps[1] = 0.0, 1.0
    binary, fuzzy = make("binaryfuzzyart", rho=0.6, bits=8), make("fuzzyart", rho=0.6, alpha=1e-10)
    binary.fit(steps, CONTEXT), fuzzy.fit(steps, CONTEXT)
    one = np.minimum(binary.code(_scaled(steps))[:, None], binary.code(_scaled(steps))[None]).sum(axis=2) / (4 * 8)
    two = np.minimum(complement(steps)[:, None], complement(steps)[None]).sum(axis=2) / 4
    assert np.allclose(one, two)


@pytest.mark.parametrize("seed", range(6))
def test_dual_vigilance_is_artlibs_with_its_boxes_below_its_clusters(seed: int) -> None:
    rows = noise(90, 3, seed)
    module = artlib.DualVigilanceART(artlib.FuzzyART(0.85, 0.01, 1.0), 0.6)
    module.fit(module.prepare_data(rows))
    found = make("dualvigilanceart", rho=0.85, rho_lower=0.6, alpha=0.01).fit(rows, CONTEXT)
    assert np.array_equal(found.labels[0], module.labels_) and np.array_equal(found.labels[1], module.prototype_labels_)
    assert found.clusters == (module.n_clusters, len(module.W)) and found.vigilance == (0.6, 0.85)


@pytest.mark.parametrize("seed", range(6))
def test_topo_art_has_the_categories_and_edges_of_artlibs(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    rows = noise(200, 3, seed)
    ours = make("topoart", rho=0.75, alpha=0.01, beta_lower=0.5, tau=50, phi=6)
    found = ours.fit(rows, CONTEXT)
    module = artlib.TopoART(artlib.FuzzyART(0.75, 0.01, 1.0), beta_lower=0.5, tau=50, phi=6)
    module.fit(module.prepare_data(rows))  # the last removal falls on the last row, so that only permanent ones are left
    capfd.readouterr()
    assert np.array_equal(ours.state()["weights_1"], np.array(module.W))
    linked = module.adjacency + module.adjacency.T > 0
    parents = found.parents[0]
    assert all(parents[a] == parents[b] for a, b in zip(*np.nonzero(linked), strict=True))
    reach = np.linalg.matrix_power(linked + np.eye(len(linked), dtype=int), len(linked)) > 0
    assert np.array_equal(parents[:, None] == parents[None], reach)
    settled = found.labels[1] >= 0
    assert settled.sum() > 0 and (found.match[1][settled] >= 0.75 - 1e-12).all()
    assert (found.labels[1] == module.labels_)[settled].mean() > 0.8  # artlib places the rows of removed ones at once


def test_topo_art_calls_rows_apart_from_all_others_noise() -> None:
    rows, planted = blobs(n=160)
    strays = np.random.default_rng(3).uniform(-0.5, 1.5, (6, 6))
    found = make("topoart", rho=0.9, tau=83, phi=8).fit(np.vstack([rows, strays]), CONTEXT)
    assert (found.labels[:, -6:] == -1).all() and np.isnan(found.match[:, -6:]).all()
    assert adjusted_rand_score(planted, found.labels[0, :-6]) > 0.95
    assert any("rows are noise" in warning for warning in found.diagnostics.warnings)


@pytest.mark.parametrize("tau", [1000, 40, 13])  # the last removal never comes, falls on the last row, or before it
def test_topo_art_without_a_permanent_category_says_so(tau: int) -> None:
    ours = make("topoart", rho=0.99, phi=12, tau=tau)
    found = ours.fit(noise(40, 3, 1), CONTEXT)
    assert (found.labels == -1).all() and found.clusters == (0, 0)
    assert "Lower phi" in found.diagnostics.warnings[0]
    assert (ours.predict(noise(5, 3, 1)).labels == -1).all()


@pytest.mark.parametrize("tracking", ["MT+", "MT~"])
def test_deep_artmap_is_artlibs(tracking: Any) -> None:
    rows = noise(80, 4, 1)
    rhos = (0.3, 0.6, 0.85)
    found = make("deepartmap", rho=rhos, match_tracking=tracking).fit(rows, CONTEXT)
    smart = artlib.SMART(artlib.FuzzyART, rhos, {"alpha": 0.01, "beta": 1.0})
    smart.fit(smart.prepare_data(rows), match_tracking=tracking)
    assert np.array_equal(found.labels, smart.labels_deep_.T)
    assert any("MT+ raises" in text for text in found.diagnostics.warnings) == (tracking == "MT+")


def test_bayesian_vigilance_is_inverted_and_said() -> None:
    rows = blobs(n=80)[0]
    many, few = (make("bayesianart", rho=rho, cov_init=0.001, rho_of="dimension") for rho in (0.0006, 0.01))
    tight, loose = many.fit(rows, CONTEXT), few.fit(rows, CONTEXT)
    assert tight.clusters[0] > loose.clusters[0]
    assert all(any("inverted" in text for text in found.diagnostics.warnings) for found in (tight, loose))
    match, passes = few.matches(rows, 0)
    assert np.array_equal(passes, match <= 0.01)


def test_bayesian_art_in_too_many_dimensions_is_refused() -> None:
    with pytest.raises(UserError, match=r"400 dimensions.*overflows"):
        make("bayesianart").fit(np.random.default_rng(0).standard_normal((3, 400)), CONTEXT)
    with pytest.raises(UserError, match=r"300 dimensions.*beyond float64"):
        make("bayesianart", rho=0.01, rho_of="dimension").fit(np.random.default_rng(0).standard_normal((3, 300)), CONTEXT)


@pytest.mark.parametrize("name", ["hypersphereart", "ellipsoidart"])
def test_r_hat_in_many_dimensions_is_warned_of_and_can_grow_with_them(name: str) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 256))
    unit = make(name).fit(rows, CONTEXT)
    assert unit.clusters == (60,)
    assert any("radius_unit=half-diagonal" in text and "d = 256" in text for text in unit.diagnostics.warnings)
    grown = make(name, radius_unit="half-diagonal", rho=0.2).fit(rows, CONTEXT)
    assert grown.clusters[0] < 30
    by_hand = make(name, r_hat=8.0, rho=0.2).fit(rows, CONTEXT)  # √256 / 2
    assert np.array_equal(grown.labels, by_hand.labels)


def test_gaussian_sigma_can_grow_with_the_dimensions() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 256))
    assert make("gaussianart").fit(rows, CONTEXT).clusters == (60,)
    assert make("gaussianart", sigma_unit="half-diagonal").fit(rows, CONTEXT).clusters[0] < 60


def test_repeated_rows_do_not_break_ellipsoids() -> None:
    """artlib's own update divides 0 by 0 for a row at its category's centre, and that category, NaN, takes every row."""
    rows = np.repeat(noise(5, 3, 1), 8, axis=0)
    module = artlib.EllipsoidART(rho=0.9, alpha=1e-7, beta=1.0, mu=0.8, r_hat=1.0)
    with np.errstate(all="ignore"):
        module.fit(module.prepare_data(rows))
    found = make("ellipsoidart", rho=0.9).fit(rows, CONTEXT)
    assert module.n_clusters != found.clusters[0] == 5


def test_art_2a_without_unit_length_does_not_tell_blobs_apart() -> None:
    """Why rows are brought to unit length: artlib's inner product grows with the row, and rho ends at 1."""
    rows, planted = blobs()
    scores = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rho in (0.2, 0.5, 0.8, 0.9, 0.95, 0.99):
            module = artlib.ART2A(rho, 1e-7, 1.0)
            module.fit(_scaled(rows))
            scores.append(adjusted_rand_score(planted, module.labels_))
    assert max(scores) < 0.3


def test_davies_bouldin_is_left_out_because_it_splinters(capfd: pytest.CaptureFixture[str]) -> None:
    rows, _ = blobs(n=24)
    module = artlib.CVIART(artlib.FuzzyART(0.5, 0.01, 1.0), artlib.CVIART.DAVIESBOULDIN)
    module.fit(complement(_scaled(rows)))
    capfd.readouterr()
    assert len(np.unique(module.labels_)) > 12
    with pytest.raises(ParameterError, match="validity"):
        make("cviart", validity="davies-bouldin")


def test_scaling_is_artlibs() -> None:
    rows = np.hstack([noise(30, 4, 1), np.full((30, 1), 2.5)])
    module = artlib.FuzzyART(0.5, 0.01, 1.0)
    scaled, outside = Bounds.of(rows, None).scale(rows)
    assert np.array_equal(complement(scaled), module.prepare_data(rows)) and outside == 0
