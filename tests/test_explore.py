"""``darkframe explore`` and ``show`` on a taxonomy: what the terminal gets of it, and what bad input gets."""

import io
import json
import math
import re

import numpy as np
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from rich.console import Console
from support.fake_results import fake_run
from support.fake_taxonomy import fake_taxonomy, fake_taxonomy_run, finished_taxonomy, made

from darkframe.cli import render_taxonomy
from darkframe.cli.group import darkframe
from darkframe.report.plain import cell_width
from darkframe.report.taxonomy.exploring import explore_cluster, explore_feature
from darkframe.result import load

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def run():
    return finished_taxonomy()


@pytest.fixture(scope="module")
def result(run):
    return load(run)


def invoke(*arguments, columns=80):
    outcome = CliRunner().invoke(darkframe, [str(a) for a in arguments], env={"COLUMNS": str(columns)}, standalone_mode=True)
    return outcome.exit_code, outcome.stdout, outcome.stderr


def terminal(width):
    how = {"force_terminal": True, "color_system": "truecolor", "markup": False, "emoji": False, "highlight": False}
    return Console(file=io.StringIO(), width=width, **how)


def test_without_a_cluster_it_shows_the_levels_and_the_largest_clusters(run, result):
    code, out, err = invoke("explore", run)
    assert code == 0 and not err
    assert out.index("Levels") < out.index("L2 ") < out.index("Largest clusters of level 0")
    first = result.taxonomy.clusters[0]
    assert re.search(rf"L0:{first.cluster} +{first.size} ", out) and f"--cluster L0:{first.cluster}" in out


@pytest.mark.parametrize("name", ["L1:3", "l1:3", " L1 : 3 "])
def test_a_cluster_is_shown_with_everything_about_it(run, result, name):
    code, out, _ = invoke("explore", run, "--cluster", name, "--features", 4, columns=120)
    record = result.clusters.cluster(1, 3)
    assert code == 0 and out.startswith(f"L1:3  {record.size} features in {record.children} children")
    assert f"within L0:{record.parent}" in out and f"×{record.votes[0].members}" in out
    level = result.taxonomy.levels[1]
    null = np.mean([draw.cohesion for draw in level.nulls[1].draws])
    assert re.search(rf"cohesion.* {record.cohesion:.3f} +{level.quality.cohesion:.3f} .*{null:.3f}", out)
    for child in result.clusters.children(1, 3):
        assert f"L2:{child}" in out
    shown = re.findall(r"^ +(\d+) +0\.\d{3} +0\.\d{3} ", out.split("Features nearest")[1], re.MULTILINE)
    assert [int(feature) for feature in shown] == result.clusters.members(1, 3)[:4].tolist()


def test_a_number_alone_is_a_cluster_of_level_0(run):
    assert invoke("explore", run, "--cluster", "2")[1] == invoke("explore", run, "--cluster", "L0:2")[1] != ""


def test_children_and_features_are_as_many_as_asked_for(run, result):
    out = invoke("explore", run, "--cluster", "L0:0", "--children", 1, "--features", 0)[1]
    assert "1 of 3; --children N shows more" in out and out.count("L1:") == 1 and "Features nearest" not in out
    everything = invoke("explore", run, "--cluster", "L0:3", "--features", 1000)[1]
    assert "--features N" not in everything


def test_a_feature_is_found_at_each_level(run, result):
    one = made()
    feature = int(one.features[40])
    code, out, _ = invoke("explore", run, "--feature", feature)
    assert code == 0 and out.startswith(f"feature {feature}")
    for level in range(3):
        assert f"L{level}:{one.labels[level, 40]}" in out
    noise = explore_feature(result.taxonomy, result.clusters, int(one.features[6]))
    assert noise.clusters == (None, None, None)
    assert "L0 noise" in invoke("explore", run, "--feature", int(one.features[6]))[1]


def test_json_is_strict_and_whole(run, result):
    shown = json.loads(invoke("explore", run, "--cluster", "L0:1", "--children", 2, "--features", 3, "--json")[1])
    record = result.clusters.cluster(0, 1)
    assert shown["record"]["size"] == record.size and shown["record"]["tokens"] == list(record.tokens)
    assert len(shown["children"]) == 2 and [m["feature"] for m in shown["members"]] == list(record.features[:3])
    assert shown["level"]["nulls"][0]["draws"] and shown["above"] == []
    place = json.loads(invoke("explore", run, "--feature", int(made().features[40]), "--json")[1])
    assert [c["cluster"] for c in place["clusters"]] == made().labels[:, 40].tolist()
    assert len(json.loads(invoke("explore", run, "--json")[1])["levels"]) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--cluster", "L9:1"), "There is no level 9: the taxonomy has levels 0 to 2."),
        (("--cluster", "L0:99"), "There is no cluster L0:99: level 0 has L0:0 to L0:"),
        (("--cluster", "99"), "There is no cluster L0:99"),
        (("--cluster", "-1"), "is not the name of a cluster"),
        (("--cluster", "\x1b[31mx"), "is not the name of a cluster"),
        (("--cluster", "³"), "is not the name of a cluster"),
        (("--feature", "99999"), "There is no feature 99999: the dictionary has features 0 to 419."),
        (("--feature", "-1"), "There is no feature -1"),
        (("--feature", "x"), "not a valid integer"),
        (("--cluster", "0", "--feature", "1"), "Give --cluster or --feature, not both."),
        (("--cluster", "0", "--children", "-1"), "not in the range"),
    ],
)
def test_bad_input_gets_one_sentence(run, arguments, sentence):
    code, out, err = invoke("explore", run, *arguments)
    assert code == 2 and not out and sentence in err and "Traceback" not in err and "\x1b" not in err


def test_a_feature_in_no_cluster_says_why(tmp_path):
    one = made()
    left_out = [feature for feature in range(420) if feature not in set(one.features.tolist())]
    path = fake_taxonomy_run(tmp_path / "r").path
    junk = np.load(path / "steps/taxonomy-interpret/feature_junk.npy")
    junk[left_out[0]], junk[left_out[1]] = 4, -1
    np.save(path / "steps/taxonomy-interpret/feature_junk.npy", junk)
    assert "4 of its top 5 tokens are junk" in invoke("explore", path, "--feature", left_out[0])[2]
    code, _, err = invoke("explore", path, "--feature", left_out[1])
    assert code == 2 and "dead feature" in err


def test_a_run_without_a_taxonomy_is_told_so(tmp_path):
    code, out, err = invoke("explore", fake_run(tmp_path / "dark").path)
    assert code == 2 and not out and "has no taxonomy study" in err and "--clusterer" in err
    assert invoke("explore", tmp_path)[0] == 2
    unfinished = fake_taxonomy_run(tmp_path / "half", status="interrupted")
    code, _, err = invoke("explore", unfinished.path)
    assert code == 2 and "--resume" in err


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_it_fits_the_terminal_and_nothing_acts_on_it(result, width):
    out = terminal(width)
    render_taxonomy.print_overview(result.taxonomy, out)
    for level in range(3):
        for cluster in range(result.clusters.clusters(level)):
            render_taxonomy.print_cluster(explore_cluster(result.taxonomy, result.clusters, (level, cluster), 9, 3), out)
    render_taxonomy.print_feature(explore_feature(result.taxonomy, result.clusters, int(made().features[3])), out)
    text = ESCAPE.sub("", out.file.getvalue())
    assert max(cell_width(line.rstrip()) for line in text.splitlines()) <= width
    assert not set(text) & {"\x1b", "\x00", "\r", "\x9b", "\u202e", "\u2066", "\ud800"}
    assert "<script>" in text and "=1+1" in text


def test_a_token_and_its_number_are_never_apart(result):
    out = terminal(44)
    render_taxonomy.print_cluster(explore_cluster(result.taxonomy, result.clusters, (0, 0), 0, 0), out)
    lines = ESCAPE.sub("", out.file.getvalue()).split("votes", 1)[1].split("Quality")[0].splitlines()
    assert all(re.search(r"×[\d,]+$", line.rstrip()) for line in lines if line.strip())


def test_show_prints_the_taxonomy(run):
    code, out, err = invoke("show", run)
    assert code == 0 and not err
    assert out.index("2 of 3 levels hold") < out.index("L0 cohesion") < out.index("L0:") < out.index("taxonomy.html")
    assert out.rstrip().endswith(f"Run directory: {run}")
    assert "covariance" in invoke("show", run, "--table", "levels_vs_null")[1]
    assert len(json.loads(invoke("show", run, "--table", "clusters", "--json")[1])) == _clusters(run)


def _clusters(run):
    taxonomy = load(run).clusters
    return sum(taxonomy.clusters(level) for level in range(taxonomy.levels))


def test_python_has_every_table_and_figure_of_a_taxonomy(result):
    assert result.tables["labels"]["feature"].is_monotonic_increasing
    assert len(result.tables["clusters"]) == _clusters(result.path)
    assert "sunburst" in result.figures and "2 of 3 levels" in result.summary()
    assert "covariance" in result._repr_html_() and "<script" not in result._repr_html_()


def completions(run, incomplete, option="--cluster"):
    complete = ShellComplete(darkframe, {}, "darkframe", "_DARKFRAME_COMPLETE")
    return [item.value for item in complete.get_completions(["explore", str(run), option], incomplete)]


def test_the_shell_completes_names_of_clusters(run, result):
    offered = completions(run, "")
    assert offered[:3] == ["L0:", "L1:", "L2:"] and offered[3] == f"L0:{result.taxonomy.clusters[0].cluster}"
    assert set(completions(run, "l1:1")) == {f"L1:{i}" for i in range(result.clusters.clusters(1)) if str(i).startswith("1")}
    assert completions(run.parent / "nowhere", "") == [] and completions(run, "x") == []


def test_values_that_no_cluster_has_leave_no_empty_column(result):
    bare = fake_taxonomy()
    view = explore_cluster(bare, result.clusters, (2, 0), 5, 2)
    out = terminal(100)
    render_taxonomy.print_cluster(view, out)
    text = ESCAPE.sub("", out.file.getvalue())
    assert "Children" not in text and not math.isnan(view.members[0].match)
