"""The checks of every plugin: all built-ins pass them; one broken in one way fails what says so."""

from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path

import pytest
from fake_distributions import Site

from darkframe import DecomposerInfo, SourceInfo, param
from darkframe.registry import Found, Registry
from darkframe.testing import Subject, checks_for, run, subject
from darkframe.testing.kit import GENERAL, BoundCheck
from darkframe_pca.pca import PCA
from darkframe_pca.plugin import PCAParams

REGISTRY = Registry.discover({})
BUILT_IN = [found for found in REGISTRY.plugins() if found.distribution == "darkframe"]


@pytest.fixture(scope="module", autouse=True)
def working_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        yield


@pytest.mark.parametrize("found", BUILT_IN, ids=lambda found: f"{found.kind}-{found.name}")
def test_a_built_in_plugin_keeps_what_every_plugin_promises(found):
    one = subject(found.kind, found.name)
    assert {check.name: outcome.reason for check in GENERAL if not (outcome := run(BoundCheck(check, one))).good} == {}


def test_all_built_ins_are_there_and_have_these_checks():
    assert len(BUILT_IN) == 8 + 3 + 17
    assert len(GENERAL) == 12
    for kind in ("source", "decomposer", "clusterer"):
        assert checks_for(kind, ())[: len(GENERAL)] == list(GENERAL)


# ------------------------------------------------------------ broken ones


class Whole(PCA):
    """A decomposer that is right."""


class NoFit:
    def __init__(self, params):
        self.params = params


class NoParameters:
    fit = PCA.fit

    def __init__(self):
        self.params = PCAParams()


class Refuses(PCA):
    def __init__(self, params):
        if params.n_components is None:
            raise RuntimeError("n_components must be set.")
        super().__init__(params)


@dataclass
class Thawed:
    n: int = param(3, help="A number.")


def params_of(*fields):
    return make_dataclass("Params", fields, frozen=True)


@dataclass(frozen=True)
class Refusing:
    n: int = param(3, help="A number.")

    def __post_init__(self):
        raise ValueError("n = 3 does not do")


@dataclass(frozen=True)
class Shifting:
    """Its text is read back as another one."""

    name: str = param("a", help="A name.")
    parts: tuple[str, ...] = param(("a,b", "c"), help="Parts.")


@dataclass(frozen=True)
class Growing:
    """It is changed each time it is made."""

    n: int = param(3, help="A number.")

    def __post_init__(self):
        object.__setattr__(self, "n", self.n + 1)


@dataclass(frozen=True)
class Falling:
    """Its default is not what it becomes."""

    n: int = param(3, help="A number.", ge=1)

    def __post_init__(self):
        object.__setattr__(self, "n", 0)


def bench(**changed):
    """A subject that is right, with some of its record changed."""
    info = DecomposerInfo(name="whole", target=f"{__name__}:Whole", summary="It is right.", params=PCAParams)
    info = replace(info, **changed)
    found = Found(info, "whole-dist", "1.0", "whole", "darkframe_pca.plugin")
    return Subject(found, made_of(info.params), Registry([found], []))


def made_of(kind):
    try:
        return kind()
    except Exception:
        return PCAParams()


def target(kind):
    return {"target": f"{__name__}:{kind.__name__}"}


def failed(one):
    outcomes = [run(BoundCheck(check, one)) for check in GENERAL]
    for outcome in outcomes:
        assert outcome.good or (len(outcome.reason.split()) > 3 and "\n" not in outcome.reason), outcome
    return {outcome.name: outcome.reason for outcome in outcomes if not outcome.good}


NO_HELP = params_of(("n", int, param(3, help="")))
TWO_LINES = params_of(("n", int, param(3, help="Line\nline.")))
UNDECLARED = params_of(("n", int, field(default=3)))

BROKEN = {
    "no such class": ({"target": f"{__name__}:Nowhere"}, {"it_can_be_loaded", "it_is_made_from_its_parameters"}),
    "no fit": (target(NoFit), {"it_can_be_loaded"}),
    "no parameters": (target(NoParameters), {"it_is_made_from_its_parameters"}),
    "refuses defaults": (target(Refuses), {"it_is_made_from_its_parameters"}),
    "not frozen": ({"params": Thawed}, {"parameters_are_declared"}),
    "no help": ({"params": NO_HELP}, {"parameters_have_help"}),
    "two lines of help": ({"params": TWO_LINES}, {"parameters_have_help"}),
    "commas in parts": ({"params": Shifting}, {"parameters_can_be_set_as_text"}),
    "grows": ({"params": Growing}, {"parameters_round_trip"}),
    "falls": (
        {"params": Falling},
        {"defaults_keep_their_bounds", "parameters_round_trip", "parameters_can_be_set_as_text"},
    ),
    "no summary": ({"summary": " "}, {"summary_is_one_sentence"}),
    "two lines": ({"summary": "It is\nright."}, {"summary_is_one_sentence"}),
    "no full stop": ({"summary": "It is right"}, {"summary_is_one_sentence"}),
    "escapes": ({"summary": "It is \x1b[31mright."}, {"summary_is_one_sentence"}),
    "long": ({"summary": "It is right. " * 20 + "Yes."}, {"summary_is_one_sentence"}),
    "ftp": ({"docs": "ftp://somewhere/docs"}, {"docs_lead_somewhere"}),
    "script": ({"docs": "javascript:alert(1)"}, {"docs_lead_somewhere"}),
    "absolute": ({"docs": "/usr/share/doc"}, {"docs_lead_somewhere"}),
    "no address": ({"docs": "see the README"}, {"docs_lead_somewhere"}),
    "api of the future": ({"api": 99}, {"its_api_is_spoken"}),
    "api in words": ({"api": "1"}, {"its_api_is_spoken"}),
}


def test_a_right_one_passes():
    assert failed(bench()) == {}
    for docs in ("https://docs.example.org/x#y", "docs/whole.md", "README.md#whole"):
        assert failed(bench(docs=docs)) == {}


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_one_fails_the_checks_that_say_so_and_no_others(breakage):
    changed, expected = BROKEN[breakage]
    found = failed(bench(**changed))
    assert set(found) == expected, found


def test_parameters_that_are_not_declared_fail_alone():
    for kind in (UNDECLARED, Refusing):
        assert "parameters_are_declared" in failed(bench(params=kind))


# ------------------------------------------------------------ of an installed one

PLUGIN = """
import darkframe
{extra}

@darkframe.hookimpl
def darkframe_decomposers():
    yield darkframe.DecomposerInfo(name="mine", target="{package}.mine:Mine", summary="It is mine."{declared})
"""

MINE = """
{extra}
class Mine:
    def __init__(self, params):
        self.params = params

    def fit(self, rows, context):
        pass
"""


def installed(tmp_path, package, plugin="", mine="", declared=""):
    site = Site(tmp_path / "site")
    files = {
        f"{package}/__init__.py": "",
        f"{package}/plugin.py": PLUGIN.format(extra=plugin, package=package, declared=declared),
        f"{package}/mine.py": MINE.format(extra=mine),
    }
    site.install(package.replace("_", "-"), {"mine": f"{package}.plugin"}, files)
    with site.active():
        return failed(subject("decomposer", "mine"))


@pytest.mark.parametrize(
    ("plugin", "mine", "expected"),
    [
        ("", "import numpy, json", {}),
        ("import numpy", "", {"listing_it_is_light": "numpy"}),
        ("from scipy import linalg", "", {"listing_it_is_light": "numpy, scipy"}),
        ("print('hello')", "", {"importing_it_says_nothing": "hello"}),
        ("", "import os; os.write(2, b'psst')", {"importing_it_says_nothing": "psst"}),
        ("", "import warnings; warnings.warn('old')", {"importing_it_says_nothing": "UserWarning: old"}),
        (
            "",
            "import nowhere_at_all",
            {
                "it_can_be_loaded": "No module named 'nowhere_at_all'. Nor does it declare an install_hint",
                "it_is_made_from_its_parameters": "nowhere_at_all",
            },
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:old")
def test_what_importing_does_is_seen_in_a_process_of_its_own(tmp_path, request, plugin, mine, expected):
    package = f"mine_{request.node.callspec.indices['plugin']}"
    found = installed(tmp_path, package, plugin, mine)
    assert set(found) == set(expected), found
    for name, words in expected.items():
        assert words in found[name]


def test_a_missing_package_with_an_install_hint_is_told_with_it(tmp_path):
    hint = ', install_hint="pip install nowhere[all]"'
    found = installed(tmp_path, "mine_hinted", "", "import nowhere_at_all", hint)
    assert "To install what it needs: pip install nowhere[all]" in found["it_can_be_loaded"]
    assert "Nor does it" not in found["it_can_be_loaded"]


def test_a_target_that_ends_the_process_is_a_sentence(tmp_path):
    site = Site(tmp_path / "site")
    files = {
        "fatal_one/__init__.py": "",
        "fatal_one/plugin.py": PLUGIN.format(extra="", package="fatal_one", declared=""),
        "fatal_one/mine.py": "import os\nos._exit(3)\n",
    }
    site.install("fatal-one", {"mine": "fatal_one.plugin"}, files)
    with site.active():
        one = subject("decomposer", "mine")
        outcome = run(next(BoundCheck(check, one) for check in GENERAL if check.name == "listing_it_is_light"))
    assert "ended the process (exit 3)" in outcome.reason


def test_an_unknown_module_is_looked_for_beside_the_target(tmp_path):
    site = Site(tmp_path / "site")
    files = {"beside_one/__init__.py": "", "beside_one/plugin.py": "import numpy", "beside_one/mine.py": MINE.format(extra="")}
    site.install("beside-one", {}, files)
    with site.active():
        info = DecomposerInfo(name="mine", target="beside_one.mine:Mine", summary="It is mine.")
        found = failed(Subject(Found(info, "beside-one", "1.0", "mine"), info.params(), Registry([], [])))
    assert set(found) == {"listing_it_is_light"}
    assert "beside_one.plugin" in found["listing_it_is_light"]


def test_every_check_has_one_that_fails_it():
    seen = {name for _, expected in BROKEN.values() for name in expected} | {"listing_it_is_light", "importing_it_says_nothing"}
    assert seen == {check.name for check in GENERAL}


def test_a_relative_default_path_is_its_own_value():
    kind = params_of(("place", Path, param(Path("here"), help="A folder.")))
    assert failed(bench(params=kind)) == {}


def test_a_source_is_made_from_parameters_and_a_context():
    class Alone:
        """A source without a context."""

    info = SourceInfo(name="alone", target="nowhere:Alone", summary="It is alone.")
    one = Subject(Found(info, "", "", "", "darkframe_pca.plugin"), info.params(), Registry([], []))
    one.__dict__["target"] = type("Alone", (), {"__init__": lambda self, params: None})
    found = failed(one)
    assert "(params, context) does not fit its constructor" in found["it_is_made_from_its_parameters"]
