"""Decomposers in the conformance kit: the built-in ones and scikit-learn's pass; one broken in one way fails what says so."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.whitener import Longer, Rectified, Whitener, as_kind

from darkframe import DataError, Decomposition
from darkframe.adapters import SklearnDecomposer
from darkframe.deprecation import DarkframeDeprecationWarning
from darkframe.numerics.rows import ArrayRows
from darkframe.registry import Registry
from darkframe.testing import ChecksFailed, check_decomposer, checks_of, number_of_checks, parametrize_with_checks, subject
from darkframe.testing.decomposers.planted import planted
from darkframe.testing.kit import DECOMPOSER
from darkframe_fastica.fastica import FastICA
from darkframe_fastica.plugin import FastICAParams

BUILT_IN = [found.name for found in Registry.discover({}).plugins("decomposer") if found.distribution == "darkframe"]
SUBJECTS = [subject("decomposer", name) for name in BUILT_IN]


@parametrize_with_checks(*SUBJECTS)
def test_a_built_in_decomposer_keeps_the_contract(check):
    check()


def test_no_check_and_no_built_in_was_left_out():
    assert BUILT_IN == ["fastica", "pca", "picard"]
    for one in SUBJECTS:
        assert len(checks_of(one)) == number_of_checks("decomposer") > len(DECOMPOSER) > 20
        assert not one.found.info.expected_failures


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_its_own_number_of_components_counts(n_components):
    for check in checks_of(subject("decomposer", "pca", n_components=n_components)):
        check()


def test_other_algorithms_of_fastica_keep_it_too():
    for params in (FastICAParams(algorithm="deflation"), FastICAParams(fun="exp"), FastICAParams(fun="cube")):
        check_decomposer(lambda params=params: FastICA(params))


class NMF:
    """scikit-learn's non-negative factorisation of the rows' positive and negative parts, folded back."""

    def fit(self, rows, context):
        from sklearn.decomposition import NMF as Estimator

        whole = Whitener().fit(rows, context)  # refuses what cannot be decomposed
        centred = np.array(rows, np.float64) - rows.mean
        parts = np.hstack([np.maximum(centred, 0), np.maximum(-centred, 0)])
        model = Estimator(len(whole.patterns), init="nndsvda", random_state=context.seed, max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(parts)
        d = centred.shape[1]
        return honest(replace(whole, patterns=model.components_[:, :d] - model.components_[:, d:]), rows, pinv=True)


class SparsePCA(SklearnDecomposer):
    estimator = "sklearn.decomposition:MiniBatchSparsePCA"


class FactorAnalysis(SklearnDecomposer):
    estimator = "sklearn.decomposition:FactorAnalysis"


class Dictionary(SklearnDecomposer):
    estimator = "sklearn.decomposition:MiniBatchDictionaryLearning"
    filters_from = "pinv"


@pytest.mark.parametrize("kind", [NMF, SparsePCA, FactorAnalysis, Dictionary])
def test_any_sound_linear_decomposition_finds_what_is_planted(kind):
    assert check_decomposer(kind) == tuple(check.name for check in DECOMPOSER)


def test_the_planted_rows_are_as_they_are_said_to_be():
    truth = planted()
    gram = truth.directions @ truth.directions.T
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-12)
    assert (truth.sources >= 0).all()
    np.testing.assert_allclose((truth.sources > 0).mean(axis=0), 0.05, atol=0.01)
    variances = truth.sources.var(axis=0)
    assert (variances[1:] < 0.8 * variances[:-1]).all()
    rest = (truth.rows - truth.rows.mean(axis=0)) - (truth.sources - truth.sources.mean(axis=0)) @ truth.directions
    np.testing.assert_allclose(rest.std(axis=0), 0.05, rtol=0.1)


# ------------------------------------------------------------ broken ones


def honest(result, rows, pinv=False):
    """The same with the share that its patterns and filters do explain."""
    filters = np.linalg.pinv(result.patterns).T if pinv else result.filters
    centred = np.asarray(rows, np.float64) - rows.mean
    total = 1 - ((centred - centred @ filters.T @ result.patterns) ** 2).sum() / (centred**2).sum()
    return replace(result, filters=filters, explained=np.zeros(len(filters)), explained_total=float(total))


def turned(array):
    """The first two rows turned into one another by 45°, where there are two."""
    if len(array) < 2:
        return array
    turn = np.eye(len(array))
    turn[:2, :2] = [[0.5**0.5, 0.5**0.5], [-(0.5**0.5), 0.5**0.5]]
    return turn @ array


def after(change):
    """The whitener, with its fit changed by ``change(result, rows, context)``."""

    class Changed(Whitener):
        def fit(self, rows, context):
            return change(super().fit(rows, context), rows, context)

    return Changed


def local(result, *_):
    class Local(Decomposition):
        pass

    return as_kind(Local, result)


def touch(result, rows, _):
    if rows._array.flags.writeable:
        rows._array[0] += 1e-3
    return result


def write(result, rows, _):
    rows._array -= 0
    return result


def keep_blocks(result, rows, _):
    kept = list(rows.blocks())
    return replace(result, patterns=result.patterns + 0 * kept[0].sum())


def in_constant_dimensions(result, rows, _):
    constant = np.diag(rows.covariance) == 0
    return replace(result, patterns=result.patterns + 0.01 * np.abs(result.patterns).max() * constant)


def progress_backwards(result, rows, context):
    with context.progress.task("again", 3, "rows") as task:
        task.advance(-1)
    return result


def say(result, *_):
    print("fitted")
    return result


def warn(result, *_):
    warnings.warn("it may be wrong", stacklevel=1)
    return result


def diagnosed(**changed):
    return after(lambda r, *_: replace(r, diagnostics=replace(r.diagnostics, **changed)))


class IgnoresTheContext(Whitener):
    def fit(self, rows, context):
        return super().fit(rows, replace(context, n_components=4))


class TakesNaN(Whitener):
    def fit(self, rows, context):
        return super().fit(ArrayRows(np.nan_to_num(np.asarray(rows))), context)


class ChokesOnNaN(Whitener):
    def fit(self, rows, context):
        if not np.isfinite(np.asarray(rows)).all():
            raise ValueError("Input contains NaN.")
        return super().fit(rows, context)


class Grunts(Whitener):
    def fit(self, rows, context):
        try:
            return super().fit(rows, context)
        except DataError as error:
            raise DataError("NaN") from error


class Divides(Whitener):
    def fit(self, rows, context):
        if np.trace(rows.covariance) == 0:
            raise ZeroDivisionError
        return super().fit(rows, context)


class Goes(Whitener):
    """On, whatever the user does."""

    def fit(self, rows, context):
        try:
            return super().fit(rows, context)
        except KeyboardInterrupt:
            return super().fit(rows, type(context)(n_components=context.n_components))


BROKEN = {
    "float32": (after(lambda r, *_: replace(r, filters=r.filters.astype(np.float32))), {"record_has_its_shapes"}),
    "too many": (IgnoresTheContext, {"recommended_components_are_used"}),
    "long": (after(lambda r, *_: as_kind(Longer, r)), {"directions_are_unit_vectors_of_activation_space"}),
    "mixed patterns": (
        after(lambda r, rows, _: honest(replace(r, patterns=turned(r.patterns)), rows)),
        {"planted_directions_are_found"},
    ),
    "mixed filters": (
        after(lambda r, rows, _: honest(replace(r, filters=turned(r.filters)), rows)),
        {"planted_activations_are_read_off"},
    ),
    "mean": (after(lambda r, *_: replace(r, mean=r.mean + 5e-3)), {"mean_is_the_rows_mean"}),
    "not affine": (after(lambda r, *_: as_kind(Rectified, r)), {"transform_is_affine"}),
    "boasts": (after(lambda r, *_: replace(r, explained_total=1.0)), {"reconstruction_explains_what_it_says"}),
    "negative": (after(lambda r, *_: replace(r, explained=-r.explained)), {"reconstruction_explains_what_it_says"}),
    "no diagnostics": (diagnosed(converged="yes"), {"diagnostics_are_given"}),
    "not JSON": (diagnosed(details={"rows": np.arange(3)}), {"diagnostics_are_given", "results_can_be_pickled"}),
    "NaN in JSON": (diagnosed(gradient=np.nan), {"diagnostics_are_given", "results_can_be_pickled"}),
    "local class": (after(local), {"results_can_be_pickled"}),
    "changes rows": (after(touch), {"rows_are_not_changed"}),
    "writes to rows": (after(write), {"read_only_rows_are_enough"}),
    "random": (
        after(lambda r, *_: replace(r, patterns=r.patterns * (1 + 1e-11 * np.random.rand()))),  # noqa: NPY002
        {"fits_repeat"},
    ),
    "keeps blocks": (after(keep_blocks), {"streamed_rows_agree"}),
    "scratch": (
        after(lambda r, _, context: r if context.scratch is None else replace(r, patterns=r.patterns * 1.01)),
        {"scratch_folder_changes_nothing"},
    ),
    "constant": (after(in_constant_dimensions), {"constant_dimensions_are_left_alone"}),
    "takes NaN": (TakesNaN, {"rows_that_are_not_finite_are_refused"}),
    "chokes on NaN": (ChokesOnNaN, {"rows_that_are_not_finite_are_refused"}),
    "grunts": (Grunts, {"rows_that_are_not_finite_are_refused", "rows_without_variance_are_survived"}),
    "fewer": (diagnosed(warnings=()), {"too_few_rows_are_refused_or_said"}),
    "divides by no variance": (Divides, {"rows_without_variance_are_survived"}),
    "progress": (after(progress_backwards), {"progress_is_well_formed"}),
    "goes on": (Goes, {"ctrl_c_ends_the_fit"}),
    "prints": (after(say), {"fits_say_nothing"}),
    "warns": (after(warn), {"fits_say_nothing"}),
}


def test_a_right_one_passes_every_check():
    assert check_decomposer(Whitener) == tuple(check.name for check in DECOMPOSER)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_one_fails_the_checks_that_say_so_and_no_others(breakage):
    broken, expected = BROKEN[breakage]
    with pytest.raises(ChecksFailed) as caught:
        check_decomposer(broken)
    assert set(caught.value.failures) == expected, caught.value
    for reason in caught.value.failures.values():
        assert len(reason.split()) > 3 and "\n" not in reason


def test_every_check_has_one_that_fails_it():
    assert {name for _, expected in BROKEN.values() for name in expected} == {check.name for check in DECOMPOSER}


def test_what_gives_no_decomposition_is_told_so():
    with pytest.raises(ChecksFailed) as caught:
        check_decomposer(after(lambda r, *_: r.patterns))
    assert caught.value.failures["mean_is_the_rows_mean"] == "fit() gave a ndarray, not a Decomposition."


def test_the_old_table_of_checks_works_and_warns():
    import darkframe.testing

    with pytest.warns(
        DarkframeDeprecationWarning, match=r"darkframe.testing.DECOMPOSER_CHECKS.*0\.3.*parametrize_with_checks"
    ) as caught:
        checks = darkframe.testing.DECOMPOSER_CHECKS
    assert caught[0].filename == __file__
    assert list(checks) == [check.name for check in DECOMPOSER]
    checks["mean_is_the_rows_mean"](Whitener)
    with pytest.raises(Exception, match="mean is off"):
        checks["mean_is_the_rows_mean"](BROKEN["mean"][0])
