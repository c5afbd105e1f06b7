"""``darkframe check``: what is installed put through the conformance kit, whatever it does to the process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from fake_distributions import Site, decomposer_plugin

from darkframe.cli.check_chosen import choose
from darkframe.cli.group import darkframe as command
from darkframe.errors import ParameterError, UnknownPluginError
from darkframe.registry import Registry
from darkframe.testing import number_of_checks

PLUGIN = """
import darkframe

@darkframe.hookimpl
def darkframe_decomposers():
    def declare(name, target, **more):
        return darkframe.DecomposerInfo(name, target if ":" in target else "bad_code:" + target, "Does not do it.", **more)

    yield declare("exits", "Exits")
    yield declare("ends", "Ends")
    yield declare("faults", "Faults")
    yield declare("missing", "nowhere_at_all:Missing", install_hint="pip install bad-plugins[all]")
    yield declare("excused", "Exits", expected_failures={"it_can_be_loaded": "Nobody knows.", "no_such_check": "Nor this."})
    yield declare("hostile", "Hostile")
"""
CODE = """
import ctypes, os, sys

class Exits:
    def __init__(self, params): pass
    def fit(self, rows, context):
        sys.exit("enough")

class Ends(Exits):
    def fit(self, rows, context):
        print("the last words", flush=True)
        os._exit(7)

class Faults(Exits):
    def fit(self, rows, context):
        ctypes.string_at(0)

class Hostile(Exits):
    def fit(self, rows, context):
        print("printed \\x1b[2J by the plugin")
        raise ValueError("[bold]markup[/bold] and \\x1b[2J")
"""
HANGS = """
import os, pathlib, time

class Hangs:
    def __init__(self, params): pass
    def fit(self, rows, context):
        pathlib.Path({marker!r}).write_text(str(os.getpid()))
        time.sleep(600)
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A distribution whose plugins break everything, and one that cannot be imported."""
    site = Site(tmp_path_factory.mktemp("bad") / "site")
    site.install("bad-plugins", {"bad": "bad_plugins"}, {"bad_plugins.py": PLUGIN, "bad_code.py": CODE})
    site.install("bad-import", {"import": "bad_import"}, {"bad_import.py": "import nothing_of_that_name"})
    return site


@pytest.fixture(scope="module")
def checked(bad):
    """Exit code and record of a check of all of them."""
    told = bad.command("check", "--json", DARKFRAME_PLUGINS="bad-plugins,bad-import")
    assert told.stderr == ""
    return told.returncode, json.loads(told.stdout)


def plugin_of(record, name):
    (plugin,) = [plugin for plugin in record["plugins"] if plugin["name"] == name]
    return plugin


def failures_of(plugin):
    return {check["name"]: check for check in plugin["checks"] if check["status"] in ("failed", "unexpected")}


# ---------------------------------------------------------------- what is found


def test_a_good_plugin_passes_every_check_there_is():
    told = CliRunner().invoke(command, ["check", "darkframe:pca", "--json"])
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    (plugin,) = record["plugins"]
    assert (record["good"], plugin["kind"], plugin["distribution"], plugin["complete"]) == (True, "decomposer", "darkframe", True)
    assert {check["status"] for check in plugin["checks"]} == {"passed"}
    assert len(plugin["checks"]) == plugin["applicable"] == number_of_checks("decomposer")
    assert all(check["summary"] and check["seconds"] >= 0 for check in plugin["checks"])


def test_every_problem_of_the_registry_is_a_failure(checked):
    code, record = checked
    assert (code, record["good"]) == (1, False)
    (problem,) = record["problems"]
    assert (problem["distribution"], problem["entry_point"]) == ("bad-import", "import")
    assert "nothing_of_that_name" in problem["reason"]


def test_a_plugin_that_exits_is_a_failure_and_the_others_are_checked(checked):
    plugin = plugin_of(checked[1], "exits")
    assert len(plugin["checks"]) == plugin["applicable"]
    reasons = [check["reason"] for check in failures_of(plugin).values()]
    assert any("SystemExit: enough" in reason for reason in reasons)
    assert [each["name"] for each in checked[1]["plugins"]] == ["ends", "excused", "exits", "faults", "hostile", "missing"]


def test_a_plugin_that_ends_the_process_is_a_failure_with_its_last_words(checked):
    plugin = plugin_of(checked[1], "ends")
    ended = [check for check in failures_of(plugin).values() if "ended the whole process" in check["reason"]]
    assert len(ended) == 3  # then the rest is given up
    assert all("exit code 7" in check["reason"] and "the last words" in check["output"] for check in ended)
    assert not plugin["complete"]
    assert len({check["name"] for check in plugin["checks"]}) == len(plugin["checks"])


def test_a_crash_is_a_failure_that_says_where(checked):
    ended = [check for check in failures_of(plugin_of(checked[1], "faults")).values() if "SIGSEGV" in check["reason"]]
    assert ended
    assert all("string_at" in check["details"] and "bad_code.py" in check["details"] for check in ended)


def test_a_class_that_is_not_there_is_a_failure_with_what_to_install(checked):
    failed = failures_of(plugin_of(checked[1], "missing"))
    reason = failed["it_can_be_loaded"]["reason"]
    assert "No module named 'nowhere_at_all'" in reason
    assert "To install what it needs: pip install bad-plugins[all]" in reason


def test_expected_failures_are_strict(checked):
    failed = failures_of(plugin_of(checked[1], "excused"))
    assert failed["it_can_be_loaded"]["status"] == "unexpected"
    assert "Nobody knows." in failed["it_can_be_loaded"]["reason"]
    assert any("no_such_check" in check["reason"] for check in failed.values())


def test_the_table_fits_80_columns_and_nothing_acts_on_the_terminal(bad):
    told = bad.command("check", "hostile", DARKFRAME_PLUGINS="bad-plugins", COLUMNS="80")
    assert told.returncode == 1
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "\x1b" not in told.stdout
    words = " ".join(told.stdout.split())
    assert "✗ decomposer hostile bad-plugins 1.0" in words
    assert "check what it promises what was found" in words
    assert "[bold]markup[/bold]" in words
    assert "␛[2J" in words
    assert "Traceback" not in told.stdout


def test_debug_shows_tracebacks_and_what_was_printed(bad):
    told = bad.command("check", "hostile", "--debug", DARKFRAME_PLUGINS="bad-plugins")
    assert told.returncode == 1
    assert 'bad_code.py", line' in told.stdout
    assert "printed ␛[2J by the plugin" in told.stdout
    assert "\x1b" not in told.stdout


# ---------------------------------------------------------------- what cannot be checked here


def test_sources_that_need_a_file_or_a_download_are_left_out_and_nothing_is_asked_of_the_hub(
    empty_hub, hub_environment, tmp_path
):
    environment = {**hub_environment, "DARKFRAME_PLUGINS": "darkframe:arrays,darkframe:saelens", "COLUMNS": "200"}

    def check(*arguments):
        given = [sys.executable, "-m", "darkframe", "check", *arguments]
        return subprocess.run(given, env=environment, capture_output=True, text=True, check=False)

    told = check("--json")
    record = json.loads(told.stdout)
    assert (told.returncode, record["good"]) == (0, True)
    left_out = {plugin["name"]: plugin["left_out"] for plugin in record["plugins"]}
    assert "source.activations" in left_out["arrays"]
    assert "not in the cache" in left_out["gpt2-jb"]
    assert all(check["status"] == "passed" for plugin in record["plugins"] for check in plugin["checks"])
    named = check("gpt2-jb")
    assert named.returncode == 1
    assert "– source     gpt2-jb  darkframe" in named.stdout
    assert "darkframe fetch" in named.stdout
    assert empty_hub.requests == []


def test_parameters_open_what_is_left_out_without_them(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32))
    told = CliRunner().invoke(command, ["check", "arrays", "--json", "--set", f"source.activations={tmp_path / 'x.npy'}"])
    (plugin,) = json.loads(told.stdout)["plugins"]
    assert plugin["left_out"] == ""
    assert "activations" in plugin["capabilities"]
    assert len(plugin["checks"]) == number_of_checks("source", *plugin["capabilities"])


# ---------------------------------------------------------------- Ctrl-C


def test_ctrl_c_ends_a_check_that_hangs_with_what_was_found(tmp_path):
    marker = tmp_path / "marker"
    site = Site(tmp_path / "site")
    plugin = decomposer_plugin("hangs", target="hangs_code:Hangs")
    site.install("hangs", {"h": "hangs_plugin"}, {"hangs_plugin.py": plugin, "hangs_code.py": HANGS.format(marker=str(marker))})
    given = [sys.executable, "-m", "darkframe", "check", "hangs"]
    environment = site.environment(DARKFRAME_PLUGINS="hangs")
    process = subprocess.Popen(given, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Interrupted."
    assert "incomplete" in out
    assert "stopped in " in out
    assert not _lives(int(marker.read_text()))


def _lives(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


# ---------------------------------------------------------------- what a name stands for


def test_a_check_of_nothing_is_none(monkeypatch):
    monkeypatch.setenv("DARKFRAME_PLUGINS", "")
    told = CliRunner().invoke(command, ["check"])
    assert told.exit_code == 2 and "There is no plugin to check." in told.stderr


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["fastcia"], "No plugin or distribution 'fastcia' is installed. Did you mean 'fastica'"),
        (["pca", "--kind", "source"], "'pca' is no source, but a decomposer."),
        (["pca", "--set", "decomposer.n_componets=3"], "has no parameter 'n_componets'"),
        (["pca", "--set", "decomposer.n_components=many"], "must be an integer"),
        (["pca", "--set", "source.path=x"], "source.path is set, but 'pca' is no source."),
        (["--set", "decomposer.n_components=3"], "Name the one decomposer that it belongs to."),
        (["pca", "--set", "study.nulls=3"], "darkframe check takes parameters of the plugin it checks"),
        (["pca", "--set", "nonsense"], "--set takes KIND.KEY=VALUE"),
    ],
)
def test_the_users_mistakes_are_one_sentence_and_exit_code_2(arguments, sentence):
    told = CliRunner().invoke(command, ["check", *arguments])
    assert told.exit_code == 2
    assert sentence in told.stderr
    assert told.stdout == ""


@pytest.fixture
def several(tmp_path):
    """A registry in which ``same`` is a decomposer of two distributions and a clusterer of one of them."""
    site = Site(tmp_path / "site")
    clusterer = "@darkframe.hookimpl\ndef darkframe_clusterers():\n    yield darkframe.ClustererInfo('same', 'x:X', 'Groups.')\n"
    site.install("dist-a", {"a": "several_a"}, {"several_a.py": decomposer_plugin("same")})
    site.install("dist-b", {"b": "several_b"}, {"several_b.py": decomposer_plugin("same") + clusterer})
    site.install("dist-c", {"c": "several_c"}, {"several_c.py": decomposer_plugin("other", extra=", api=99")})
    with site.active():
        yield Registry.discover({"DARKFRAME_PLUGINS": "dist-a,dist-b,dist-c"})


def test_a_name_of_several_kinds_and_distributions_stands_for_all_of_them(several):
    chosen = choose(several, "same", None, [])
    assert [(target.found.kind, target.label) for target in chosen.targets] == [
        ("decomposer", "dist-a:same"),
        ("decomposer", "dist-b:same"),
        ("clusterer", "same"),
    ]
    assert "'same' is a decomposer and a clusterer; all are checked (--kind chooses one)." in chosen.notes
    assert any("Several distributions offer a decomposer 'same'" in note for note in chosen.notes)
    assert [target.found.kind for target in choose(several, "same", "clusterer", []).targets] == ["clusterer"]


def test_a_distribution_stands_for_all_its_plugins_and_a_qualified_name_for_one(several):
    assert [target.found.kind for target in choose(several, "dist-b", None, []).targets] == ["decomposer", "clusterer"]
    assert [target.label for target in choose(several, "dist-a:same", None, []).targets] == ["dist-a:same"]
    assert choose(several, "dist-a", None, []).problems == ()


def test_what_cannot_be_used_at_all_is_found_by_name_entry_point_and_distribution(several):
    for name in ("other", "c", "dist-c", "dist-c:c"):
        chosen = choose(several, name, None, [])
        assert chosen.targets == ()
        (problem,) = chosen.problems
        assert "needs a newer darkframe" in problem.reason
    with pytest.raises(UnknownPluginError):
        choose(several, "nothing-like-it", None, [])


def test_a_setting_belongs_to_one_plugin(several):
    with pytest.raises(ParameterError, match="'same' stands for 2 decomposers"):
        choose(several, "same", None, ["decomposer.k=3"])
