"""Figures of clusters against scikit-learn and brute force, principal axes, and the nulls' rows."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from darkframe.numerics import clusters as c
from darkframe.numerics.null_rows import CovarianceNull, isotropic_rows, row_lengths
from darkframe.numerics.spread import Axes, mean_and_covariance

FEW = settings(max_examples=40, deadline=None)


@st.composite
def labelled_rows(draw):
    """(rows, labels, clusters) with noise, empty clusters and singletons."""
    n, d, k = draw(st.integers(1, 60)), draw(st.integers(1, 12)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = rng.standard_normal((n, d)) * 10.0 ** rng.integers(-3, 4, size=(n, 1))
    return rows.astype(np.float32), rng.integers(-1, k, size=n), k


def units(rows):
    wide = rows.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def pair_cosines(rows, labels, cluster):
    u = units(rows[labels == cluster])
    return (u @ u.T)[np.triu_indices(len(u), 1)]


@FEW
@given(labelled_rows())
def test_cohesion_is_the_mean_pairwise_cosine(case):
    rows, labels, k = case
    sums, sizes = c.direction_sums(rows, labels, k), c.sizes_of(labels, k)
    each = [pair_cosines(rows, labels, cluster) for cluster in range(k)]
    expected = [pairs.mean() if len(pairs) else np.nan for pairs in each]
    np.testing.assert_allclose(c.cohesions(sums, sizes), expected, atol=2e-5)
    every = np.concatenate(each)
    pooled = c.pooled_cohesion(sums, sizes)
    assert pooled == pytest.approx(every.mean(), abs=2e-5) if len(every) else np.isnan(pooled)


@FEW
@given(labelled_rows())
def test_separation_and_member_cosines_by_brute_force(case):
    rows, labels, k = case
    sums = c.direction_sums(rows, labels, k)
    means = np.stack(
        [units(rows[labels == i]).mean(axis=0) if (labels == i).any() else np.zeros(rows.shape[1]) for i in range(k)]
    )
    live = np.linalg.norm(means, axis=1) > 0
    directions = np.where(live[:, None], means / np.where(live, np.linalg.norm(means, axis=1), 1)[:, None], 0)
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, -np.inf)
    cosines[:, ~live] = -np.inf
    nearest = cosines.max(axis=1)
    expected = np.where(live & np.isfinite(nearest), 1 - nearest, np.nan)
    tolerance = 2e-3 if (np.linalg.norm(means, axis=1)[live] < 0.05).any() else 5e-5  # members that nearly cancel lose digits
    np.testing.assert_allclose(c.separations(sums), expected, atol=tolerance)
    own = np.where(labels >= 0, (units(rows) * directions[labels]).sum(axis=1), np.nan)
    np.testing.assert_allclose(c.member_cosines(rows, labels, sums), own, atol=tolerance)


def test_separation_is_the_same_over_several_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((400, 6), dtype=np.float32), np.repeat(np.arange(100), 4)
    sums = c.direction_sums(rows, labels, 100)
    whole = c.separations(sums)
    monkeypatch.setattr(c.blocks, "__defaults__", (7,))
    np.testing.assert_allclose(c.separations(sums), whole, atol=1e-6)
    np.testing.assert_allclose(c.direction_sums(rows, labels, 100), sums, atol=1e-5)


@FEW
@given(labelled_rows())
def test_silhouette_is_scikit_learns_and_zero_for_noise(case):
    rows, labels, k = case
    inside = labels >= 0
    sums, sizes = c.direction_sums(rows, labels, k), c.sizes_of(labels, k)
    found = c.silhouettes(rows, labels, sums, sizes)
    kinds = len(np.unique(labels[inside]))
    if kinds < 2:
        assert np.isnan(found).all()
        return
    assert (found[~inside] == 0).all()
    if kinds == inside.sum():  # scikit-learn takes no labelling of singletons alone
        assert (found == 0).all()
        return
    distances = 1 - units(rows[inside]) @ units(rows[inside]).T
    np.fill_diagonal(distances, 0)
    expected = silhouette_samples(np.maximum(distances, 0), labels[inside], metric="precomputed")
    mean_distances = np.maximum(distances, 0).sum(axis=1)
    clear = mean_distances > 1e-3  # of rows that all point one way the silhouette is 0/0
    np.testing.assert_allclose(found[inside][clear], expected[clear], atol=2e-3)


@FEW
@given(labelled_rows(), st.integers(0, 2**32 - 1))
def test_agreement_is_the_adjusted_rand_index(case, seed):
    _, labels, k = case
    rng = np.random.default_rng(seed)
    other = np.where(rng.random(len(labels)) < 0.5, labels, rng.integers(-1, k, size=len(labels)))
    assert c.agreement(labels, other) == pytest.approx(c.agreement(other, labels))
    if (labels < 0).any() or (other < 0).any():
        return
    trivial = any(len(np.unique(x)) in (1, len(x)) for x in (labels, other))
    assert c.agreement(labels, other) == pytest.approx(0 if trivial else adjusted_rand_score(labels, other))


def test_agreement_counts_each_noise_row_as_a_cluster_of_its_own():
    assert c.agreement(np.array([0, 0, 1, 1, -1, -1]), np.array([5, 5, 3, 3, 7, 8])) == 1
    assert c.agreement(np.array([0, 0, 1, 1, -1, -1]), np.array([5, 5, 3, 3, 7, 7])) < 1
    assert c.agreement(np.arange(6), np.arange(6)) == 0 and c.agreement(np.zeros(6, int), np.zeros(6, int)) == 0


@FEW
@given(labelled_rows(), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_votes_count_members_that_have_the_token(case, seed, top):
    _, labels, k = case
    rng = np.random.default_rng(seed)
    tokens = np.array([rng.choice(9, size=3, replace=False) - 1 for _ in labels])
    chosen, counted = c.votes(labels, tokens, k, top)
    for cluster in range(k):
        votes = Counter(token for row in tokens[labels == cluster].tolist() for token in row if token >= 0)
        expected = sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))[:top]
        found = [(int(t), int(v)) for t, v in zip(chosen[cluster], counted[cluster]) if t >= 0]
        assert found == expected


def test_unit_rows_neither_overflow_nor_underflow():
    rows = np.array([[3e37, 4e37], [3e-38, 4e-38], [0, 0], [0.6, -0.8]], np.float32)
    np.testing.assert_allclose(c.unit(rows), [[0.6, 0.8], [0.6, 0.8], [0, 0], [0.6, -0.8]], atol=1e-6)


# ------------------------------------------------------------ principal axes


def test_axes_are_scikit_learns_pca():
    rng = np.random.default_rng(1)
    rows = (rng.standard_normal((300, 12)) * np.arange(12, 0, -1) + 5).astype(np.float32)
    axes, pca = Axes.fit(rows), PCA().fit(rows.astype(np.float64))
    np.testing.assert_allclose(axes.variances, pca.explained_variance_, rtol=1e-5)
    assert axes.share(4) == pytest.approx(pca.explained_variance_ratio_[:4].sum(), rel=1e-5)
    shares = np.cumsum(pca.explained_variance_ratio_)
    for percent in (50, 80, 90, 95, 99):
        assert axes.needed(percent) == int((shares < percent / 100).sum()) + 1
    np.testing.assert_allclose(np.abs(axes.project(rows, 5)), np.abs(pca.transform(rows)[:, :5]), atol=1e-3)


def test_axes_of_rows_that_do_not_vary():
    axes = Axes.fit(np.ones((5, 3), np.float32))
    assert (axes.of, axes.share(2), axes.needed(90)) == (3, 1.0, 0)
    assert Axes.fit(np.arange(6, dtype=np.float32).reshape(2, 3)).of == 1


def test_covariance_survives_a_huge_mean():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((5000, 4)) + 1e4
    mean, covariance = mean_and_covariance(rows)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(rows.T), atol=1e-8)


# ------------------------------------------------------------ the nulls' rows


def elliptical(rng, n=600, d=12):
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    rows = rng.standard_normal((n, d)) / np.arange(1, d + 1) @ rotation
    return (rows * np.sqrt(4 / rng.chisquare(4, size=(n, 1))) + rng.standard_normal(d)).astype(np.float32)


@pytest.mark.parametrize("unit_rows", [False, True])
def test_a_covariance_null_has_the_rows_lengths_mean_and_covariance(unit_rows):
    rng = np.random.default_rng(3)
    rows = elliptical(rng)
    rows = c.unit(rows) if unit_rows else rows
    drawn = CovarianceNull(rows).draw(np.random.default_rng(1))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(np.sort(row_lengths(drawn)), np.sort(row_lengths(rows)), rtol=1e-5)
    (mean, covariance), (drawn_mean, drawn_covariance) = mean_and_covariance(rows), mean_and_covariance(drawn)
    assert np.linalg.norm(drawn_covariance - covariance) < 0.03 * np.linalg.norm(covariance)
    assert np.linalg.norm(drawn_mean - mean) < 0.05 * np.sqrt(np.trace(covariance))


def test_long_rows_of_a_covariance_null_point_where_the_real_ones_do():
    rng = np.random.default_rng(8)
    rows = (rng.standard_normal((3000, 10)) * [4, *[1] * 9]).astype(np.float32)

    def dependence(of):
        lengths = row_lengths(of)
        return np.corrcoef(lengths, np.abs(of[:, 0]) / lengths)[0, 1]

    assert dependence(CovarianceNull(rows).draw(rng)) == pytest.approx(dependence(rows), abs=0.05)


def test_draws_of_a_covariance_null_differ_and_are_repeatable():
    null = CovarianceNull(elliptical(np.random.default_rng(4), n=100))
    first, again, other = (null.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).any()


def test_a_covariance_null_has_no_families():
    rng = np.random.default_rng(5)
    centres = c.unit(rng.standard_normal((10, 16)))
    rows = c.unit(centres[np.arange(400) % 10] + 0.02 * rng.standard_normal((400, 16)))

    def nearest(of):
        cosines = of @ of.T
        np.fill_diagonal(cosines, -1)
        return np.median(cosines.max(axis=1))

    assert nearest(rows) > 0.99 > 0.97 > nearest(CovarianceNull(rows).draw(rng))


@pytest.mark.parametrize("rows", [np.ones((6, 3), np.float32), np.eye(3, 8, dtype=np.float32), np.ones((1, 4), np.float32)])
def test_a_covariance_null_of_few_or_equal_rows_is_finite(rows):
    drawn = CovarianceNull(rows).draw(np.random.default_rng(0))
    assert drawn.shape == rows.shape and np.isfinite(drawn).all()


def test_isotropic_rows_have_the_lengths_and_no_direction():
    lengths = np.random.default_rng(6).uniform(0.5, 2, size=20_000)
    rows = isotropic_rows(lengths, 5, np.random.default_rng(7))
    np.testing.assert_allclose(row_lengths(rows), lengths, rtol=1e-5)
    u = c.unit(rows)
    assert np.linalg.norm(u.mean(axis=0)) < 0.03
    np.testing.assert_allclose(u.T @ u / len(u), np.eye(5) / 5, atol=0.01)


def test_the_covariance_null_of_hardly_more_rows_than_dimensions_stays_finite():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0].astype(np.float32)
    for count in (2, 5, 12, 16):
        rows = CovarianceNull(basis[:count]).draw(np.random.default_rng(1))
        assert np.isfinite(rows).all()
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
