"""The dark-matter study against planted truth: what is there is found and named, what is not there is not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from support.planted import CODES, PlantedSource, config, directions, sparse_sources, study

from darkframe.numerics.matching import cosines, one_to_one

N, D, K = 12_000, 20, 8


def structured(inside: int, *, n: int = N, seed: int = 1) -> tuple[np.ndarray, np.ndarray, PlantedSource]:
    """K heavy-tailed sources, the first ``inside`` along decoder directions, and Gaussian noise."""
    rng = np.random.default_rng([seed, 13])
    mixing = directions(K, D, seed)
    sources = sparse_sources(n, K, seed)
    planted = 2 * sources @ mixing + 0.1 * rng.standard_normal((n, D)) + rng.standard_normal(D)
    return sources, mixing, PlantedSource(planted, mixing[:inside], mixing[inside:])


def named(results, found: np.ndarray, mixing: np.ndarray) -> list:
    """The component that stands for each planted direction, in the order of the mixing."""
    similarity = cosines(mixing, found[:, CODES:])
    match = one_to_one(similarity)
    assert match.values.min() > 0.95
    return [results.match.components[j] for j in match.right]


@pytest.fixture(scope="module")
def novel(tmp_path_factory):
    sources, mixing, source = structured(inside=3)
    folder = tmp_path_factory.mktemp("novel")
    results, run = study(source, folder, config(K))
    return sources, mixing, source, results, run


def test_planted_sources_and_directions_are_recovered(novel):
    sources, mixing, _, results, run = novel
    components = [c.component for c in named(results, run.array("directions"), mixing)]
    found = np.asarray(run.array("sources"))[:, components]
    correlations = np.abs([np.corrcoef(a, b)[0, 1] for a, b in zip(sources.T, found.T)])
    assert correlations.min() > 0.95


def test_directions_outside_the_dictionary_are_novel_and_those_inside_known(novel):
    _, mixing, _, results, run = novel
    components = named(results, run.array("directions"), mixing)
    assert [c.label for c in components] == ["known"] * 3 + ["novel"] * 5
    assert [c.feature for c in components[:3]] == [CODES, CODES + 1, CODES + 2]
    assert all(c.beats_null and "find it by themselves" in c.reason for c in components)
    assert results.match.novel_beyond_null == results.match.novel == 5
    assert results.match.known_beyond_null == results.match.known == 3
    assert results.conclusion.finding == results.conclusion.by_notebook == "structure"
    assert results.conclusion.beat_null == K
    assert results.stability.replicated == K
    assert results.stability.halves.matched_mean > 0.99


def test_every_figure_has_its_null_beside_it(novel):
    *_, results, run = novel
    assert (
        {null.name for null in results.match.nulls}
        == set(results.match.expected_novel)
        == {"isotropic", "rotation", "elliptical"}
    )
    three = {"isotropic", "rotation", "elliptical"}
    for nulls in (results.compare.nulls, results.stability.index_nulls):
        assert {null.name for null in nulls} == three
    assert {pair.a for pair in results.stability.null_pairs} == three
    for component in results.match.components:
        assert set(component.quantiles) == set(component.stability_quantiles) == three
        assert component.kurtosis_quantiles == dict.fromkeys(three, 1.0)
    pooled = run.array("null_elliptical_cosines")
    assert results.match.components[0].quantiles["elliptical"] == (pooled <= results.match.components[0].cosine).mean()
    assert results.stability.index_mean > results.stability.index_null_mean
    assert "family-wise" in results.match.null_note


def test_mostly_known_directions_are_under_reconstruction(tmp_path):
    _, mixing, source = structured(inside=7, seed=2)
    results, run = study(source, tmp_path, config(K))
    assert [c.label for c in named(results, run.array("directions"), mixing)] == ["known"] * 7 + ["novel"]
    assert results.conclusion.finding == "under-reconstruction"


def noise(kind: str, seed: int, n: int = 6000, d: int = 12) -> np.ndarray:
    """Rows with a covariance and nothing else but, for some, varying lengths, likeness within documents or one odd document."""
    rng = np.random.default_rng([seed, 17])
    rows, documents = rng.standard_normal((n, d)), np.arange(n) // 45
    if kind == "elliptical":
        rows *= np.sqrt(3 / rng.chisquare(5, n))[:, None]
    if kind == "loud documents":
        rows *= np.exp(0.7 * rng.standard_normal(documents[-1] + 1))[documents][:, None]
    if kind == "shifted documents":
        rows += 0.8 * rng.standard_normal((documents[-1] + 1, d))[documents]
    if kind == "one odd document":
        rows[documents == 20] += 15 * rng.standard_normal(d)
    return rows @ (rng.standard_normal((d, d)) * np.exp(-np.arange(d) / 6)[:, None])


@pytest.mark.parametrize("kind", ["gaussian", "elliptical", "loud documents", "shifted documents", "one odd document"])
def test_nothing_is_found_where_there_is_nothing(tmp_path, kind):
    """False positives: over seeds of pure noise no run may claim a finding, and hardly a component may beat the null."""
    beat = 0
    for seed in range(3):
        source = PlantedSource(noise(kind, seed), seed=seed, features=400)
        results, _ = study(source, tmp_path / str(seed), config(8, seed=seed))
        beat += results.conclusion.beat_null
        assert results.conclusion.finding == "nothing"
        assert results.conclusion.headline.startswith("Nothing beyond the null")
    assert beat == 0


def test_the_notebooks_rule_alone_would_have_called_noise_structure(tmp_path):
    """Few features in many dimensions: any direction is "novel", which the nulls expect too."""
    results, _ = study(PlantedSource(noise("elliptical", 5, d=40), features=8), tmp_path, config(10))
    assert results.conclusion.by_notebook == "structure"
    assert results.conclusion.finding == "nothing"
    assert results.match.novel_beyond_null == 0
    assert results.match.expected_novel["elliptical"] > 3


def test_a_component_of_one_document_is_named_as_such(tmp_path):
    rng = np.random.default_rng(3)
    planted = rng.standard_normal((9000, 12))
    planted[np.arange(9000) // 45 == 30] += 25 * np.eye(12)[4] * rng.choice([-1, 1], 45)[:, None]
    results, _ = study(PlantedSource(planted, features=400), tmp_path, config(8))
    heaviest = max(results.match.components, key=lambda c: c.kurtosis)
    assert heaviest.kurtosis > 20
    assert not heaviest.beats_null
    assert "a few documents carry it" in heaviest.reason
    assert results.conclusion.finding == "nothing"


def test_sources_of_two_modes_beat_the_null_from_below(tmp_path):
    rng = np.random.default_rng(4)
    mixing = directions(4, 10, 3)
    planted = 2 * rng.choice([-1.0, 1.0], (9000, 4)) @ mixing + 0.3 * rng.standard_normal((9000, 10))
    results, run = study(PlantedSource(planted, mixing[:2], mixing[2:]), tmp_path, config(4))
    similarity = one_to_one(cosines(mixing, run.array("directions")[:, CODES:]))
    assert similarity.values.min() > 0.95
    assert all(c.kurtosis < -1.5 and c.beats_null for c in results.match.components)


def test_massive_tokens_and_a_huge_mean_move_nothing(tmp_path, novel):
    _, mixing, _, plain, plain_run = novel
    _, _, source = structured(inside=3)
    rng = np.random.default_rng(9)
    massive = rng.choice(N, 10, replace=False)
    source.x[massive] += 20_000 * rng.standard_normal((10, source.x.shape[1])).astype(np.float32)
    shift = np.zeros(source.x.shape[1], np.float32)
    shift[CODES:] = 500 * rng.standard_normal(D)
    source.x += shift
    results, run = study(source, tmp_path, config(K))
    assert results.collect.massive.count == 10
    assert results.collect.massive.share_of_residual > 0.9
    before = named(plain, plain_run.array("directions"), mixing)
    after = named(results, run.array("directions"), mixing)
    assert [c.label for c in after] == [c.label for c in before]
    assert [c.beats_null for c in after] == [c.beats_null for c in before]
    assert [c.cosine for c in after] == pytest.approx([c.cosine for c in before], abs=5e-3)
    assert [c.kurtosis for c in after] == pytest.approx([c.kurtosis for c in before], rel=0.03)
    assert results.conclusion.finding == plain.conclusion.finding
    assert (results.match.novel, results.match.partial, results.match.known) == (5, 0, 3)
    assert results.pca.recommended == plain.pca.recommended
    assert results.compare.components_all.max > 50 * results.compare.components.max
    assert any("massive" in caution for caution in results.conclusion.cautions)
    assert not set(np.asarray(run.array("top_rows")).ravel().tolist()) & set(massive.tolist())


def test_the_study_says_so_if_massive_tokens_are_kept(tmp_path):
    _, _, source = structured(inside=3, n=4000)
    source.x[::500] *= 1000
    results, run = study(source, tmp_path, config(K, massive="include"))
    assert results.decompose.rows == results.collect.tokens_kept == 4000
    assert not results.collect.massive.excluded_from_fit
    assert set(np.arange(0, 4000, 500).tolist()) & set(np.asarray(run.array("top_rows")).ravel().tolist())
    assert results.compare.components == results.compare.components_all


def test_figures_agree_with_independent_ones(novel):
    _, _, source, results, run = novel
    residual = source.x.astype(np.float64)
    residual[:, :CODES] -= 8.0 * (source.x[:, :CODES] > 4.0)
    assert run.array("residual_kurtosis") == pytest.approx(scipy.stats.kurtosis(residual, axis=0), rel=1e-4, abs=1e-4)
    variances = np.linalg.eigvalsh(np.cov(residual.T))[::-1]
    assert run.array("pca_variances") == pytest.approx(variances, rel=1e-4)
    needed = next(n for n in itertools.count(1) if variances[:n].sum() >= 0.9 * variances.sum())
    assert results.pca.ordinary.n_90 == results.pca.recommended == needed
    sources = (residual - residual.mean(axis=0)) @ run.array("filters").T
    assert run.array("sources") == pytest.approx(sources, abs=2e-3)
    assert run.array("component_kurtosis") == pytest.approx(scipy.stats.kurtosis(sources, axis=0), rel=1e-3)
    fires = source.x[:, :CODES] > 4.0
    assert run.array("active_features").tolist() == list(range(CODES))
    assert run.array("feature_kurtosis") == pytest.approx(scipy.stats.kurtosis(8.0 * fires, axis=0), rel=1e-6)
    assert results.compare.features.mean == pytest.approx(run.array("feature_kurtosis").mean())
    rebuilt = residual.mean(axis=0) + sources @ run.array("patterns")
    explained = 1 - np.var(residual - rebuilt, axis=0).sum() / np.var(residual, axis=0).sum()
    assert results.decompose.explained_total == pytest.approx(explained, abs=1e-4)
