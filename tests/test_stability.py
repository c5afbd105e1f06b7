"""What plugins can rely on: versions of the contracts, hooks that get further arguments, records, deprecations."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import re
import warnings
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from fake_distributions import Site
from packaging.version import Version

import darkframe
from darkframe import ClustererInfo, DarkframeDeprecationWarning, Deprecated, api, interfaces, plugin
from darkframe.api.clusterers import Maker
from darkframe.errors import PluginError
from darkframe.hookspecs import hookspec
from darkframe.registry import Registry
from darkframe.registry.entry_points import find_entries, load
from darkframe.registry.hooks import Hooks

ROOT = Path(__file__).parents[1]
HEAD = "import darkframe\n@darkframe.hookimpl\n"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path / "site")
    with site.active():
        yield site


def discovered(site, source, distribution="my-plugins", module="stability_plugin"):
    """The registry, where a distribution has a module with this source."""
    site.install(distribution, {"mine": module}, {f"{module}.py": source})
    return Registry.discover({"DARKFRAME_PLUGINS": distribution})


def only_reason(registry):
    (problem,) = registry.problems
    assert problem.distribution == "my-plugins"
    return problem.reason


# ---------------------------------------------------------------- versions of the contracts


def declaring(**fields):
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    return HEAD + f"def darkframe_clusterers():\n    yield darkframe.ClustererInfo('mine', 'm:M', 'Groups.', {given})\n"


def test_a_plugin_for_a_newer_contract_is_refused(site):
    registry = discovered(site, declaring(api=darkframe.API_VERSION + 1))
    assert registry.plugins() == []
    spoken = (
        f"it is written against version {darkframe.API_VERSION + 1} of the contracts, darkframe {darkframe.__version__} speaks"
    )
    assert only_reason(registry) == f"Its clusterer 'mine' needs a newer darkframe: {spoken} {darkframe.API_VERSION}."


def test_a_plugin_for_a_contract_that_is_gone_is_refused(site, monkeypatch):
    monkeypatch.setattr(plugin, "OLDEST_API_VERSION", 3)
    monkeypatch.setattr(plugin, "API_VERSION", 4)
    reason = only_reason(discovered(site, declaring(api=2)))
    assert "'mine' is too old: it is written against version 2 of the contracts" in reason
    assert reason.endswith("speaks 3 to 4.")
    site.install("others", {"o": "stability_others"}, {"stability_others.py": declaring(api=3)})
    assert [found.info.api for found in Registry.discover({"DARKFRAME_PLUGINS": "others"}).plugins()] == [3]


@pytest.mark.parametrize(
    "source, sentence",
    [
        (
            declaring(vigilanse="rising"),
            r"gives ClustererInfo the field 'vigilanse', which darkframe .* Did you mean 'vigilance'\?",
        ),
        (declaring(zzz=1), r"it needs a newer darkframe, or misspells the field; there are name, target, summary, "),
        (
            "import darkframe\nX = darkframe.param(1, help='', gte=1)",
            r"Importing stability_plugin failed: it gives param the argument 'gte'.* newer darkframe.*Did you mean 'gt' or 'ge'",
        ),
        (
            HEAD + "def darkframe_sources():\n    f = lambda a: a\n    return f(b=1)",
            r"Its hook darkframe_sources failed: TypeError",
        ),
    ],
)
def test_a_field_that_is_not_known_is_told_as_such(site, source, sentence):
    reason = only_reason(discovered(site, source))
    assert re.search(sentence, reason), reason


# ---------------------------------------------------------------- arguments of hooks

OLD = HEAD + "def darkframe_decomposers():\n    yield darkframe.DecomposerInfo('old', 'm:M', 'Takes nothing.')\n"
WITH_API = HEAD + "def darkframe_decomposers(api):\n    yield darkframe.DecomposerInfo(f'api-{api}', 'm:M', 'Takes api.')\n"
WITH_MORE = (
    HEAD
    + dedent("""
    def darkframe_decomposers(budget, api):
        yield darkframe.DecomposerInfo(f'api-{api}-budget-{budget}', 'm:M', 'Takes what a later darkframe gives.')
    """).lstrip()
)


class LaterSpecifications:
    """The hooks of a later darkframe: one of them is given something more."""

    @hookspec
    def darkframe_sources(self, api): ...

    @hookspec
    def darkframe_decomposers(self, api, budget): ...

    @hookspec
    def darkframe_clusterers(self, api): ...


def install_all(site):
    for number, source in enumerate((OLD, WITH_API, WITH_MORE)):
        site.install(f"dist-{number}", {"p": f"stability_{number}"}, {f"stability_{number}.py": source})


def offered(hooks):
    entries = [entry for entry in find_entries() if entry.distribution.startswith("dist-")]
    results = [result for entry in entries for result in hooks.add(entry, load(entry)[0])]
    return [getattr(result, "name", None) or result.reason for result in results]


def test_an_implementation_takes_the_arguments_it_wants(site):
    install_all(site)
    old, with_api, refused = offered(Hooks())
    assert (old, with_api) == ("old", f"api-{darkframe.API_VERSION}")
    assert refused.startswith("Its hook darkframe_decomposers asks for 'budget', which darkframe")
    assert "it needs a newer darkframe, or misspells the argument" in refused


def test_a_further_argument_breaks_no_old_plugin(site):
    install_all(site)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = offered(Hooks(LaterSpecifications(), {"api": 2, "budget": 5}))
    assert names == ["old", "api-2", "api-2-budget-5"]


# ---------------------------------------------------------------- the recorded contracts


def _tool():
    spec = importlib.util.spec_from_file_location("contract_tool", ROOT / "tools" / "contract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()
recorded = json.loads(tool.RECORD.read_text(encoding="utf-8"))


def test_nothing_that_plugins_rely_on_has_changed():
    assert tool.breaks(recorded, tool.contract()) == [], "put that right, or raise darkframe.API_VERSION"


def test_what_was_added_is_recorded():
    assert json.loads(json.dumps(tool.contract())) == recorded, "record it with: python tools/contract.py"


def changed(*path, to):
    """The recorded contracts with one part changed by a function."""
    new = copy.deepcopy(recorded)
    part = new
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = to(part[path[-1]])
    return new


FIELDS = ("records", "FitContext", "fields")
METHOD = ("protocols", "Source", "members", "batches")


@pytest.mark.parametrize(
    "new, sentence",
    [
        (changed(*FIELDS, to=lambda fields: fields[1:]), "FitContext no longer takes 'seed'."),
        (changed(*FIELDS, to=lambda fields: fields[::-1]), "FitContext takes its arguments in another order"),
        (changed(*FIELDS, to=lambda f: [["first", "positional", "0"], *f]), "FitContext takes its arguments in another order"),
        (changed(*FIELDS, to=lambda f: [*f, ["budget", "keyword", None]]), "cannot be used without 'budget', which is new."),
        (changed(*FIELDS, to=lambda f: [["seed", "positional", None], *f[1:]]), "cannot be used without 'seed' any more."),
        (changed(*FIELDS, to=lambda f: [["seed", "positional", "7"], *f[1:]]), "another default for 'seed': 7, not 42."),
        (changed(*FIELDS, to=lambda f: [["seed", "keyword", "42"], *f[1:]]), "takes 'seed' by keyword only."),
        (changed("records", "Codes", "members", to=lambda members: {}), "Codes.to_dense is gone."),
        (changed("records", to=lambda records: {}), "The record SourceInfo is gone."),
        (changed(*METHOD, to=lambda method: method[:1]), "Source.batches() no longer takes 'start'."),
        (changed(*METHOD, to=lambda m: [*m, ["stop", "positional", "None"]]), "Source.batches() is called with 'stop' too."),
        (changed("protocols", "Source", "members", to=lambda m: m | {"close": []}), "Source.close was added"),
        (changed("protocols", "Dictionary", "attributes", to=lambda a: [*a, "scale"]), "Dictionary.scale was added"),
        (changed("hooks", "darkframe_sources", to=lambda arguments: []), "no longer gives 'api'."),
        (changed("names", "darkframe", to=lambda names: names[1:]), "darkframe.API_VERSION is gone."),
    ],
)
def test_what_breaks_plugins_is_noticed(new, sentence):
    told = tool.breaks(recorded, new)
    assert any(sentence in each for each in told), told


@pytest.mark.parametrize(
    "new",
    [
        changed(*FIELDS, to=lambda fields: [*fields, ["budget", "keyword", "None"]]),
        changed(*FIELDS, to=lambda fields: [*fields, ["budget", "positional", "None"]]),
        changed("protocols", "Rows", "members", to=lambda members: members | {"close": []}),
        changed("protocols", to=lambda protocols: protocols | {"Closes": {"attributes": [], "members": {"close": []}}}),
        changed("hooks", "darkframe_sources", to=lambda arguments: [*arguments, "budget"]),
        changed("names", "darkframe", to=lambda names: [*names, "telescope"]),
    ],
)
def test_what_is_only_added_breaks_nothing(new):
    assert tool.breaks(recorded, new) == []


# ---------------------------------------------------------------- deprecations

DEPRECATED = """
import darkframe
from dataclasses import dataclass
from darkframe import Deprecated, param

@dataclass(frozen=True)
class Params:
    k: int = param(2, help="Clusters.", ge=1)
    n: int = param(2, help="Clusters, as they were called.", ge=1, deprecated=Deprecated("2.0", "clusterer.k"))

@darkframe.hookimpl
def darkframe_clusterers():
    yield darkframe.ClustererInfo("kept", "stability_code:Fails", "Fails.", Params)
    yield darkframe.ClustererInfo("going", "stability_code:Fails", "Fails.", Params, deprecated=Deprecated("3.0", "kept"))
    yield darkframe.ClustererInfo("broken", "stability_nowhere:Gone", "Cannot be loaded.", Params)
"""
CODE = """
from darkframe import Deprecated

class Fails:
    def __init__(self, params): pass
    def fit(self, vectors, context):
        Deprecated("4.0").warn("clustering with Fails", "my-plugins")
        raise ValueError("nothing is clustered")
"""
N_GOES = "clusterer.n is deprecated, and my-plugins 2.0 removes it; use clusterer.k instead."
GOING_GOES = "The clusterer 'going' is deprecated, and my-plugins 3.0 removes it; use kept instead."


@pytest.fixture
def going(site):
    site.install("my-plugins", {"mine": "stability_going"}, {"stability_going.py": DEPRECATED, "stability_code.py": CODE})
    return site


def warned(**options):
    """What a run on a clusterer that cannot be loaded warns of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(PluginError):
            api.run("tiny", clusterer="broken", **options)
    return [warning for warning in told if issubclass(warning.category, DarkframeDeprecationWarning)]


def test_setting_a_parameter_that_is_to_go_warns_at_the_users_own_line(going, tmp_path):
    (told,) = warned(set={"clusterer.n": 3})
    assert str(told.message) == N_GOES
    assert told.filename == __file__
    assert issubclass(told.category, FutureWarning)  # which Python shows by default
    (tmp_path / "config.toml").write_text("[clusterer]\nn = 3\n")
    for options in ({"set": ["clusterer.n=2"]}, {"config": tmp_path / "config.toml"}):
        assert [str(each.message) for each in warned(**options)] == [N_GOES]


def test_building_on_a_clusterer_that_is_to_go_warns(going):
    registry = Registry.discover()
    found = registry.get("clusterer", "kept")
    with pytest.warns(DarkframeDeprecationWarning, match=re.escape(GOING_GOES)):
        Maker(found, found.info.params(), registry).open("going")


def test_its_default_warns_of_nothing(going):
    assert warned() == []
    assert warned(set={"clusterer.k": 3}) == []


def test_sweeping_it_warns(going):
    with pytest.warns(DarkframeDeprecationWarning, match=re.escape(N_GOES)):
        api.sweep("tiny", clusterer="broken", grid={"clusterer.n": [2, 3]}, out=going.path / "sweep")


def test_a_version_that_is_none_is_refused():
    with pytest.raises(ValueError, match="must be a version"):
        Deprecated("soon")


def test_a_warning_of_a_plugin_points_at_the_plugin():
    with pytest.warns(DarkframeDeprecationWarning) as told:
        Deprecated("2.0", "y").warn("x")
    assert told[0].filename == __file__
    assert str(told[0].message) == "x is deprecated, and darkframe 2.0 removes it; use y instead."


def test_the_command_says_it_in_one_line_and_the_log_and_manifest_keep_it(going, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "decoder.npy", rng.normal(size=(60, 8)).astype(np.float32))
    out = tmp_path / "run"
    given = ["--set", f"source.dictionary={tmp_path / 'decoder.npy'}", "--set", "clusterer.n=3", "--out", str(out)]
    told = going.command("run", "--source", "arrays", "--clusterer", "going", *given)
    assert told.returncode == 1
    sentences = [GOING_GOES, N_GOES, "clustering with Fails is deprecated, and my-plugins 4.0 removes it."]
    assert [line for line in told.stderr.splitlines() if "deprecated" in line] == [f"Warning: {each}" for each in sentences]
    log = (out / "log.txt").read_text()
    assert all(sentence in log for sentence in sentences)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["api"] == {"darkframe": darkframe.API_VERSION, "source": 1, "clusterer": 1}
    again = going.command("run", "--resume", str(out))
    assert [line for line in again.stderr.splitlines() if "deprecated" in line] == [f"Warning: {each}" for each in sentences]


def test_describe_and_list_plugins_show_it(going):
    described = going.command("describe", "clusterer", "going").stdout
    assert GOING_GOES in described
    assert N_GOES in described
    record = json.loads(going.command("describe", "going", "--json").stdout)
    assert record["deprecated"] == GOING_GOES
    assert {p["name"]: p.get("deprecated") for p in record["parameters"]} == {"clusterer.k": None, "clusterer.n": N_GOES}
    listed = going.command("list-plugins", "--kind", "clusterer").stdout
    assert GOING_GOES in " ".join(listed.split())
    listed = json.loads(going.command("list-plugins", "--json").stdout)["plugins"]
    assert {plugin["name"]: plugin["deprecated"] for plugin in listed}["kept"] is None


# ---------------------------------------------------------------- nothing is overdue


def declared_removals(source):
    """Versions in which ``Deprecated(…)`` in some code says that something is removed."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name == "Deprecated":
            given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "removed_in")]
            yield given[0].value


def overdue(source):
    return [version for version in declared_removals(source) if Version(version) <= Version(darkframe.__version__)]


def test_nothing_is_overdue():
    files = [*(ROOT / "framework" / "darkframe").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    late = {str(file.relative_to(ROOT)): found for file in files if (found := overdue(file.read_text(encoding="utf-8")))}
    assert late == {}, "the version that was to remove it is there"
    assert len(files) > 100


def test_what_is_overdue_is_noticed():
    assert overdue(DEPRECATED) == []
    assert overdue("x = param(1, help='', deprecated=Deprecated('0.0.9'))") == ["0.0.9"]
    assert overdue(f"darkframe.Deprecated(removed_in={darkframe.__version__!r})") == [darkframe.__version__]


def test_a_plugin_that_does_not_say_its_version_was_written_against_the_first(monkeypatch):
    monkeypatch.setattr(plugin, "API_VERSION", 2)
    assert ClustererInfo("x", "x:X", "X.").api == 1


def test_every_public_name_of_the_interfaces_can_be_imported():
    assert all(getattr(interfaces, name) is not None for name in interfaces.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = interfaces.Nonsense
