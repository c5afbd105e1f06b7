"""The comparison of a sweep's cells: tables, CSV, plots, what becomes of foreign text."""

from __future__ import annotations

import csv
import io
import math

import pytest
from support.fake_results import HOSTILE

from darkframe.report.plain import table_lines
from darkframe.report.sweep.figures import draw, save_figures, sweep_figures
from darkframe.report.sweep.table import csv_text, failures, full_table, outcome, records, shown_table
from darkframe.results.sweep import Axis, DarkFigures, LevelFigures, SweepCell, SweepResults, TaxonomyFigures

NAN = math.nan


def level(clusters, silhouette=0.1, null=0.05):
    return LevelFigures(clusters, 1 / clusters, silhouette, null, 0.5, silhouette > null)


def taxonomy(*clusters, tokens=(" a", "b")):
    return TaxonomyFigures(160, 0.9, tuple(map(level, clusters)), "some", 0.2, tokens)


def dark(k):
    return DarkFigures(k, True, 1, 2, 1.5, 0.6, NAN, 0.3, "mixed", 1.0)


def axis(name, *values):
    return Axis(name, name.partition(".")[2], values, tuple("none" if v is None else str(v) for v in values))


def results(axes, cells):
    made = []
    for number, (values, found, error) in enumerate(cells, start=1):
        kinds = {"taxonomy": found if isinstance(found, TaxonomyFigures) else None}
        kinds["dark"] = found if isinstance(found, DarkFigures) else None
        status = "failed" if error else "done" if found else "waiting"
        made.append(SweepCell(number, f"cells/{number:03d}", values, status, error, 12.5 if found else None, **kinds))
    return SweepResults({"source": "tiny"}, tuple(axes), tuple(made))


@pytest.fixture(scope="module")
def pca():
    """Two levels over three values of one parameter; the last one failed, and the fourth was never begun."""
    cells = [(("none",), taxonomy(8, 1200), ""), (("32",), taxonomy(6, 90, tokens=tuple(HOSTILE)), "")]
    cells += [(("256",), None, "pca_dims is 256, but\x1b[31m there are 160."), (("512",), None, "")]
    return results([axis("taxonomy.pca_dims", None, 32, 256, 512)], cells)


def test_the_terminal_s_table_has_all_levels_in_one_column_and_fits(pca):
    table = shown_table(pca)
    rows = [dict(zip([column.name for column in table.columns], row)) for row in table.formatted()]
    assert [row["clusters"] for row in rows] == ["8/1,200", "6/90", "–", "–"]
    assert [row["silhouette"] for row in rows][:2] == ["0.10 / 0.10"] * 2 and rows[0]["null"] == "0.05 / 0.05"
    assert [row["verdict"] for row in rows] == ["some levels", "some levels", "FAILED", "not run"]
    assert rows[0]["largest_tokens"] == "␣a b" and "\x1b" not in str(rows)
    for width in (60, 80, 100, 140):
        assert max(map(len, table_lines(table, width))) <= width
    assert failures(pca) == ["pca_dims=256: pca_dims is 256, but\x1b[31m there are 160."]
    assert [outcome(cell) for cell in pca.cells] == [
        "8/1,200 clusters, largest 12.5 %, some levels",
        "6/90 clusters, largest 16.7 %, some levels",
        "FAILED",
        "not run",
    ]


def test_csv_and_json_hold_every_figure_of_every_level(pca):
    names = [column.name for column in full_table(pca).columns]
    rows = list(csv.DictReader(io.StringIO(csv_text(pca))))
    assert rows[0].keys() == set(names) and len(rows) == 4
    assert (rows[0]["pca_dims"], rows[0]["clusters_L1"], rows[0]["silhouette_null_L0"]) == ("none", "1200", "0.05")
    assert (rows[0]["beats_null_L1"], rows[0]["verdict"], rows[3]["clusters_L0"]) == ("True", "some", "")
    assert not {"\x1b", "\n", "\u202e"} & set(rows[1]["largest_tokens"])
    record = records(full_table(pca))[2]
    assert (record["status"], record["clusters_L0"], record["cell"]) == ("failed", None, 3)


def test_a_swept_parameter_named_as_a_figure_keeps_both_columns():
    axes = [axis("run.tokens", 10, 20), axis("source.seconds", 1)]
    table = full_table(results(axes, [(("10", "1"), dark(4), ""), (("20", "1"), dark(4), "")]))
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names) and {"tokens", "source.seconds", "seconds"} <= set(names)
    assert records(table)[0]["stability_null"] is None  # NaN


def lines(figure):
    return [line for ax in figure.axes for line in ax.get_lines()]


def test_one_parameter_is_drawn_as_lines_by_level_with_what_failed_marked(pca, tmp_path):
    made = sweep_figures(pca)
    assert list(made) == ["overview", "clusters", "largest-share", "silhouette", "order-stability"]
    clusters = draw(made["clusters"])
    assert [line.get_label() for line in lines(clusters)] == ["level 0", "level 1"]
    assert [value for value in lines(clusters)[1].get_ydata() if value == value] == [1200, 90]
    (ax,) = clusters.axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["none", "32", "256", "512"]  # not all are numbers
    assert [text.get_text() for text in ax.texts].count("failed") == 2 and ax.get_yscale() == "log"
    silhouette = lines(draw(made["silhouette"]))
    assert [line.get_linestyle() for line in silhouette] == ["-", "--", "-", "--"]
    paths = save_figures(pca, tmp_path / "figures")
    assert len(paths) == 10 and all(path.stat().st_size > 3000 for path in paths)


def test_two_parameters_are_drawn_as_lines_and_as_maps():
    axes = [axis("clusterer.rho", 0.1, 0.5), axis("taxonomy.pca_dims", 8, 32, 256)]
    values = [(a, b) for a in axes[0].texts for b in axes[1].texts]
    cells = [
        (pair, taxonomy(4 + number, 50) if number != 4 else None, "no" * (number == 4)) for number, pair in enumerate(values)
    ]
    made = sweep_figures(results(axes, cells))
    assert [name for name in made if name.endswith("-map")] == [f"{n}-map" for n in list(made)[1:5]]
    clusters = draw(made["clusters"])
    assert len(clusters.axes) == 2  # levels
    assert [line.get_label() for line in clusters.axes[0].get_lines()] == ["rho 0.1", "rho 0.5"]
    assert clusters.axes[0].get_xscale() == "log" and list(clusters.axes[0].get_lines()[0].get_ydata()) == [4, 5, 6]
    drawn = draw(made["silhouette-map"]).axes[0]
    assert [text.get_text() for text in drawn.texts if text.get_gid() != "title"] == [
        *["0.100\n(chance 0.050)"] * 4,
        "failed",
        "0.100\n(chance 0.050)",
    ]


def test_a_grid_with_too_many_combinations_for_lines_is_compared_by_its_table():
    axes = [axis("study.a", *range(3)), axis("study.b", *range(3)), axis("study.c", *range(3))]
    values = [(a, b, c) for a in "012" for b in "012" for c in "012"]
    assert sweep_figures(results(axes, [(each, dark(4), "") for each in values])) == {}
    assert sweep_figures(results(axes[:1], [((text,), None, "no") for text in "012"])) == {}
