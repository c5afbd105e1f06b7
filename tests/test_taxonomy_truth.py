"""Planted families and hierarchies are found, and rows without clusters are reported as such."""

import numpy as np
import pytest
from support import planted_rows as p


def shuffled(made, seed=1):
    rows, truth = made
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order], truth[:, order]


def test_planted_families_are_structure(tmp_path):
    rows, truth = shuffled(p.families(np.random.default_rng(0)))
    results, run = p.study(rows, tmp_path / "run", "gpu-fuzzyart", clusterer_params={"rho": 0.8})
    assert results.conclusion.verdict == "structure"
    assert p.planted_agreement(run, truth)[0] > 0.95
    (level,) = results.levels
    assert level.beats_null and "cohesion" in level.reason and "order stability" in level.reason
    covariance = next(null for null in level.nulls if null.name == "covariance")
    assert level.quality.cohesion > max(draw.cohesion for draw in covariance.draws)
    assert results.drill == ()


def test_a_planted_hierarchy_is_found_at_both_levels(tmp_path):
    rows, truth = shuffled(p.hierarchy(np.random.default_rng(1)))
    results, run = p.study(rows, tmp_path / "run", "smart", clusterer_params={"rho": "0.7,0.95"})
    assert results.conclusion.verdict == "structure"
    assert min(p.planted_agreement(run, truth)) > 0.95
    assert len(results.drill) == 3 and all(len(drill.children) == 6 for drill in results.drill)


def test_a_vigilance_that_cuts_across_families_is_told_from_one_that_finds_them(tmp_path):
    rows, _ = shuffled(p.families(np.random.default_rng(2)))
    results, _ = p.study(rows, tmp_path / "run", "smart", clusterer_params={"rho": "0.2,0.8"})
    assert results.conclusion.verdict == "some"
    assert [level.beats_null for level in results.levels] == [False, True]


@pytest.mark.parametrize("clusterer", ["smart", "gpu-fuzzyart"])
@pytest.mark.parametrize("kind", p.NOTHING)
def test_rows_without_clusters_are_reported_as_nothing(kind, clusterer, tmp_path):
    rows = p.NOTHING[kind](np.random.default_rng(4), n=400)
    results, _ = p.study(rows, tmp_path / "run", clusterer, nulls=2, orders=2)
    assert results.conclusion.verdict == "nothing", [level.reason for level in results.levels]
    assert "Nothing beyond chance" in results.conclusion.headline
    assert sum(level.clusters > 1 for level in results.levels)  # although there are clusters


def test_without_draws_enough_nothing_is_judged(tmp_path):
    rows, _ = shuffled(p.families(np.random.default_rng(0)))
    for nulls in (0, 1):
        results, _ = p.study(rows, tmp_path / str(nulls), "gpu-fuzzyart", nulls=nulls, orders=1)
        assert results.conclusion.verdict == "unjudged"
        assert "was not judged" in results.conclusion.headline and "taxonomy.nulls" in results.conclusion.text
        assert np.isnan(results.levels[0].quality.stability) and results.levels[0].orders == ()


def test_a_sample_of_rows_is_checked_beside_its_own_nulls(tmp_path):
    rows, _ = shuffled(p.families(np.random.default_rng(0)))
    results, _ = p.study(rows, tmp_path / "run", "gpu-fuzzyart", clusterer_params={"rho": 0.8}, check_rows=200)
    (level,) = results.levels
    assert (level.rows, results.order.n) == (200, 480)
    assert level.clusters == 12 and level.beats_null
    assert any("taxonomy.check_rows" in caution for caution in results.conclusion.cautions)


def test_the_same_seed_gives_the_same_taxonomy_and_another_one_another_order(tmp_path):
    rows = p.unit_gaussian(np.random.default_rng(0), 150, 10)

    def told(name, seed):
        results, run = p.study(rows, tmp_path / name, "gpu-fuzzyart", seed=seed, nulls=2)
        return np.asarray(run.array("taxonomy_features")).tolist(), [level.quality for level in results.levels]

    first = told("a", 1)
    assert first == told("b", 1)
    assert first[0] != told("c", 2)[0]
