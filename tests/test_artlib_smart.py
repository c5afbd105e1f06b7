"""``smart`` over the clusterers of darkframe_artlib, as a run opens them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from support.artlib_cases import noise

from darkframe import ClusterContext, Clustering, ParameterError, UserError
from darkframe.api.clusterers import Maker
from darkframe.config import build
from darkframe.registry import Registry


def _smart(**params: Any) -> Any:
    registry = Registry.discover()
    found = registry.get("clusterer", "smart")
    return Maker(found, build(found.info.params, params, kind="clusterer", owner="clusterer 'smart'"), registry)()


def _fit(rows: np.ndarray, **params: Any) -> Clustering:
    return _smart(**params).fit(rows, ClusterContext())


def _families(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of 3 families of 3 groups each, planted in 4 dimensions, in random order."""
    rng = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1]], float)
    group = rng.integers(0, 9, 180)
    shifts = np.array([[0.0, 0, 0, 0], [0.18, 0, 0.18, 0], [0, 0.18, 0, 0.18]])
    centres = (corners[:, None] * 0.8 + shifts[None]).reshape(9, 4)
    return centres[group] + 0.004 * rng.standard_normal((180, 4)), group // 3, group


@pytest.mark.parametrize("seed", range(5))
def test_smart_over_fuzzyart_is_smart_over_gpu_fuzzyart(seed: int) -> None:
    rows = noise(150, 5, seed)
    one, two = _fit(rows, base="fuzzyart"), _fit(rows)
    assert np.array_equal(one.labels, two.labels)
    assert all(np.array_equal(a, b) for a, b in zip(one.parents, two.parents, strict=True))
    np.testing.assert_allclose(one.match, two.match, rtol=1e-12)
    np.testing.assert_allclose(one.margin, two.margin, rtol=1e-9, atol=1e-12)
    for a, b in zip(one.width, two.width, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_deep_artmap_without_match_tracking_is_smart(seed: int) -> None:
    rows = noise(100, 4, seed)
    registry = Registry.discover()
    found = registry.get("clusterer", "deepartmap")
    params = build(found.info.params, {"rho": (0.2, 0.5, 0.8), "match_tracking": "MT~"}, kind="clusterer", owner="it")
    deep = Maker(found, params, registry)().fit(rows, ClusterContext())
    assert np.array_equal(deep.labels, _fit(rows).labels)


@pytest.mark.parametrize(
    ("base", "params"),
    [
        ("fuzzyart", {"rho": (0.6, 0.94)}),
        ("binaryfuzzyart", {"rho": (0.6, 0.92), "base_params": "bits=16"}),
        ("hypersphereart", {"rho": (0.5, 0.9)}),
        ("ellipsoidart", {"rho": (0.1, 0.8)}),
        ("gaussianart", {"rho": (0.001, 0.3), "base_params": "sigma_init=0.2"}),
        ("bayesianart", {"rho": (0.0009, 0.00018), "base_params": "cov_init=0.0003,rho_of=dimension"}),
    ],
)
def test_planted_families_are_found_over_every_base(base: str, params: dict[str, Any]) -> None:
    rows, family, group = _families()
    smart = _smart(base=base, **params)
    found = smart.fit(rows, ClusterContext())
    coarse, fine = (adjusted_rand_score(planted, labels) for planted, labels in zip((family, group), found.labels, strict=True))
    assert np.array_equal(found.parents[0][found.labels[1]], found.labels[0])
    assert coarse > 0.95 and fine > 0.95, (found.clusters, coarse, fine)
    placed = smart.predict(rows)
    assert placed.labels.shape == found.labels.shape


def test_bayesian_levels_must_fall_and_the_others_rise() -> None:
    rows = noise(30, 3, 1)
    with pytest.raises(ParameterError, match="fall"):
        _fit(rows, base="bayesianart", rho=(0.1, 0.2))
    with pytest.raises(ParameterError, match="rise"):
        _fit(rows, base="hypersphereart", rho=(0.5, 0.2))


@pytest.mark.parametrize("base", ["dualvigilanceart", "topoart"])
def test_bases_with_levels_of_their_own_are_refused(base: str) -> None:
    with pytest.raises(UserError, match="flat base"):
        _fit(noise(30, 3, 1), base=base, rho=(0.8, 0.9))
