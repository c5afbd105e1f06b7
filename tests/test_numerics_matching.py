"""Matching, top-k, nulls, elliptical rows and stability against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darkframe.numerics.elliptical import CHUNK, EllipticalRows, whitened_lengths
from darkframe.numerics.matching import cosines, match_dictionary, one_to_one, source_correlations, unit_rows
from darkframe.numerics.nulls import (
    familywise_cut,
    isotropic_directions,
    matched_maxima,
    quantile_in,
    random_rotation,
    rotated_directions,
    rotations,
)
from darkframe.numerics.rows import ArrayRows, mean_and_covariance
from darkframe.numerics.stability import agreement, cluster_quality, replication, stability_index
from darkframe.numerics.topk import TopK
from darkframe.numerics.whitening import Whitening

seeds = st.integers(0, 2**31)
quick = settings(max_examples=40, deadline=None)


# ---------------------------------------------------------------- matching


@quick
@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_one_to_one_is_the_best_of_all_permutations(seed, m, n):
    similarity = np.random.default_rng(seed).random((m, n))
    found = one_to_one(similarity)
    wide = similarity if m <= n else similarity.T
    best = max(sum(wide[i, p[i]] for i in range(len(wide))) for p in itertools.permutations(range(wide.shape[1]), len(wide)))
    assert found.values.sum() == pytest.approx(best)
    assert len(set(found.left.tolist())) == len(set(found.right.tolist())) == min(m, n)


@quick
@given(seeds, st.integers(1, 8), st.integers(1, 30), st.integers(1, 7))
def test_dictionary_match_equals_the_whole_matrix(seed, k, features, block):
    rng = np.random.default_rng(seed)
    directions, dictionary = rng.standard_normal((k, 5)), rng.standard_normal((features, 5))
    dictionary[rng.random(features) < 0.2] = 0.0
    found = match_dictionary(directions, dictionary, block=block)
    signed = unit_rows(directions) @ unit_rows(dictionary).T
    assert found.cosine == pytest.approx(np.abs(signed).max(axis=1), abs=1e-6)
    at = signed[np.arange(k), found.feature]
    assert np.abs(at) == pytest.approx(found.cosine, abs=1e-6)
    assert (np.sign(at)[np.abs(at) > 1e-6] == found.sign[np.abs(at) > 1e-6]).all()


def test_a_dead_dictionary_matches_nothing():
    assert match_dictionary(np.eye(3), np.zeros((4, 3))).cosine.tolist() == [0.0, 0.0, 0.0]


def test_source_correlations_are_those_of_the_sources():
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6)) + 100
    a, b = rng.standard_normal((3, 6)), rng.standard_normal((4, 6))
    _, _, covariance = mean_and_covariance(ArrayRows(rows.astype(np.float32)).blocks(), 6)
    expected = np.abs(np.corrcoef((rows @ a.T).T, (rows @ b.T).T)[:3, 3:])
    assert source_correlations(a, b, covariance) == pytest.approx(expected, abs=1e-4)


# ---------------------------------------------------------------- top-k


@quick
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 40), st.integers(1, 4)), elements=st.integers(-4, 4).map(float)),
    st.integers(1, 12),
    st.lists(st.integers(1, 40), max_size=5),
)
def test_top_k_is_the_head_of_a_full_sort_with_ties_by_row(values, k, cuts):
    top, numbers = TopK(values.shape[1], k), 3 * np.arange(len(values)) + 5
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    for first, last in itertools.pairwise(edges):
        top.update(values[first:last], numbers[first:last])
    for column in range(values.shape[1]):
        order = sorted(range(len(values)), key=lambda row: (-abs(values[row, column]), row))[:k]
        found, rows = top.result(column)
        assert rows.tolist() == numbers[order].tolist()
        assert found.tolist() == values[order, column].tolist()


# ---------------------------------------------------------------- nulls


@quick
@given(seeds, st.integers(1, 12))
def test_rotations_are_orthogonal_and_seeded(seed, k):
    rotation = random_rotation(k, np.random.default_rng(seed))
    assert rotation @ rotation.T == pytest.approx(np.eye(k), abs=1e-12)
    first, second = list(rotations(k, 2, seed)), list(rotations(k, 2, seed))
    assert all((a == b).all() for a, b in zip(first, second))


def test_rotations_are_uniform_and_not_biased_by_the_factorisation():
    entries = np.array([q[0, 0] for q in rotations(3, 3000, 1)])
    # one coordinate of a uniform direction in three dimensions is uniform on [-1, 1] (Archimedes)
    assert scipy.stats.kstest(entries, scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_isotropic_directions_are_uniform():
    found = isotropic_directions(4000, 3, 7)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert scipy.stats.kstest(found[:, 1], scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_rotated_directions_are_uncorrelated_components_of_the_covariance():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((5, 5))
    whitening = Whitening.fit(np.zeros(5), root @ root.T, 5)
    rotation = random_rotation(5, rng)
    patterns = whitening.patterns(rotation)
    assert patterns.T @ patterns == pytest.approx(root @ root.T)  # Σ = Σᵢ pᵢ pᵢᵀ whatever the rotation
    assert cosines(rotated_directions(whitening, rotation), patterns).diagonal() == pytest.approx(1.0)


def test_chance_of_matched_halves_in_32_dimensions_is_about_0_40():
    means, maxima = matched_maxima(32, 40, 5)
    assert means.mean() == pytest.approx(0.40, abs=0.02)
    assert (maxima > means).all()


def test_the_family_wise_cut_is_passed_by_one_more_maximum_in_one_of_twenty():
    rng = np.random.default_rng(2)
    for m in (2, 4, 10):
        draws = 3 + 0.2 * rng.gumbel(size=(4000, m + 1))
        passed = np.mean([row[-1] > familywise_cut(row[:-1]).value for row in draws])
        assert 0.03 < passed < 0.06, m


def test_the_family_wise_cut_of_few_draws():
    assert familywise_cut(np.array([2.0])).value == 2.0
    assert familywise_cut(np.array([])).value == np.inf
    two = familywise_cut(np.array([1.0, 2.0]))
    assert two.value > two.observed == 2.0
    assert two.resolution == pytest.approx(1 / 3)


@quick
@given(hnp.arrays(np.float64, st.integers(1, 20), elements=st.integers(0, 9).map(float)), st.integers(0, 9))
def test_quantiles_count_draws_at_or_below(draws, value):
    assert quantile_in(draws, np.array([float(value)]))[0] == pytest.approx((draws <= value).mean())


# ---------------------------------------------------------------- elliptical rows


@pytest.fixture(scope="module")
def heavy():
    """Rows of varying length whose first coordinates are anything but elliptical."""
    rng = np.random.default_rng(8)
    white = rng.laplace(size=(9000, 6)) * np.exp(0.5 * rng.standard_normal((9000, 1)))
    rows = ArrayRows((white @ rng.standard_normal((6, 6)) + 50).astype(np.float32))
    whitening = Whitening.fit(rows.mean, rows.covariance, 6)
    return rows, whitening, whitened_lengths(rows, whitening, 4)


def test_whitened_lengths_are_norms_of_the_two_parts(heavy):
    rows, whitening, lengths = heavy
    white = whitening.whiten(np.asarray(rows))
    assert lengths[:, 0] == pytest.approx(np.linalg.norm(white[:, :4], axis=1), rel=1e-5)
    assert lengths[:, 1] == pytest.approx(np.linalg.norm(white[:, 4:], axis=1), rel=1e-5)
    chosen = np.array([0, 17, 8191, 8192, 8999])
    assert (whitened_lengths(rows, whitening, 4, chosen) == lengths[chosen]).all()


def test_elliptical_rows_keep_lengths_and_covariance_and_nothing_else(heavy):
    rows, whitening, lengths = heavy
    null = EllipticalRows(lengths, whitening, 4, seed=3)
    white = whitening.whiten(np.asarray(null))
    assert np.linalg.norm(white[:, :4], axis=1) == pytest.approx(lengths[:, 0], rel=1e-3)
    assert np.linalg.norm(white[:, 4:], axis=1) == pytest.approx(lengths[:, 1], rel=1e-3)
    scale = np.sqrt(np.outer(rows.covariance.diagonal(), rows.covariance.diagonal()))
    assert (np.abs(null.covariance - rows.covariance) / scale).max() < 0.06
    assert (np.abs(null.mean - rows.mean) / np.sqrt(rows.covariance.diagonal())).max() < 0.05
    # every direction is alike: the kurtosis that the lengths give, E r⁴ · 3 / (k (k + 2)) − 3, in all of them
    expected = 3 * (lengths[:, 0].astype(float) ** 4).mean() / (4 * 6) / ((lengths[:, 0].astype(float) ** 2).mean() / 4) ** 2 - 3
    assert scipy.stats.kurtosis(white[:, :4], axis=0) == pytest.approx(expected, rel=0.5)


def test_elliptical_rows_do_not_depend_on_how_they_are_read(heavy):
    _, whitening, lengths = heavy
    null = EllipticalRows(lengths, whitening, 4, seed=3)
    whole = np.asarray(null)
    assert null.shape == whole.shape == (9000, 6)
    for size in (1, 999, CHUNK, 5000, 20_000):
        if size == 1:
            assert (next(iter(null.blocks(1))) == whole[:1]).all()
            continue
        blocks = [block.copy() for block in null.blocks(size)]
        assert all(len(block) == size for block in blocks[:-1])
        assert (np.concatenate(blocks) == whole).all()
    sample = null.sample(500, seed=1)
    assert {row.tobytes() for row in sample} <= {row.tobytes() for row in whole}
    assert len(sample) == 500
    assert null.key == EllipticalRows(lengths, whitening, 4, seed=3).key != EllipticalRows(lengths, whitening, 4, seed=4).key
    exact = np.cov(whole.T.astype(np.float64))
    assert null.covariance == pytest.approx(exact, rel=1e-4, abs=1e-4 * exact.max())


# ---------------------------------------------------------------- stability


def test_agreement_of_a_shuffled_copy_is_perfect():
    fit = isotropic_directions(7, 9, 1)
    shuffled = -fit[np.random.default_rng(0).permutation(7)]
    best, matched = agreement(cosines(fit, shuffled))
    assert best == pytest.approx(1.0)
    assert matched == pytest.approx(1.0)


@quick
@given(seeds, st.integers(2, 12), st.integers(1, 4))
def test_cluster_quality_is_the_definition(seed, n, clusters):
    rng = np.random.default_rng(seed)
    similarity = cosines(*[rng.standard_normal((n, 3))] * 2)
    labels = np.concatenate([np.arange(clusters), rng.integers(0, clusters, n)])[:n]
    labels = np.unique(labels, return_inverse=True)[1]
    found = cluster_quality(similarity, labels)
    for c in range(labels.max() + 1):
        inside = [similarity[i, j] for i in range(n) for j in range(n) if labels[i] == labels[j] == c and i != j]
        outside = [similarity[i, j] for i in range(n) for j in range(n) if labels[i] == c != labels[j]]
        expected = (np.mean(inside) if inside else 0.0) - (np.mean(outside) if outside else 0.0)
        assert found[c] == pytest.approx(expected, abs=1e-9)


def test_stability_index_tells_components_that_return_from_those_that_do_not():
    rng = np.random.default_rng(4)
    stable = np.eye(12)[:4]
    fits = []
    for _ in range(5):
        loose = np.concatenate([np.zeros((4, 4)), rng.standard_normal((4, 8))], axis=1)
        fits.append(np.concatenate([stable, loose])[rng.permutation(8)])
    index = stability_index(fits)
    returns = cosines(fits[0], stable).max(axis=1) > 0.99
    assert index[returns] == pytest.approx(1.0, abs=1e-6)
    assert index[~returns].max() < 0.7


def test_stability_index_of_a_single_component_and_of_unequal_fits():
    assert stability_index([np.eye(3)[:1]]) == pytest.approx([0.0])
    assert stability_index([np.eye(3)[:1], np.eye(3)[:1]]) == pytest.approx([1.0])
    assert stability_index([np.eye(4)[:3], np.eye(4)[:2]]).shape == (3,)


def test_replication_credits_what_both_halves_found():
    main, a, b = np.eye(6)[:4], np.eye(6)[[2, 1, 0, 4]], np.eye(6)[[0, 5, 1, 2]]
    found = replication(cosines(main, a), cosines(main, b), cosines(a, b))
    assert found[:3] == pytest.approx([1.0, 1.0, 1.0])
    assert found[3] == 0.0


def test_replication_is_not_fooled_by_a_main_fit_that_shares_rows_with_both_halves():
    rng = np.random.default_rng(6)
    worst = []
    for _ in range(60):
        a, b = random_rotation(10, rng), random_rotation(10, rng)
        main = unit_rows(a + b)  # leans towards both, as a fit to all rows does
        worst.append(replication(cosines(main, a), cosines(main, b), cosines(a, b)).max())
    _, maxima = matched_maxima(10, 200, 0)
    assert np.mean(np.array(worst) > np.quantile(maxima, 0.95)) <= 0.1
