from __future__ import annotations

import json

import pytest
from fake_distributions import Site, decomposer_plugin

from darkframe import PluginError
from darkframe.errors import UnknownPluginError
from darkframe.registry import Registry


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path / "site")
    with site.active():
        yield site


def names(registry, kind="decomposer"):
    return [found.name for found in registry.plugins(kind)]


def problems_of(registry, distribution):
    return [problem for problem in registry.problems if problem.distribution == distribution]


def only_problem(registry, distribution):
    (problem,) = problems_of(registry, distribution)
    return problem


def test_the_built_in_plugins_come_from_the_distribution_darkframe():
    registry = Registry.discover({})
    assert {"fastica", "pca", "picard"} <= set(names(registry))
    built_in = ["arrays", "gpt2-jb", "pythia-410m", "pythia-70m", "saelens", "smollm2", "sparsify", "tiny"]
    assert names(registry, "source") == built_in
    assert {found.distribution for found in registry.plugins()} == {"darkframe"}
    assert registry.problems == []


def test_an_installed_plugin_is_found_with_where_it_comes_from(site):
    site.install("my-plugins", {"mine": "my_plugins"}, {"my_plugins.py": decomposer_plugin("my-ica")}, version="2.3")
    found = Registry.discover({}).get("decomposer", "my-ica")
    assert (found.distribution, found.version, found.entry_point) == ("my-plugins", "2.3", "mine")
    assert found.qualified == "my-plugins:my-ica"


def test_two_distributions_with_one_entry_point_name_both_count(site):
    site.install("dist-a", {"ica": "plugin_a"}, {"plugin_a.py": decomposer_plugin("ica-a")})
    site.install("dist-b", {"ica": "plugin_b"}, {"plugin_b.py": decomposer_plugin("ica-b")})
    registry = Registry.discover({})
    assert {"ica-a", "ica-b"} <= set(names(registry))
    assert registry.problems == []


def test_a_clash_lists_both_and_fails_only_for_the_bare_name(site):
    for letter in "ab":
        site.install(f"dist-{letter}", {letter: f"plugin_{letter}"}, {f"plugin_{letter}.py": decomposer_plugin("same")})
    registry = Registry.discover({})
    assert names(registry).count("same") == 2
    assert registry.get("decomposer", "dist-b:same").distribution == "dist-b"
    with pytest.raises(UnknownPluginError, match=r"dist-a:same.*dist-b:same") as caught:
        registry.get("decomposer", "same")
    assert caught.value.exit_code == 2


def test_an_outside_plugin_may_share_a_built_in_name(site):
    site.install("better-pca", {"pca": "better_pca"}, {"better_pca.py": decomposer_plugin("pca")})
    registry = Registry.discover({})
    with pytest.raises(UnknownPluginError, match="darkframe:pca"):
        registry.get("decomposer", "pca")
    assert registry.get("decomposer", "darkframe:pca").info.target == "darkframe_pca.pca:PCA"


HOOK = "import darkframe\n@darkframe.hookimpl\ndef darkframe_sources():\n    "


def with_parameter(field):
    lines = ["import darkframe", "from dataclasses import dataclass", "@dataclass(frozen=True)", "class P:", f"    x: {field}"]
    return "\n".join(lines) + decomposer_plugin("x", extra=", params=P")


BROKEN = {
    "import error": ("import a_module_nobody_has", "ModuleNotFoundError: No module named 'a_module_nobody_has'"),
    "syntax error": ("def broken(:", "SyntaxError"),
    "exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "raising import": ("raise RuntimeError('no\\n  luck')", "RuntimeError: no luck"),
    "raising hook": (HOOK + "raise ValueError('no')", "hook darkframe_sources failed: ValueError: no"),
    "exiting hook": (HOOK + "raise SystemExit", "SystemExit"),
    "None": (HOOK + "pass", "gave None; it must return or yield SourceInfo records"),
    "text": (HOOK + "return 'tiny'", "gave 'tiny'; it must"),
    "a number": (HOOK + "return 3", "gave 3; it must"),
    "texts": (HOOK + "return ['tiny']", "gave 'tiny' where SourceInfo records belong"),
    "wrong kind": (
        HOOK + "yield darkframe.DecomposerInfo(name='x', target='x:X', summary='')",
        "where SourceInfo records belong",
    ),
    "bad name": (HOOK + "yield darkframe.SourceInfo(name='My Model', target='x:X', summary='')", "'My Model' must be lower-case"),
    "bad target": (HOOK + "yield darkframe.SourceInfo(name='x', target='x.X', summary='')", "must read 'package.module:Class'"),
    "hook with arguments": (
        "import darkframe\n@darkframe.hookimpl\ndef darkframe_sources(config):\n    return []",
        "asks for 'config', which darkframe",
    ),
    "undecorated": ("def darkframe_sources():\n    return []", "without @darkframe.hookimpl"),
    "newer hook": (
        "import darkframe\n@darkframe.hookimpl\ndef darkframe_telescopes():\n    return []",
        "needs a newer darkframe",
    ),
    "nothing": ("x = 1", "offers nothing"),
    "parameters that are not declared": (with_parameter("int = 3"), "must be made with darkframe.param"),
    "a parameter of no possible type": (with_parameter("dict = darkframe.param(None, help='')"), "cannot be of type"),
    "a default out of bounds": (with_parameter("int = darkframe.param(0, help='', ge=1)"), "default of 'x' breaks its own"),
}


@pytest.mark.parametrize("source, reason", BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_a_problem_and_everything_else_works(site, source, reason):
    site.install("broken-one", {"oops": "broken_one"}, {"broken_one.py": source + "\n"}, version="0.7")
    site.install("good-one", {"fine": "good_one"}, {"good_one.py": decomposer_plugin("fine")})
    registry = Registry.discover({})
    assert {"fine", "fastica", "pca"} <= set(names(registry))
    problem = only_problem(registry, "broken-one")
    assert reason in problem.reason
    assert (problem.version, problem.entry_point, problem.fatal) == ("0.7", "oops", True)
    assert "\n" not in problem.reason


def test_good_records_of_a_plugin_with_a_bad_one_are_kept(site):
    source = decomposer_plugin("fine") + "    yield 3\n"
    site.install("half", {"half": "half_good"}, {"half_good.py": source})
    registry = Registry.discover({})
    assert "fine" in names(registry)
    assert "gave 3" in only_problem(registry, "half").reason


def test_what_a_plugin_prints_at_import_is_captured_and_told(site, capsys):
    site.install("chatty", {"chat": "chatty"}, {"chatty.py": "print('hello there')\n" + decomposer_plugin("chat")})
    registry = Registry.discover({})
    assert capsys.readouterr().out == ""
    problem = only_problem(registry, "chatty")
    assert not problem.fatal
    assert "hello there" in problem.details
    assert "chat" in names(registry)


def test_a_traceback_is_kept_for_debugging(site):
    site.install("broken", {"b": "broken_two"}, {"broken_two.py": "import a_module_nobody_has\n"})
    assert "broken_two.py" in only_problem(Registry.discover({}), "broken").details


def test_damaged_metadata_of_one_distribution_harms_no_other(site):
    site.install("fine-dist", {"fine": "fine_dist"}, {"fine_dist.py": decomposer_plugin("fine")})
    site.install("damaged", {}, {})
    (site.path / "damaged-1.0.dist-info" / "entry_points.txt").write_bytes(b"[darkframe]\n\xff\xfe = \x00")
    registry = Registry.discover({})
    assert "fine" in names(registry)
    assert any("damaged" in problem.distribution for problem in registry.problems)


def test_one_distribution_declaring_a_name_twice_is_a_problem(site):
    site.install("twice", {"a": "twice_a", "b": "twice_b"}, {f"twice_{x}.py": decomposer_plugin("dup", summary=x) for x in "ab"})
    registry = Registry.discover({})
    assert registry.get("decomposer", "dup").info.summary == "a"
    assert "a second time" in only_problem(registry, "twice").reason


def test_one_module_under_two_distributions_counts_once(site):
    site.install("old-name", {"x": "shared_module"}, {"shared_module.py": decomposer_plugin("shared")})
    site.install("new-name", {"x": "shared_module"})
    registry = Registry.discover({})
    assert names(registry).count("shared") == 1
    assert "cannot be registered" in only_problem(registry, "old-name").reason


def test_a_distribution_found_twice_on_the_path_counts_once(site, tmp_path):
    site.install("mine", {"m": "mine_plugin"}, {"mine_plugin.py": decomposer_plugin("mine")}, version="2.0")
    older = Site(tmp_path / "older")
    older.install("mine", {"m": "mine_plugin"}, {"mine_plugin.py": decomposer_plugin("mine")}, version="1.0")
    import sys

    sys.path.append(str(older.path))
    try:
        registry = Registry.discover({})
    finally:
        sys.path.remove(str(older.path))
    assert registry.get("decomposer", "mine").version == "2.0"
    assert registry.problems == []


@pytest.mark.parametrize(
    "selection, expected",
    [
        ("", []),
        ("pca", ["pca"]),
        ("mine", ["my-ica"]),
        ("my-plugins", ["my-ica"]),
        ("my-plugins:mine, pca", ["my-ica", "pca"]),
        ("darkframe", ["fastica", "pca", "picard"]),
    ],
)
def test_darkframe_plugins_selects(site, selection, expected):
    site.install("my-plugins", {"mine": "my_plugins"}, {"my_plugins.py": decomposer_plugin("my-ica")})
    registry = Registry.discover({"DARKFRAME_PLUGINS": selection})
    assert names(registry) == expected
    assert registry.problems == []


def test_darkframe_plugins_leaves_a_broken_plugin_unimported(site):
    site.install("broken", {"b": "broken_three"}, {"broken_three.py": "1 / 0"})
    assert Registry.discover({"DARKFRAME_PLUGINS": "darkframe"}).problems == []


def test_a_selected_plugin_that_is_not_installed_is_a_problem():
    registry = Registry.discover({"DARKFRAME_PLUGINS": "pca,nonesuch"})
    assert only_problem(registry, "nonesuch").fatal
    with pytest.raises(UnknownPluginError, match="DARKFRAME_PLUGINS='pca,nonesuch' leaves out others"):
        registry.get("decomposer", "fastica")


def test_an_unknown_name_gets_the_nearest_ones_and_how_to_list():
    with pytest.raises(UnknownPluginError) as caught:
        Registry.discover({}).get("decomposer", "fastcia")
    assert "Did you mean 'fastica'" in str(caught.value)
    assert "darkframe list-plugins --kind decomposer" in str(caught.value)


@pytest.mark.parametrize("name", ["my-ica", "broken", "broken:my-ica"])
def test_an_unknown_name_that_a_broken_entry_point_or_distribution_has_gets_its_fault(site, name):
    site.install("broken", {"my-ica": "broken_plugin"}, {"broken_plugin.py": "raise ValueError('no luck')"})
    with site.active(), pytest.raises(UnknownPluginError) as caught:
        Registry.discover({}).get("decomposer", name)
    assert caught.value.message == (
        f"There is no decomposer {name!r}: what broken 1.0, entry point 'my-ica' offers cannot be used. "
        "Importing broken_plugin failed: ValueError: no luck."
    )


def test_without_any_plugin_the_error_says_so():
    with pytest.raises(UnknownPluginError, match="No clusterers are installed"):
        Registry.discover({"DARKFRAME_PLUGINS": "pca"}).get("clusterer", "smart")


class TestLoading:
    def load(self, site, target, files=None, extra=""):
        files = {"loading_plugin.py": decomposer_plugin("thing", target=target, extra=extra), **(files or {})}
        site.install("loading", {"l": "loading_plugin"}, files)
        return Registry.discover({}).get("decomposer", "thing").load()

    def test_the_class_is_imported_only_now(self, site):
        loaded = self.load(site, "loading_impl:Thing", {"loading_impl.py": "class Thing: pass\n"})
        assert loaded.__module__ == "loading_impl"

    def test_a_missing_package_is_told_with_the_install_hint(self, site):
        impl = {"loading_impl.py": "import a_package_nobody_has\n"}
        with pytest.raises(PluginError) as caught:
            self.load(site, "loading_impl:Thing", impl, extra=", install_hint=\"pip install 'loading[all]'\"")
        assert "a_package_nobody_has" in str(caught.value)
        assert "'thing' of loading 1.0" in str(caught.value)
        assert "pip install 'loading[all]'" in caught.value.hint

    @pytest.mark.parametrize(
        "source, reason",
        [
            ("x = 1\n", "no 'Thing'"),
            ("Thing = 3\n", "something else than a class"),
            ("raise ValueError('oh')\n", "ValueError: oh"),
            ("raise SystemExit(1)\n", "SystemExit"),
        ],
    )
    def test_other_faults_name_the_plugin(self, site, source, reason):
        with pytest.raises(PluginError, match=reason):
            self.load(site, "loading_impl:Thing", {"loading_impl.py": source})


def test_list_plugins_shows_kinds_origins_and_problems(tmp_path):
    site = Site(tmp_path / "site")
    site.install("broken-one", {"oops": "broken_one"}, {"broken_one.py": "import a_module_nobody_has\n"}, version="0.7")
    site.install("good-one", {"fine": "good_one"}, {"good_one.py": decomposer_plugin("fine", "Does it well.")})
    told = site.command("list-plugins")
    assert told.returncode == 0
    assert "Does it well. (good-one 1.0)" in told.stdout
    assert "broken-one 0.7, entry point 'oops': Importing broken_one failed: ModuleNotFoundError" in told.stdout
    assert "Traceback" not in told.stdout
    assert "Traceback" in site.command("list-plugins", "--debug").stdout
    record = json.loads(site.command("list-plugins", "--json", "--kind", "decomposer").stdout)
    assert {"fine", "pca", "fastica"} <= {plugin["name"] for plugin in record["plugins"]}
    assert [problem["distribution"] for problem in record["problems"]] == ["broken-one"]
