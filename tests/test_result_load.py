"""A finished run from Python."""

import json

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from support.fake_results import HOSTILE, D, K, N, fake_arrays, fake_results, fake_run, finished_run

import darkframe
from darkframe.errors import OutputError, UserError
from darkframe.result import load, table_json


@pytest.fixture(scope="module")
def result():
    return load(finished_run())


def test_load_is_darkframe_load(result):
    assert darkframe.load(result.path).results == result.results


def test_arrays_are_read_only_memory_maps(result):
    assert set(fake_arrays()) < set(result.arrays)
    assert {"residuals", "activations", "tokens", "documents"} < set(result.arrays)
    sources = result.arrays["sources"]
    assert isinstance(sources, np.memmap) and sources.shape == (N, K) and not sources.flags.writeable
    np.testing.assert_array_equal(result.arrays["directions"], fake_arrays()["directions"])
    assert result.arrays["residuals"].shape == (result.collection.n_tokens, result.collection.d_model)


def test_an_array_that_is_not_there_is_named_with_its_neighbour(result):
    with pytest.raises(KeyError) as caught:
        result.arrays["direction"]
    assert isinstance(caught.value, UserError) and "Did you mean 'directions'" in str(caught.value)
    assert "direction" not in result.arrays and result.arrays.get("direction") is None


def test_arrays_of_a_deleted_cache_entry_say_so(tmp_path):
    result = load(fake_run(tmp_path / "run", collection=tmp_path / "gone").path)
    assert "residuals" not in result.arrays and "sources" in result.arrays
    with pytest.raises(KeyError, match=r"collected activations of .* are gone"):
        result.arrays["residuals"]


def test_tables_are_data_frames(result):
    assert {"summary", "ledger", "components", "examples", "files"} <= set(result.tables)
    assert all(isinstance(result.tables[name], pd.DataFrame) for name in result.tables)
    assert len(result.tables["components"]) == K


def test_components_are_indexed_by_number_with_their_tokens(result):
    components = result.components()
    assert components.index.name == "component" and len(components) == K
    interpreted = [shown.component for shown in result.results.interpret.components]
    assert components.loc[interpreted, "top_tokens"].notna().all() and components["top_tokens"].notna().sum() == len(interpreted)


def test_figures_are_drawn_when_asked_for(result):
    figure = result.figures["residual_pca"]
    assert isinstance(figure, matplotlib.figure.Figure) and result.figures["residual_pca"] is figure
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(KeyError, match="This run has no figure"):
        result.figures["residual"]


def test_notebooks_show_a_compact_escaped_view(result):
    html = result._repr_html_()
    assert result.results.conclusion.headline in html and "<script" not in html and "&lt;script&gt;" in html
    assert len(html) < 40_000 and "\x1b" not in html


def test_json_is_strict_ascii_and_whole(result):
    text = result.json()
    assert text.isascii()
    record = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert record["run"] == str(result.path) and record["conclusion"]["beat_null"] == result.results.conclusion.beat_null
    assert len(record["match"]["components"]) == K and record["files"]["results.json"] > 0


def test_one_table_as_json(result):
    rows = json.loads(table_json(result.table("examples")))
    assert rows[0]["text"] in HOSTILE and isinstance(rows[0]["activation"], float)


def test_results_survive_the_disk_unchanged(tmp_path):
    results = fake_results()
    assert load(fake_run(tmp_path / "run", results).path).results == results


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_an_unfinished_run_says_how_to_go_on(tmp_path, status):
    run = fake_run(tmp_path / "run", status=status)
    with pytest.raises(UserError, match=rf"has not finished \(status: {status}\).*darkframe run --resume .*run"):
        load(run.path)


def test_what_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        load(tmp_path / "nothing")
    with pytest.raises(OutputError, match="is not a run"):
        load(tmp_path)


def test_summary_and_repr_say_the_finding(result):
    assert result.results.conclusion.headline in result.summary()
    assert result.results.conclusion.headline in repr(result)
    assert result.results.source["d_model"] == D
