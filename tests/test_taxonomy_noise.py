"""Features in no cluster: counted, drawn, written and explored as noise, and a run in which there is nothing else."""

from __future__ import annotations

import csv
import itertools
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from fake_distributions import Site

import darkframe
from darkframe.cli.group import darkframe as command
from darkframe.errors import UserError
from darkframe.numerics import clusters
from darkframe.report.sweep.gather import taxonomy_figures
from darkframe.report.sweep.table import full_table, outcome, records, shown_table
from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.figures import TAXONOMY_FIGURES
from darkframe.report.taxonomy.sunburst_page import sunburst_trace
from darkframe.report.taxonomy.tree import NOISE, kept_by_number, tree
from darkframe.results import NullLevel
from darkframe.results.sweep import Axis, SweepCell, SweepResults
from darkframe.store.run import RunDir
from darkframe.studies.taxonomy.judge import judge

PLUGIN = """
from dataclasses import dataclass
import darkframe


@dataclass(frozen=True)
class CentralParams:
    radius: float = darkframe.param(1.0, help="Largest angle from an axis that a vector is clustered at.", ge=0)
    inner: float = darkframe.param(0.5, help="The same at the second level.", ge=0)
    levels: int = darkframe.param(2, help="One or two.", ge=1, le=2)


class Central:
    "Vectors near the axis of their largest coordinate, of the first five; all others are noise. No order, no chance."

    def __init__(self, params):
        self.params = params

    def fit(self, vectors, context):
        import numpy as np

        unit = vectors[:, :5] / np.linalg.norm(vectors, axis=1, keepdims=True)
        nearest, angle = unit.argmax(axis=1), np.arccos(np.clip(unit.max(axis=1), -1, 1))
        levels = [np.where(angle <= r, nearest, -1) for r in (self.params.radius, self.params.inner)][: self.params.levels]
        labels, parents = np.stack(levels).astype(np.int64), ()
        if len(labels) > 1:
            parents = (np.arange(5) if (labels >= 0).any() else np.empty(0, int),)
        said = darkframe.Diagnostics(True, 0)
        match = np.where(labels >= 0, 1 - angle / np.pi, np.nan)
        return darkframe.Clustering(labels, parents, said, match=match)


@darkframe.hookimpl
def darkframe_clusterers():
    yield darkframe.ClustererInfo(name="central", target="central_plugin:Central", summary="Near axes.", params=CentralParams)
"""
CHEAP = {"nulls": 2, "orders": 2, "embedding_rows": 60, "sample": 400, "lens_clusters": 5}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("site") / "site")
    made.install("darkframe-central", {"central": "central_plugin"}, {"central_plugin.py": PLUGIN})
    with made.active():
        yield made


def study(site, out, **clusterer):
    settings = {f"taxonomy.{name}": value for name, value in CHEAP.items()}
    settings |= {f"clusterer.{name}": value for name, value in clusterer.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # nothing is divided by nothing
        return darkframe.run(source="tiny", clusterer="central", out=out, set=settings)


@pytest.fixture(scope="module")
def some(site, tmp_path_factory):
    """About a third of the features in five clusters, fewer at the second level."""
    return study(site, tmp_path_factory.mktemp("some") / "run", radius=1.37, inner=1.3)


@pytest.fixture(scope="module")
def nothing(site, tmp_path_factory):
    """No feature in any cluster, of the real rows or of the nulls'."""
    return study(site, tmp_path_factory.mktemp("nothing") / "run", radius=0.0, inner=0.0)


def explore(run, *arguments):
    outcome = CliRunner().invoke(command, ["explore", str(run.path), *arguments], env={"COLUMNS": "120"})
    return outcome.exit_code, outcome.stdout, outcome.stderr


def test_noise_is_counted_and_belongs_to_no_cluster(some):
    labels = np.asarray(some.arrays["taxonomy_labels"])
    for level, own in zip(some.taxonomy.levels, labels):
        assert level.noise == (own < 0).sum() and 0 < level.noise < 400
        assert level.noise + sum(np.bincount(own[own >= 0])) == 400
    assert ((labels[0] < 0) <= (labels[1] < 0)).all()
    noise = labels < 0
    assert np.isnan(np.asarray(some.arrays["taxonomy_cosine"])[noise]).all()
    assert np.isnan(np.asarray(some.arrays["taxonomy_match"])[noise]).all()
    ids = np.asarray(some.arrays["taxonomy_features"])
    assert some.clusters.noise(0).tolist() == sorted(ids[noise[0]].tolist())
    with pytest.raises(UserError, match="no level 2"):
        some.clusters.noise(2)


def test_tables_say_noise_with_its_count_and_share(some):
    first = some.taxonomy.levels[0]
    summary = some.tables["taxonomy_summary"].set_index("measure")
    assert summary.loc["L0 noise, in no cluster", "value"] == f"{first.noise} ({first.noise / 4:.1f} %)"
    assert "isotropic" in summary.loc["L0 noise, in no cluster", "chance"]
    levels = some.tables["levels"]
    assert levels["noise"].tolist() == [level.noise for level in some.taxonomy.levels]
    assert levels["noise_share"].tolist() == [level.noise / 400 for level in some.taxonomy.levels]
    last = some.tables["largest"].iloc[-1]
    assert (last["cluster"], last["size"], last["tokens"]) == ("L0 noise", first.noise, "in no cluster")
    assert any(f"L0: {first.noise} features" in said and "noise" in said for said in some.taxonomy.conclusion.cautions)
    assert (some.tables["labels"]["level_0"] == -1).sum() == first.noise
    assert all(not name.startswith("L0 noise") for name in some.tables["clusters"]["cluster"])
    rows = list(csv.DictReader((some.path / "labels.csv").open()))
    assert sum(row["level_1"] == "-1" for row in rows) == some.taxonomy.levels[1].noise


def test_the_tree_holds_every_feature_at_every_level(some):
    data = gather_taxonomy(some.clusters)
    nodes = tree(data.clusters, 400, kept_by_number(data.clusters, 100), 2)
    for level in (0, 1):
        noise = [node for node in nodes if node.kind == NOISE and node.level <= level]
        assert sum(node.size for node in noise) == some.taxonomy.levels[level].noise
        covered = [node for node in nodes if node.level == level] + [n for n in noise if n.level < level]
        spans = sorted((node.start, node.start + node.size) for node in covered)
        assert spans[0][0] == 0 and spans[-1][1] == 400
        assert all(end == start for (_, end), (start, _) in itertools.pairwise(spans))
    trace = sunburst_trace(some.taxonomy, data)
    hover = [text for name, text in zip(trace["ids"], trace["hovertext"]) if name.startswith("noise in")]
    assert len(hover) >= 2 and all("in no cluster of level" in text for text in hover)
    assert len(set(trace["ids"])) == len(trace["ids"])


def legend(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_figures_and_pages_tell_noise_apart(some):
    first = some.taxonomy.levels[0]
    assert any(text.startswith("noise  L0 ") for text in legend(some.figures["sunburst"]))
    drawn = some.figures["feature_map"].axes[0].get_legend().get_texts()
    assert drawn[-1].get_text() == f"noise: {first.noise} in no cluster"
    assert "noise" in legend(some.figures["taxonomy_overview"])
    assert "noise" in [ax.get_title(loc="left") or ax.get_title() for ax in some.figures["levels_vs_null"].axes]
    page = (some.path / "taxonomy.html").read_text()
    assert f"{first.noise} features ({first.noise / 4:.1f} %) are noise" in page
    assert "Noise, in no cluster, is light grey." in (some.path / "figures" / "sunburst.html").read_text()


def test_a_sweep_compares_the_shares_of_noise(some):
    cell = SweepCell(1, "cells/a", ("1.37",), "done", "", 1.0, taxonomy=taxonomy_figures(some.taxonomy))
    axes = (Axis("clusterer.radius", "radius", (1.37,), ("1.37",)),)
    results = SweepResults({"source": "tiny"}, axes, (cell,))
    shares = [level.noise / 400 for level in some.taxonomy.levels]
    [full] = records(full_table(results))
    assert [full["noise_L0"], full["noise_L1"]] == pytest.approx(shares)
    told = " / ".join(f"{100 * share:.1f} %" for share in shares)
    assert records(shown_table(results))[0]["noise"] == told
    assert f"noise {told.replace(' / ', '/')}" in outcome(cell)
    clean = replace(cell.taxonomy, levels=tuple(replace(level, noise=0.0) for level in cell.taxonomy.levels))
    without = replace(results, cells=(replace(cell, taxonomy=clean),))
    assert "noise" not in records(shown_table(without))[0] and "noise" not in outcome(without.cells[0])


def test_explore_shows_the_noise_of_a_level(some):
    noise, names = some.taxonomy.levels[1].noise, ("L1:noise", "L1:-1", "l1 NOISE")
    code, out, err = explore(some, "--cluster", names[0], "--features", "3")
    assert code == 0 and not err and out.startswith(f"L1 noise  {noise} features in no cluster")
    assert "of rows without structure:" in out and f"3 of {noise}" in out
    assert all(explore(some, "--cluster", name, "--features", "3")[1] == out for name in names)
    assert explore(some, "--cluster", "noise")[1] == explore(some, "--cluster", "L0:noise")[1]
    view = json.loads(explore(some, "--cluster", "L1:noise", "--features", "2", "--json")[1])
    assert view["size"] == noise and [m["feature"] for m in view["members"]] == some.clusters.noise(1)[:2].tolist()
    code, _, err = explore(some, "--cluster", "L7:noise")
    assert code == 2 and "no level 7" in err
    assert "L0:noise" in explore(some)[1]


def test_explore_says_that_a_feature_is_noise(some):
    feature = int(some.clusters.noise(0)[0])
    code, out, _ = explore(some, "--feature", str(feature))
    assert code == 0 and "Noise: it is in no cluster of any level." in out and "L0 noise" in out
    clustered = int(some.clusters.members(1, int(some.clusters.largest(1, 1)[0]))[0])
    assert "Noise" not in explore(some, "--feature", str(clustered))[1]


def test_a_run_of_nothing_but_noise_ends_well(nothing):
    found = nothing.taxonomy
    assert found.conclusion.verdict == "nothing" and found.conclusion.headline == "No clusters: every feature is noise."
    assert found.clusters == () and found.drill == ()
    for level in found.levels:
        assert (level.clusters, level.noise, level.largest, level.largest_share) == (0, 400, 0, 0)
        assert level.reason == "nothing to judge: every feature is noise" and level.quality.stability == 0
        assert all(draw.noise == 400 for null in level.nulls for draw in null.draws)
    saved = {path.name for path in (nothing.path / "figures").iterdir()}
    assert {f"{name}.png" for name in TAXONOMY_FIGURES} <= saved
    assert "There are no clusters. Every feature is noise." in (nothing.path / "taxonomy.html").read_text()
    assert list(csv.DictReader((nothing.path / "clusters.csv").open())) == []
    json.loads((nothing.path / "taxonomy.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    code, out, err = explore(nothing, "--cluster", "L0:0")
    assert code == 2 and not out and "level 0 has none, as every feature is noise there" in err
    assert explore(nothing)[0] == 0
    assert explore(nothing, "--cluster", "noise")[1].startswith("L0 noise  400 features")
    assert RunDir.open(nothing.path).taxonomy().levels[0].noise == 400


def test_both_studies_of_nothing_but_noise_place_components_nowhere(site, tmp_path):
    settings = {"clusterer.radius": 0.0, "clusterer.levels": 1, "taxonomy.embedding_rows": 0, "taxonomy.nulls": 0}
    settings |= {"taxonomy.orders": 1, "taxonomy.sample": 100, "decomposer.n_components": 4, "study.nulls": 2}
    run = darkframe.run(
        source="tiny", decomposer="pca", clusterer="central", tokens=3000, out=tmp_path / "run", set=settings, quick=True
    )
    placed = run.taxonomy.placement
    assert "no clusters, only noise" in placed.text
    assert {level.cluster for component in placed.components for level in component.levels} == {-1}
    assert set(run.tables["placed"]["cluster_0"]) == {"none"}


def test_closed_forms_without_any_cluster():
    rows, labels = np.random.default_rng(0).normal(size=(9, 4)), np.full(9, -1)
    sums, sizes = clusters.direction_sums(rows, labels, 0), clusters.sizes_of(labels, 0)
    assert np.isnan(clusters.member_cosines(rows, labels, sums)).all()
    assert np.isnan(clusters.silhouettes(rows, labels, sums, sizes)).all()
    assert np.isnan(clusters.pooled_cohesion(sums, sizes)) and len(clusters.separations(sums)) == 0
    assert clusters.agreement(labels, labels) == 0
    assert (clusters.votes(labels, np.zeros((9, 2), int), 0, 3)[0]).shape == (0, 3)


def test_clusters_that_any_order_gives_are_judged_by_cohesion(some):
    quality = replace(some.taxonomy.levels[0].quality, cohesion=0.6, noise=20, stability=1.0, largest_share=0.2)
    draws = tuple(replace(quality, cohesion=value) for value in (0.1, 0.11, 0.12))
    judged = judge(quality, (NullLevel("covariance", draws),), rows=400, levels=1)
    assert judged.beats and judged.alone and "any order gives these clusters" in judged.reason
    low = judge(replace(quality, cohesion=0.11), (NullLevel("covariance", draws),), rows=400, levels=1)
    assert not low.beats
    shaky = judge(replace(quality, stability=0.8), (NullLevel("covariance", draws),), rows=400, levels=1)
    assert not shaky.beats and not shaky.alone and shaky.cohesive


def test_noise_is_not_outside_the_largest_cluster(some):
    quality = replace(some.taxonomy.levels[0].quality, clusters=2, singletons=0, noise=100, largest_share=0.735)
    draws = tuple(replace(quality, cohesion=value) for value in (0.1, 0.11))
    judged = judge(quality, (NullLevel("covariance", draws),), rows=400, levels=1)
    assert judged.reason == "nothing to judge: only 6 features are in clusters other than the largest"
    lone = judge(replace(quality, clusters=1), (NullLevel("covariance", draws),), rows=400, levels=1)
    assert "all features that are not noise are in one cluster" in lone.reason
