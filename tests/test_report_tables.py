"""Tables of a run: complete, typed, and within a terminal's width."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from support.fake_results import F, K, fake_results, fake_run

from darkframe.report.frames import frame
from darkframe.report.plain import cell_width
from darkframe.report.summary import numbers_table, plain_summary, summarise, top_tokens
from darkframe.report.tables import files_table, tables


@pytest.fixture(scope="module")
def results():
    return fake_results()


@pytest.fixture(scope="module")
def by_name(results):
    return {table.name: table for table in tables(results)}


def test_every_step_has_its_table(by_name):
    steps = {"collect", "ledger", "massive", "kurtosis", "pca", "fit", "stability", "match", "nulls", "components", "most_novel"}
    assert steps | {"most_known", "examples", "compare", "seconds"} == set(by_name)
    assert all(table.title and table.rows for table in by_name.values())


def test_ledger_shows_each_metric_beside_its_formula(by_name, results):
    assert [row[2] for row in by_name["ledger"].rows] == [entry.formula for entry in results.diagnose.ledger]
    assert by_name["ledger"].formatted()[0][3:] == ["0.827", "0.810", "0.985"]


def test_match_counts_stand_beside_what_chance_gives(by_name, results):
    names = [column.name for column in by_name["match"].columns]
    novel = dict(zip(names, by_name["match"].rows[0]))
    assert novel["components"] == results.match.novel
    assert novel["share"] == pytest.approx(results.match.novel / K)
    for null in ("isotropic", "rotation", "elliptical"):
        assert novel[f"expected_{null}"] == results.match.expected_novel[null]
    assert novel["beyond_null"] == results.match.novel_beyond_null


def test_stability_shows_seeds_halves_and_chance(by_name):
    assert [row[0] for row in by_name["stability"].rows] == ["seeds"] * 3 + ["halves"] + ["chance"] * 3


def test_components_carry_quantiles_in_every_null(by_name, results):
    table = frame(by_name["components"])
    assert len(table) == K
    first = results.match.components[0]
    for null, value in first.quantiles.items():
        assert table.loc[0, f"cosine_quantile_{null}"] == value
    assert table.loc[0, "kurtosis_quantile_elliptical"] == first.kurtosis_quantiles["elliptical"]


def test_most_novel_and_most_known_are_ordered(by_name, results):
    novel, known = frame(by_name["most_novel"]), frame(by_name["most_known"])
    assert list(novel["component"]) == list(results.match.most_novel) and novel["cosine"].is_monotonic_increasing
    assert known["cosine"].is_monotonic_decreasing


def test_frames_have_proper_dtypes(by_name):
    components, examples = frame(by_name["components"]), frame(by_name["examples"])
    assert components["component"].dtype == "Int64" and components["feature"].dtype == "Int64"
    assert components["cosine"].dtype == np.float64 and components["beats_null"].dtype == "boolean"
    assert pd.api.types.is_string_dtype(components["label"])
    assert examples["activation"].dtype == np.float64 and pd.api.types.is_string_dtype(examples["text"])
    assert examples["text"].iloc[0] in {e.text for c in fake_results().interpret.components for e in c.examples}  # raw, not shown
    assert components.attrs["title"] == "All components" and "Icasso" in components.attrs["columns"]["stability"]
    assert components["feature"].max() < F


def test_empty_tables_keep_their_dtypes(results):
    none = dataclasses.replace(results, interpret=dataclasses.replace(results.interpret, components=()))
    examples = frame(next(table for table in tables(none) if table.name == "examples"))
    assert len(examples) == 0 and examples["component"].dtype == "Int64" and examples["activation"].dtype == np.float64


def test_files_of_a_run_are_listed_with_sizes(tmp_path, results):
    run = fake_run(tmp_path / "run", results)
    files = dict(files_table(run.path).rows)
    assert files["results.json"] == (run.path / "results.json").stat().st_size
    assert "steps/decompose/sources.npy" in files and not any(name.startswith(".") for name in files)


def test_top_tokens_are_counted(results):
    component = results.interpret.components[0]
    same = dataclasses.replace(component.examples[0], text=" minister")
    other = dataclasses.replace(same, text="x")
    shown = top_tokens(dataclasses.replace(component, examples=(other, *[same] * 3)))
    assert shown == "␣minister ×3  x"


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_summary_fits_the_terminal(tmp_path, results, width):
    run = fake_run(tmp_path / "r", results)
    text = plain_summary(summarise(results, run.path), width=width)
    paths = [line for line in text.splitlines() if str(tmp_path) in line]
    others = [line for line in text.splitlines() if str(tmp_path) not in line]
    assert max(map(cell_width, others)) <= max(width, 44)
    assert text.splitlines()[-1] == f"Run directory: {run.path}" and paths
    assert "\x1b" not in text and "\x00" not in text and "\u202e" not in text


def test_summary_says_the_finding_before_any_number(tmp_path, results):
    run = fake_run(tmp_path / "r", results)
    text = plain_summary(summarise(results, run.path))
    assert (
        text.index("FINDING")
        < text.index("did not converge")
        < text.index("beat the elliptical null")
        < text.index("tokens of largest")
    )
    assert "NOT CONVERGED" in text and "28.1" in text and "28.2 with massive tokens" in text


def test_summary_survives_a_run_with_little_in_it(tmp_path, results):
    stability = dataclasses.replace(results.stability, pairs=(), halves=None, null_pairs=(), replication=(), index_null_mean=None)
    decompose = dataclasses.replace(results.decompose, iterations=0, converged=True, gradient=None, identifiable=None)
    interpret = dataclasses.replace(results.interpret, components=())
    bare = dataclasses.replace(results, stability=stability, decompose=decompose, interpret=interpret)
    text = plain_summary(summarise(bare, tmp_path / "nowhere"))
    assert "closed form" in text and "Most novel" not in text


def test_seeds_and_halves_stand_beside_the_null_of_their_own_kind(results):
    beside = {measure: chance for measure, _, chance in numbers_table(results).rows}
    assert beside["seeds agree, matched |cos|"] == "0.380 between null fits"  # another seed, the same rows
    assert beside["halves agree, matched |cos|"] == "0.345 between null fits"  # other rows
