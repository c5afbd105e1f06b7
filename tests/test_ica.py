"""``fastica`` and ``picard`` on planted sources, against scikit-learn and python-picard in float64."""

import numpy as np
import pytest
from picard import picard as reference_picard
from sklearn.decomposition import PCA
from sklearn.decomposition import FastICA as ReferenceICA
from support.mixtures import cosines, planted
from threadpoolctl import threadpool_limits

from darkframe import DataError, FitContext, ParameterError
from darkframe.errors import StoreError
from darkframe.numerics.rows import ArrayRows
from darkframe.progress import QuietProgress
from darkframe.testing import check_decomposer
from darkframe_fastica import whitened
from darkframe_fastica.contrasts import CONTRASTS
from darkframe_fastica.fastica import FastICA
from darkframe_fastica.kernel import shape
from darkframe_fastica.optimum import Limits, escape_saddle
from darkframe_fastica.parallel import parallel
from darkframe_fastica.picard import Picard
from darkframe_fastica.plugin import FastICAParams, PicardParams
from darkframe_fastica.whitened import InMemory
from darkframe_fastica.workers import workers

FUNS = ("logcosh", "exp", "cube")
EVERY = [FastICA(FastICAParams(algorithm=algorithm, fun=fun)) for algorithm in ("parallel", "deflation") for fun in FUNS]
EVERY += [Picard(PicardParams(fun=fun)) for fun in FUNS]
names = [f"{type(m).__name__}-{getattr(m.params, 'algorithm', '')}-{m.params.fun}" for m in EVERY]


def fit(method, rows, k, seed=42, **context):
    return method.fit(ArrayRows(rows), FitContext(seed=seed, n_components=k, **context))


def matched(found, truth):
    """Best |cos| for each true direction; every found one is used once."""
    table = cosines(found, truth)
    assert len(set(table.argmax(axis=0))) == table.shape[1]
    return table.max(axis=0)


@pytest.fixture(scope="module")
def identifiable():
    return planted(50_000, 10, 40)


@pytest.fixture(scope="module")
def partly_gaussian():
    return planted(50_000, 20, 30, gaussian=8)


@pytest.mark.parametrize("method", EVERY, ids=names)
def test_planted_sources_are_recovered(identifiable, method):
    result = fit(method, identifiable.rows, 10)
    assert result.diagnostics.converged
    assert result.diagnostics.warnings == ()
    assert matched(result.patterns, identifiable.mixing).min() > 0.98
    n = len(identifiable.rows)
    contrast = CONTRASTS[method.params.fun]
    assert result.diagnostics.gradient < contrast.gradient_tolerance(n) * np.sqrt(2)
    assert min(result.diagnostics.identifiability) > result.diagnostics.details["identifiability_cut"]
    assert np.abs(result.filters @ np.cov(identifiable.rows.T.astype(float)) @ result.filters.T - np.eye(10)).max() < 1e-5


@pytest.mark.parametrize("fun", FUNS)
@pytest.mark.parametrize("algorithm", ["parallel", "deflation"])
def test_patterns_are_scikit_learns(identifiable, algorithm, fun):
    ours = fit(FastICA(FastICAParams(algorithm=algorithm, fun=fun)), identifiable.rows, 10)
    theirs = ReferenceICA(10, algorithm=algorithm, fun=fun, whiten="unit-variance", random_state=0, tol=1e-6, max_iter=1000)
    theirs.fit(identifiable.rows.astype(np.float64))
    # deflation's order is the search's own, and errors pass down along it: the symmetric optimum is the sharp comparison
    assert matched(ours.patterns, theirs.mixing_.T).min() > (0.999 if algorithm == "parallel" else 0.99)


def test_patterns_are_python_picards(partly_gaussian):
    rows = partly_gaussian.rows
    ours = fit(Picard(), rows, 20)
    pca = PCA(20, whiten=True).fit(rows.astype(np.float64))
    _, unmixing, _ = reference_picard(pca.transform(rows).T, ortho=True, whiten=False, random_state=0, tol=1e-5, max_iter=300)
    theirs = unmixing @ (np.sqrt(pca.explained_variance_)[:, None] * pca.components_)
    sure = np.array(ours.diagnostics.identifiability) > ours.diagnostics.details["identifiability_cut"]
    assert sure.sum() == 12
    assert cosines(ours.patterns[sure], theirs).max(axis=1).min() > 0.999


@pytest.mark.parametrize("method", [FastICA(), Picard(), EVERY[1], EVERY[3]], ids=["fastica", "picard", "exp", "deflation"])
def test_gaussian_sources_mixed_in(partly_gaussian, method):
    for seed in (42, 123):
        result = fit(method, partly_gaussian.rows, 20, seed)
        facts = result.diagnostics
        sure = np.array(facts.identifiability) > facts.details["identifiability_cut"]
        assert sure.sum() == 12
        assert any("8 of the 20 components are Gaussian-like" in text for text in facts.warnings)
        assert matched(result.patterns[sure], partly_gaussian.mixing[8:]).min() > 0.98
        covariance = np.cov(partly_gaussian.rows.T.astype(float))
        assert np.abs(result.filters @ covariance @ result.filters.T - np.eye(20)).max() < 1e-5
        if isinstance(method, FastICA):
            within = facts.details["gradient_tolerance"] * (np.sqrt(2) if method.params.algorithm == "deflation" else 1)
            assert facts.converged == (facts.details["change"] < 1e-4 and facts.gradient <= within)
            assert facts.converged != any("Stopped without converging" in text for text in facts.warnings)


def test_one_gaussian_source_among_twenty():
    case = planted(40_000, 20, 20, gaussian=1)
    for method in (FastICA(), Picard()):
        result = fit(method, case.rows, 20)
        assert result.diagnostics.converged
        assert matched(result.patterns, case.mixing).min() > 0.98


@pytest.mark.parametrize("method", [FastICA(), Picard()], ids=["fastica", "picard"])
def test_gaussian_rows_have_nothing_to_find(method):
    case = planted(40_000, 15, 20, gaussian=15)
    result = fit(method, case.rows, 15)
    assert max(result.diagnostics.identifiability) < result.diagnostics.details["identifiability_cut"]
    assert result.diagnostics.details["identifiable"] == 0
    assert any("All 15 components are Gaussian-like" in text for text in result.diagnostics.warnings)


def test_rows_that_merely_vary_in_length_are_seen_through():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40_000, 12)) * np.exp(0.5 * rng.normal(size=(40_000, 1)))
    for method in (FastICA(), Picard()):
        result = fit(method, rows.astype(np.float32), 12)
        assert min(result.diagnostics.identifiability) > result.diagnostics.details["identifiability_cut"]
        assert any("All 12 components are not Gaussian, but each can be turned" in text for text in result.diagnostics.warnings)


@pytest.mark.parametrize("kind", ["uniform", "sparse", "laplace"])
@pytest.mark.parametrize("method", [FastICA(), Picard()], ids=["fastica", "picard"])
def test_sub_and_super_gaussian_sources(kind, method):
    case = planted(40_000, 8, 16, kind=kind)
    result = fit(method, case.rows, 8)
    assert result.diagnostics.converged
    assert matched(result.patterns, case.mixing).min() > 0.98
    assert result.diagnostics.details["super_gaussian"] == (0 if kind == "uniform" else 8)


def test_a_saddle_is_seen_and_left():
    rng = np.random.default_rng(3)
    sources = rng.laplace(scale=np.sqrt(0.5), size=(40_000, 6))
    values, vectors = np.linalg.eigh(np.cov(sources.T))
    unwhite = vectors / np.sqrt(values) @ vectors.T
    data = InMemory(((sources - sources.mean(0)) @ unwhite).astype(np.float32))
    start = np.eye(6)
    start[:2, :2] = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)  # two sources, half and half
    contrast = CONTRASTS["logcosh"]
    with workers() as pool, QuietProgress().task("", None, "") as task:
        once = parallel(data, start, contrast, Limits(1e-2, 1, subsample=False), pool, task)
        assert once.change < 1e-2
        turned = escape_saddle(data, once, shape(data, once.unmixing, contrast, pool), contrast)
        assert turned is not None
        assert np.abs(turned).max(axis=1).min() > 0.99
        end = parallel(data, turned, contrast, Limits(1e-4, 50, subsample=False), pool, task)
        assert end.settled
        assert escape_saddle(data, end, shape(data, end.unmixing, contrast, pool), contrast) is None


def test_huge_means_change_nothing(identifiable):
    shift = np.zeros(40, np.float32)
    shift[:3] = [2000.0, -700.0, 300.0]
    moved = fit(FastICA(), identifiable.rows + shift, 10)
    assert moved.diagnostics.converged
    assert matched(moved.patterns, fit(FastICA(), identifiable.rows, 10).patterns).min() > 0.9999


@pytest.mark.parametrize("method", [FastICA(), Picard()], ids=["fastica", "picard"])
def test_scratch_file_threads_and_memory_give_the_same_bits(identifiable, method, tmp_path, monkeypatch):
    before = identifiable.rows.copy()
    with threadpool_limits(1, "blas"):
        one = fit(method, identifiable.rows, 10)
    monkeypatch.setattr(whitened, "MEMORY_LIMIT", 40_000 * 40)  # all rows are too many for memory, subsamples are not
    with threadpool_limits(2, "blas"):
        two = fit(method, identifiable.rows, 10, scratch=tmp_path)
        (kept,) = tmp_path.iterdir()
        again = fit(method, identifiable.rows, 10, scratch=tmp_path)
    for name in ("mean", "patterns", "filters", "explained"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes() == getattr(again, name).tobytes(), name
    assert list(tmp_path.iterdir()) == [kept]
    fit(method, identifiable.rows, 9, scratch=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert np.array_equal(before, identifiable.rows)


def test_a_scratch_folder_that_cannot_be_written(identifiable, tmp_path):
    with pytest.raises(StoreError, match="could not be written"):
        fit(FastICA(), identifiable.rows, 10, scratch=tmp_path / "gone")


def test_subsamples_change_the_time_not_the_optimum(identifiable):
    for make in (lambda n: FastICA(FastICAParams(subsample=n)), lambda n: Picard(PicardParams(subsample=n))):
        stages = [fit(make(n), identifiable.rows, 10) for n in (0, 800)]
        assert [len(s.diagnostics.details["stages"]) for s in stages] == [1, 4]
        assert matched(stages[0].patterns, stages[1].patterns).min() > 0.9999


def test_order_signs_and_shares(identifiable):
    result = fit(FastICA(), identifiable.rows, 10)
    centred = identifiable.rows - result.mean
    sources = centred @ result.filters.T
    np.testing.assert_allclose(result.filters @ result.patterns.T, np.eye(10), atol=1e-9)
    assert (np.diff(result.explained) <= 0).all()
    share = (result.patterns**2).sum(axis=1) / centred.var(axis=0).sum()
    np.testing.assert_allclose(result.explained, share, rtol=1e-3)
    total = 1 - ((centred - sources @ result.patterns) ** 2).sum() / (centred**2).sum()
    np.testing.assert_allclose(result.explained_total, total, atol=1e-5)
    skewness, error = (sources**3).mean(axis=0), np.sqrt((sources**6).mean(axis=0) / 8192)
    largest = result.patterns[np.arange(10), np.abs(result.patterns).argmax(axis=1)]
    assert (largest[np.abs(skewness) < 2 * error] > 0).all()
    np.testing.assert_allclose(fit(FastICA(), identifiable.rows, 10, seed=7).patterns, result.patterns, atol=1e-2)
    sparse = planted(30_000, 5, 10, kind="sparse")
    result = fit(FastICA(), sparse.rows, 5)
    assert (((sparse.rows - result.mean) @ result.filters.T) ** 3).mean(axis=0).min() > 1


def test_too_few_iterations_are_said(identifiable):
    for method in (FastICA(FastICAParams(max_iter=2)), Picard(PicardParams(max_iter=2))):
        facts = fit(method, identifiable.rows, 10).diagnostics
        assert not facts.converged
        assert any("max_iter = 2" in text for text in facts.warnings)


@pytest.mark.parametrize("make", [lambda k: FastICA(FastICAParams(k)), lambda k: Picard(PicardParams(k))])
def test_what_cannot_be_decomposed(make):
    rows = planted(400, 4, 8).rows
    with pytest.raises(ParameterError, match="only 8 dimensions"):
        fit(make(9), rows, None)
    with pytest.raises(ParameterError, match="4 rows have only 3"):
        fit(make(4), rows[:4], None)
    with pytest.raises(DataError, match="no variance"):
        fit(make(2), np.ones((30, 4), np.float32), None)
    rows[100, 2] = np.nan
    with pytest.raises(DataError, match="NaN or infinite"):
        fit(make(4), rows, None)
    assert len(fit(make(1), planted(400, 4, 8).rows, None).patterns) == 1


@pytest.mark.parametrize("method", [FastICA, Picard, lambda: FastICA(FastICAParams(algorithm="deflation"))])
def test_keeps_the_contract(method):
    check_decomposer(method)
