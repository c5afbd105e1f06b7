"""How the study goes about its steps: interrupted, repeated, given bad input; and what it keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from support.planted import CODES, ICAParams, PlantedSource, ScikitICA, config, directions, sparse_sources, study

from darkframe.errors import DataError, ParameterError, PluginError
from darkframe.interfaces import Decomposition, Diagnostics
from darkframe.numerics.whitening import Whitening
from darkframe.results import ARRAYS
from darkframe.store.run import RunDir
from darkframe.studies.steps.interpret import worth_reading

N, D, K = 3000, 10, 4
SETTINGS = {"nulls": 2, "null_directions": 40, "examples": 6, "interpret": 3}


def source(n: int = N) -> PlantedSource:
    mixing = directions(K, D, 0)
    noise = 0.1 * np.random.default_rng(5).standard_normal((n, D))
    return PlantedSource(2 * sparse_sources(n, K, 0) @ mixing + noise, mixing[:2], mixing[2:])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    planted = source()
    results, run = study(planted, folder, config(K, **SETTINGS))
    return planted, folder, results, run


def contents(run: RunDir) -> dict[str, bytes]:
    return {name: Path(path).read_bytes() for name, path in run.arrays().items()}


# ---------------------------------------------------------------- what is kept


def test_every_named_array_is_kept_and_found_by_its_name(done):
    *_, run = done
    for name in ARRAYS:
        assert run.array(name).dtype in (np.float64, np.float32, np.int64), name
    assert run.array("sources").shape == (N, K)
    assert np.linalg.norm(run.array("directions"), axis=1) == pytest.approx(1.0)


def test_results_are_read_back_as_they_were_written(done):
    _, folder, results, _ = done
    again = RunDir.open(folder / "run").results()
    assert again == results
    assert again.decomposer["params"] == {"n_components": K}
    assert again.settings["study"]["nulls"] == 2
    assert again.environment["packages"]["numpy"] == np.__version__


def text(rows) -> str:
    return "".join(f" t{1 + row % 97}" for row in rows)


def test_examples_are_the_largest_sources_with_context_from_their_own_document(done):
    _, _, results, run = done
    sources = np.asarray(run.array("sources"))
    order = np.argsort([c.cosine for c in results.match.components], kind="stable")
    assert [shown.component for shown in results.interpret.components] == order[:3].tolist()
    for shown in results.interpret.components:
        column = sources[:, shown.component]
        rows = sorted(range(N), key=lambda row: (-abs(column[row]), row))[:6]
        assert [e.activation for e in shown.examples] == [float(column[row]) for row in rows]
        assert shown.kurtosis == pytest.approx(scipy.stats.kurtosis(column.astype(float)), rel=1e-4)
        for row, example in zip(rows, shown.examples):
            document = [r for r in range(N) if r // 45 == row // 45]
            assert (example.document, example.position) == (row // 45, row % 45)
            assert example.before == text(r for r in document if row - 5 <= r < row)
            assert example.text == text([row])
            assert example.after == text(r for r in document if row < r <= row + 5)


def test_the_most_novel_components_and_those_that_beat_the_null_are_interpreted(done):
    match = done[2].match
    beats = (False, True, False, True, True)
    made = [
        dataclasses.replace(match.components[0], component=i, cosine=0.1 * (i + 1), kurtosis=float(i), beats_null=beat)
        for i, beat in enumerate(beats)
    ]
    assert worth_reading(dataclasses.replace(match, components=tuple(made)), 2) == [0, 1, 4, 3]
    assert worth_reading(dataclasses.replace(match, components=tuple(made)), 1) == [0, 4]


def test_stability_compares_every_pair_of_distinct_seeds(tmp_path):
    results, _ = study(source(), tmp_path, config(K, seed=7, **SETTINGS | {"seeds": (7, 1, 2, 1)}))
    assert [(p.a, p.b) for p in results.stability.pairs] == [("seed 7", "seed 1"), ("seed 7", "seed 2"), ("seed 1", "seed 2")]


# ---------------------------------------------------------------- interrupted and repeated


class Interrupted(ScikitICA):
    """Stops the run at one of its fits."""

    fits = 0
    stop = 0

    def fit(self, rows, context):
        type(self).fits += 1
        if type(self).fits == type(self).stop:
            raise KeyboardInterrupt
        return super().fit(rows, context)


@pytest.mark.parametrize("stop", [1, 2, 4, 6, 7])
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, done, stop):
    planted, folder, results, undisturbed = done
    Interrupted.fits, Interrupted.stop = 0, stop
    run = RunDir.create(tmp_path / "run", {})
    with pytest.raises(KeyboardInterrupt):
        study(planted, folder, config(K, **SETTINGS), Interrupted, run)
    run.close()
    again, run = study(planted, folder, config(K, **SETTINGS), Interrupted, RunDir.open(tmp_path / "run"))
    assert Interrupted.fits == 7 + 1  # 2 seeds, 2 halves, 2 nulls, one null again; only the interrupted one is made anew
    assert contents(run) == contents(undisturbed)
    assert again.match == results.match
    assert again.stability == results.stability
    assert again.conclusion == results.conclusion
    assert not (run.path / ".scratch").exists()


def test_a_finished_run_fits_nothing_again(tmp_path, done):
    planted, folder, results, run = done
    Interrupted.fits, Interrupted.stop = 0, 1
    again, _ = study(planted, folder, config(K, **SETTINGS), Interrupted, run)
    assert Interrupted.fits == 0
    assert dataclasses.replace(again, seconds={}, collect=results.collect) == dataclasses.replace(results, seconds={})


def test_another_decomposer_reuses_the_collection(tmp_path, done):
    planted, folder, _, _ = done
    given = planted.batches_given
    other, run = study(planted, folder, config(K, name="axes", **SETTINGS), Axes, RunDir.create(tmp_path / "run", {}))
    assert planted.batches_given == given
    assert other.collect.reused
    assert run.manifest["collection"]["key"] == other.collect.key
    assert run.manifest["source"]["fingerprint"] == other.source["fingerprint"]


class Axes:
    """Principal axes: depends on no seed."""

    def __init__(self, params: ICAParams) -> None:
        self.params = params

    def fit(self, rows, context):
        whitening = Whitening.fit(rows.mean, rows.covariance, context.n_components)
        patterns, filters = whitening.patterns(np.eye(whitening.k)), whitening.filters(np.eye(whitening.k))
        explained = (patterns**2).sum(axis=1) / whitening.total_variance
        return Decomposition(whitening.mean, patterns, filters, explained, float(explained.sum()), Diagnostics(True, 0))


def test_a_decomposer_without_a_seed_is_said_to_have_none(tmp_path):
    results, _ = study(source(), tmp_path, config(None, name="axes", **SETTINGS), Axes)
    assert results.decompose.n_components == results.pca.recommended
    assert any("does not depend on its seed" in note for note in results.stability.notes)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(("components", "words"), [(D + CODES + 1, "only 14 dimensions"), (500, "only 14 dimensions")])
def test_more_components_than_dimensions_are_refused_before_anything_is_collected(tmp_path, components, words):
    planted = source()
    with pytest.raises(ParameterError, match=words):
        study(planted, tmp_path, config(components, **SETTINGS))
    assert planted.batches_given == 0


def test_more_components_than_tokens_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="only 12 tokens were collected"):
        study(source(12), tmp_path, config(14, **SETTINGS))


class Broken(ScikitICA):
    how = ""

    def fit(self, rows, context):
        good = super().fit(rows, context)
        if self.how == "raises":
            raise ZeroDivisionError("nothing to divide")
        if self.how == "shape":
            return dataclasses.replace(good, filters=good.filters[:, :-1])
        if self.how == "nan":
            return dataclasses.replace(good, patterns=good.patterns * np.nan)
        return dataclasses.replace(good, mean=good.mean[:-1])


@pytest.mark.parametrize(
    ("how", "words"),
    [("raises", "nothing to divide"), ("shape", r"both must be \(components, 14\)"), ("nan", "NaN"), ("mean", "wrong shape")],
)
def test_a_decomposer_that_breaks_its_contract_is_named(tmp_path, how, words):
    Broken.how = how
    with pytest.raises(PluginError, match=f"'scikit-ica'.*{words}"):
        study(source(500), tmp_path, config(K, **SETTINGS), Broken)


def test_a_perfect_dictionary_leaves_nothing_to_analyse(tmp_path):
    planted = source(500)
    planted.x[:, CODES:] = 0.0
    planted.x[:, :CODES] = np.where(planted.x[:, :CODES] > 4.0, 8.0, 0.0)
    with pytest.raises(DataError, match="no variance"):
        study(planted, tmp_path, config(K, **SETTINGS))


def test_few_tokens_are_analysed_with_cautions(tmp_path):
    results, _ = study(source(10), tmp_path, config(K, **SETTINGS))
    assert results.stability.halves is None
    assert results.conclusion.finding == "nothing"
    assert any("too few tokens for document halves" in caution for caution in results.conclusion.cautions)
    assert any("few for 4 components" in caution for caution in results.conclusion.cautions)


def test_no_convergence_is_a_caution_and_in_the_results(tmp_path):
    class Stopped(ScikitICA):
        def fit(self, rows, context):
            return dataclasses.replace(
                super().fit(rows, context), diagnostics=Diagnostics(False, 60, ("It stopped.",), 0.2, (0.5, 0.4, 0.0, 0.0))
            )

    results, _ = study(source(), tmp_path, config(K, **SETTINGS), Stopped)
    assert (results.decompose.converged, results.decompose.warnings) == (False, ("It stopped.",))
    assert results.decompose.identifiable == 2
    assert results.stability.identifiable_matched_mean > 0.9
    assert any("did not converge" in caution for caution in results.conclusion.cautions)


def test_null_rows_are_capped_and_the_cap_is_stated(tmp_path):
    results, _ = study(source(), tmp_path, config(K, **SETTINGS | {"null_rows": 700, "interpret": 0}))
    assert results.match.null_rows == 700
    assert "700 of the 3,000 rows" in results.match.null_note
    assert any("700 of 3,000" in caution for caution in results.conclusion.cautions)
    assert results.interpret.components == ()
