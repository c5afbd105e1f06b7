"""The taxonomy's tables, summary and files: right numbers beside their nulls, nothing left out, nothing that acts."""

import csv
import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_taxonomy import FORMULAS, HOSTILE, TEXTS, fake_taxonomy, fake_taxonomy_run, finished_taxonomy, made

from darkframe.report.frames import frame
from darkframe.report.plain import cell_width
from darkframe.report.summary import plain_summary
from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.files import cell
from darkframe.report.taxonomy.summary import summarise_taxonomy
from darkframe.report.taxonomy.tables import taxonomy_tables
from darkframe.report.taxonomy.tree import CLUSTER, OTHERS, kept_by_number, kept_by_share, tree
from darkframe.results import PlacedComponent, PlacedLevel, Placement
from darkframe.store.run import RunDir
from darkframe.store.taxonomy import Taxonomy

FORMULA_STARTS = tuple("=+-@\t\r|;")


@pytest.fixture(scope="module")
def run():
    return RunDir.open(finished_taxonomy())


@pytest.fixture(scope="module")
def results():
    return fake_taxonomy()


@pytest.fixture(scope="module")
def taxonomy(run):
    return Taxonomy(run)


@pytest.fixture(scope="module")
def by_name(results, taxonomy):
    return {table.name: table for table in taxonomy_tables(results, taxonomy)}


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_table_is_there_and_has_its_own_name(by_name, results, taxonomy):
    assert len(taxonomy_tables(results, taxonomy)) == len(by_name)
    assert {"levels", "levels_vs_null", "junk", "taxonomy_pca", "clusters", "drill", "curve", "labels", "taxonomy_fit"} <= set(
        by_name
    )


def test_clusters_table_has_every_cluster_of_every_level(by_name):
    clusters, labels = frame(by_name["clusters"]), made().labels
    assert len(clusters) == sum(row.max() + 1 for row in labels)
    for level, row in enumerate(labels):
        sizes = clusters[clusters["level"] == level].set_index("cluster")["size"]
        assert dict(sizes) == {f"L{level}:{i}": int((row == i).sum()) for i in range(row.max() + 1)}
        assert sizes.is_monotonic_decreasing
    inside = clusters[clusters["level"] == 1]
    assert all(
        made().parents[0][int(name.split(":")[1])] == int(p.split(":")[1]) for name, p in zip(inside["cluster"], inside["parent"])
    )


def test_labels_table_has_the_original_ids(by_name):
    labels, one = frame(by_name["labels"]).set_index("feature"), made()
    assert list(labels.index) == sorted(one.features.tolist())
    for row in (0, 7, 100):
        assert [labels.loc[one.features[row], f"level_{i}"] for i in range(3)] == one.labels[:, row].tolist()
    assert labels.loc[one.features[6], "level_0"] == -1 and math.isnan(labels.loc[one.features[6], "match_0"])


def test_each_level_stands_beside_the_mean_of_each_null(by_name, results):
    rows = {(row[0], row[1]): row for row in by_name["levels_vs_null"].rows}
    names = [column.name for column in by_name["levels_vs_null"].columns]
    assert len(rows) == 3 * len(results.levels)
    null = results.levels[1].nulls[1]
    assert rows["L1 (ρ 0.5)", "covariance"][names.index("cohesion")] == pytest.approx(np.mean([d.cohesion for d in null.draws]))
    assert rows["L1 (ρ 0.5)", "this run"][names.index("cohesion")] == results.levels[1].quality.cohesion


def test_numbers_stand_beside_chance(by_name, results):
    beside = {measure: (value, chance) for measure, value, chance in by_name["taxonomy_summary"].rows}
    level = results.levels[0]
    assert beside["L0 (ρ 0.2) clusters"][0] == str(level.clusters)
    assert f"{np.mean([d.silhouette for d in level.nulls[0].draws]):.3f} isotropic" in beside["L0 silhouette (cosine)"][1]
    assert beside["L2 beats the null"][0] == "NO" and "9 junk, 3 dead left out" in beside["features clustered"][1]


def test_without_nulls_nothing_claims_to_beat_them(results):
    bare = fake_taxonomy(nulls=False)
    tables = {table.name: table for table in taxonomy_tables(bare, None)}
    beside = {measure: chance for measure, _, chance in tables["taxonomy_summary"].rows}
    assert "L0 beats the null" not in beside and beside["L0 cohesion (cosine)"] == "no nulls drawn"
    assert {row[-2] for row in tables["levels"].rows} == {None}


def test_without_arrays_the_clusters_are_those_of_the_results(results):
    tables = {table.name: table for table in taxonomy_tables(results, None)}
    assert "labels" not in tables and len(tables["clusters"].rows) == len(results.clusters)


def test_placement_is_shown_beside_random_directions(results):
    at = tuple(PlacedLevel(level, 2, 0.4, -1, 0.3, level == 0, 1 - level) for level in (0, 1))
    placement = Placement(
        (PlacedComponent(5, True, at, True),), (0, 1), ({"isotropic": 0.0}, {"isotropic": 0.98}), (0.4, 0.3),
        ({"isotropic": 0.2}, {"isotropic": 0.1}), "All but one lie outside.",
    )  # fmt: skip
    placed = dataclasses.replace(results, placement=placement)
    tables = {table.name: table for table in taxonomy_tables(placed, None)}
    assert tables["placement"].rows[1] == ("L1", 1, 1.0, 0.98, 0.3, 0.1)
    assert tables["placed"].rows == ((5, True, "L0:2", 0.4, True, 1, "L1:2", 0.4, False, 0, True),)
    assert ("dark components outside L1", "1 of 1", "98.0 % isotropic") in tables["taxonomy_summary"].rows


def test_files_hold_all_rows_and_give_the_tokens_back(run, taxonomy):
    clusters, labels = read(run.path / "clusters.csv"), read(run.path / "labels.csv")
    assert len(clusters) == sum(taxonomy.clusters(level) for level in range(3)) and len(labels) == made().labels.shape[1]
    for row in clusters:
        record = taxonomy.cluster(*taxonomy.parse(row["cluster"]))
        assert tuple(json.loads(row["tokens"])) == record.tokens and int(row["size"]) == record.size
        assert list(zip(json.loads(row["votes"]), json.loads(row["vote_counts"]))) == [(v.text, v.members) for v in record.votes]
    for row in labels[:20]:
        assert tuple(json.loads(row["tokens"])) == taxonomy.feature_tokens(int(row["feature"]))
    assert set(FORMULAS) & {token for row in labels for token in json.loads(row["tokens"])}  # the dangerous ones were there


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("name", ["clusters.csv", "labels.csv"])
def test_no_cell_is_a_formula_whatever_separates_cells(run, name, separator):
    text = (run.path / name).read_text(encoding="utf-8")
    assert not set(text) & {"\x00", "\x1b", "\u202e", "\u2066", "\x9b"}
    for line in csv.reader(text.splitlines(), delimiter=separator):
        for value in line:
            try:
                float(value)
            except ValueError:
                assert not value.startswith(FORMULA_STARTS)


def _pairs_up(token):
    return any("\ud800" <= a <= "\udbff" and "\udc00" <= b <= "\udfff" for a, b in itertools.pairwise(token))


@given(
    st.lists(st.text(st.characters() | st.sampled_from("=+-@;|\t\ud800\u202e")).filter(lambda t: not _pairs_up(t)), max_size=5)
)
def test_any_tokens_come_back_from_their_cell(tokens):
    written = cell(tokens)
    assert json.loads(written) == tokens and written.startswith("[")
    written.encode("utf-8")
    assert not set(written) & set(";|\n\r\t\u202e")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_summary_fits_the_terminal(run, width):
    text = plain_summary(summarise_taxonomy(run.taxonomy(), run.path), width=width)
    lines = [line for line in text.splitlines() if str(run.path.parent) not in line]
    assert max(map(cell_width, lines)) <= max(width, 48)
    assert not set(text) & {"\x1b", "\x00", "\u202e", "\x9b"}


def test_summary_says_the_verdict_then_its_numbers_then_where_all_lies(run):
    summary = summarise_taxonomy(run.taxonomy(), run.path)
    text = plain_summary(summary)
    assert text.index("FINDING: 2 of 3 levels") < text.index("Clusters depend on the order") < text.index("L0 cohesion")
    assert text.index("L0 cohesion") < text.index("Largest clusters of level 0") < text.index("taxonomy.html")
    assert [path.name for path in summary.pages] == ["taxonomy.html", "sunburst.html"]
    assert summary.figures[0].stem == "taxonomy_overview" and len(summary.figures) == 8


def test_two_studies_are_said_one_after_another(run):
    summary = summarise_taxonomy(run.taxonomy(), run.path)
    text = plain_summary(summary, summary)
    assert text.count("FINDING") == 2 and text.count("Run directory") == 1 and text.count("labels.csv") == 1


def test_hostile_texts_are_among_the_clusters_tokens(taxonomy):
    shown = {token for level in range(3) for i in range(taxonomy.clusters(level)) for token in taxonomy.cluster(level, i).tokens}
    assert {"<script>alert(1)</script>", "\ud800", "=1+1", "<b>bold</b>"} <= shown and set(HOSTILE) <= set(TEXTS)


@given(st.integers(0, 60), st.floats(0, 0.3))
def test_tree_tiles_the_circle_and_loses_nothing(most, least):
    data = gather_taxonomy(Taxonomy(RunDir.open(finished_taxonomy())))
    n = data.labels.shape[1]
    for kept in (kept_by_number(data.clusters, most), kept_by_share(data.clusters, n, least)):
        nodes = tree(data.clusters, n, kept)
        top = [node for node in nodes if node.level == 0]
        assert sum(node.size for node in top) == n
        assert all(a.start + a.size == b.start for a, b in itertools.pairwise(top))
        drawn = {node.place for node in nodes if node.kind == CLUSTER}
        assert drawn == set(np.flatnonzero(kept).tolist())
        for place in drawn:
            below = [node for node in nodes if node.parent == place]
            assert sum(node.size for node in below) in (0, data.clusters.size[place])
            assert sum(node.count for node in below) in (0, data.clusters.children[place])
        folded = sum(node.count for node in nodes if node.kind == OTHERS)
        assert folded <= len(data.clusters.size) - len(drawn)


def test_empty_clusters_are_left_out(run, tmp_path):
    one = made()
    other = fake_taxonomy_run(tmp_path / "r")
    path = other.path / "steps" / "taxonomy-interpret" / "cluster_size.npy"
    sizes = np.load(path)
    sizes[1] = 0
    np.save(path, sizes)
    table = next(t for t in taxonomy_tables(fake_taxonomy(), Taxonomy(other)) if t.name == "clusters")
    assert len(table.rows) == sum(row.max() + 1 for row in one.labels) - 1
