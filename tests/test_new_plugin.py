"""``darkframe new-plugin``: what it writes installs, passes and runs; what it refuses; and that it writes all or nothing."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fake_distributions import Site, decomposer_plugin
from support.full_disk import file_size_limit
from support.venvs import Venv, build_wheel

import darkframe
from darkframe.cli.group import darkframe as command
from darkframe.scaffold import LICENCES
from darkframe.scaffold.about import bounds
from darkframe.scaffold.project import literal

ROOT = Path(__file__).parent.parent
PLUGINS = {"clusterer": "my-kmeans", "decomposer": "my-nmf", "source": "my-arrays"}
OTHERS = ("decomposer", "source")
"""Kinds whose packages are put through their paces here; the clusterer's is in ``test_first_plugin``."""

APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # of apache.org/licenses/LICENSE-2.0.txt
CHEAP = {
    "decomposer.n_components": 4,
    "study.seeds": 42,
    "study.nulls": 1,
    "study.null_directions": 20,
}


def new_plugin(*arguments):
    return CliRunner().invoke(command, ["new-plugin", *map(str, arguments)], prog_name="darkframe")


def settings(*kinds):
    chosen = [(name, value) for name, value in CHEAP.items() if name.split(".")[0] in kinds]
    return [word for name, value in chosen for word in ("--set", f"{name}={value}")]


# ------------------------------------------------------------ the packages at work


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A virtual environment, and beside it a package of each kind, made and installed with the commands that are printed."""
    folder = tmp_path_factory.mktemp("new plugins")  # with a space, as folders have
    venv = Venv(tmp_path_factory.mktemp("venv") / "it", darkframe=True)
    printed = {}
    for kind, name in PLUGINS.items():
        told = venv.run("darkframe", "new-plugin", kind, name, "--author", 'Ada "A" Lovelace', cwd=folder).stdout
        told = told.partition("What to do next:")[2]
        printed[kind] = [line.strip() for line in told.strip().splitlines()]
        run_line(venv, printed[kind][0], folder)
    return folder, venv, printed


def run_line(venv, line, folder):
    return venv.run(*shlex.split(line), cwd=folder, OMP_NUM_THREADS="1", DARKFRAME_CACHE=str(folder / "cache"))


@pytest.mark.parametrize("kind", OTHERS)
def test_its_own_tests_pass(workshop, kind):
    folder, venv, printed = workshop
    told = run_line(venv, printed[kind][1] + " -q", folder).stdout
    passed = re.search(
        r"^(\d+) passed in ", told, re.MULTILINE
    )  # alone on its line: nothing failed, was skipped or is expected to
    assert passed and int(passed[1]) > 30, told


@pytest.mark.parametrize("kind", OTHERS)
def test_it_passes_the_conformance_kit(workshop, kind):
    folder, venv, printed = workshop
    assert printed[kind][2] == f"darkframe check {PLUGINS[kind]}"
    told = run_line(venv, printed[kind][2], folder).stdout
    assert "none failed" in told and PLUGINS[kind] in told, told


def test_a_decomposer_runs_on_tiny(workshop):
    folder, venv, printed = workshop
    assert [printed[kind][3] for kind in PLUGINS] == [f"darkframe run --{kind} {name}" for kind, name in PLUGINS.items()]
    line = f"{printed['decomposer'][3]} --tokens 6000 --out nmf"
    run_line(venv, shlex.join([*shlex.split(line), *settings("decomposer", "study")]), folder)
    result = darkframe.load(folder / "nmf")
    directions = np.asarray(result.arrays["directions"])
    assert directions.shape == (4, 160) and np.allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    assert 0 < result.results.decompose.explained_total < 1


def test_a_source_runs_and_its_dark_matter_is_found(workshop):
    folder, venv, _ = workshop
    line = "darkframe run --source my-arrays --decomposer fastica --out planted"
    run_line(venv, shlex.join([*shlex.split(line), *settings("decomposer", "study")]), folder)
    result = darkframe.load(folder / "planted")
    assert [component.label for component in result.results.match.components] == ["novel"] * 4
    assert result.results.conclusion.beat_null == 4


@pytest.mark.parametrize("kind", PLUGINS)
def test_its_readme_lists_its_parameters(workshop, kind):
    folder, venv, _ = workshop
    [record] = [json.loads(venv.run("darkframe", "describe", kind, PLUGINS[kind], "--json").stdout)]
    readme = (folder / f"darkframe-{PLUGINS[kind]}" / "README.md").read_text()
    rows = re.findall(rf"^\| `({kind}\.\w+)` \| (\S+) \| (.+) \|$", readme, re.MULTILINE)
    declared = [(each["name"], each["default"].replace(",", ""), each["help"]) for each in record["parameters"]]
    assert [(name, default.replace(",", ""), text) for name, default, text in rows] == declared


def test_its_code_is_clean_by_this_repositorys_rules_and_its_own(workshop):
    folder, _, _ = workshop
    python = [sys.executable, "-m"]
    packages = [folder / f"darkframe-{name}" for name in PLUGINS.values()]
    for package in packages:
        own = ["--config", str(ROOT / "pyproject.toml"), "--config", 'src = ["src"]']  # its own package is its first party
        for options in (["check", *own], ["check"], ["format", "--check", *own], ["format", "--check"]):
            done = subprocess.run([*python, "ruff", *options, "."], cwd=package, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{package.name}: ruff {' '.join(options)}\n{done.stdout}{done.stderr}"
    sources = [str(next((package / "src").glob("darkframe_*"))) for package in packages]
    done = subprocess.run([*python, "mypy", *sources], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for package in packages:
        assert all(len(file.read_text().splitlines()) <= 100 for file in package.rglob("src/**/*.py"))


def test_listing_it_imports_nothing_heavy(workshop):
    _, venv, _ = workshop
    modules = [f"darkframe_{name.replace('-', '_')}.plugin" for name in PLUGINS.values()]
    heavy = "{'numpy', 'torch', 'sklearn', 'safetensors'} & set(sys.modules)"
    venv.run("python", "-c", f"import sys, {', '.join(modules)}; assert not {heavy}, {heavy}")


# ------------------------------------------------------------ what is written


@pytest.mark.parametrize(("kind", "licence"), list(zip([*PLUGINS, "clusterer"], LICENCES, strict=True)))
def test_a_wheel_carries_everything_and_says_its_licence(tmp_path, kind, licence):
    made = new_plugin(kind, "fresh-thing", "--licence", licence.upper(), "--author", "Ada Lovelace", "--out", tmp_path / "it")
    assert made.exit_code == 0, made.output
    with zipfile.ZipFile(build_wheel(tmp_path / "it", tmp_path / "dist")) as wheel:
        names = set(wheel.namelist())
        info = "darkframe_fresh_thing-0.1.0.dist-info"
        metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
        text = wheel.read(f"{info}/licenses/LICENSE").decode() if licence != "none" else None
    written = {path.relative_to(tmp_path / "it/src").as_posix() for path in (tmp_path / "it/src").rglob("*") if path.is_file()}
    assert written <= names and "darkframe_fresh_thing/py.typed" in written
    assert entry_points.split() == ["[darkframe]", "fresh-thing", "=", "darkframe_fresh_thing.plugin"]
    assert metadata["Author"] == "Ada Lovelace" and metadata["Requires-Python"] == ">=3.11"
    assert "darkframe<0.2,>=0.1" in metadata.get_all("Requires-Dist")
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    _check_licence(licence, text, metadata)


def _check_licence(licence, text, metadata):
    proprietary = "License :: Other/Proprietary License" in metadata.get_all("Classifier")
    if licence == "none":
        assert proprietary and metadata["License-Expression"] is None
        assert "Ada Lovelace. All rights reserved" in metadata.get_payload()
        return
    assert metadata["License-Expression"] == licence and not proprietary
    if licence == "Apache-2.0":  # the text itself is never changed
        assert hashlib.sha256(text.encode()).hexdigest() == APACHE
    else:
        assert re.search(r"Copyright \(c\) 20\d\d,? Ada Lovelace", text) and "WARRANTIES" in text and len(text) > 1000


def test_the_author_is_gits_user_or_the_plugins_authors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Grace 'H' \\\"Hopper\\\" Ü\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    assert _author(tmp_path, "fresh-one") == "Grace 'H' \"Hopper\" Ü"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert _author(tmp_path, "fresh-two") == "The authors of darkframe-fresh-two"
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    assert _author(tmp_path, "fresh-three") == "The authors of darkframe-fresh-three"


def _author(folder, name):
    assert new_plugin("clusterer", name).exit_code == 0
    [author] = tomllib.loads((folder / f"darkframe-{name}" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["authors"]
    return author["name"]


@pytest.mark.parametrize("name", ["3d", "none", "any-clustering", "a-1-b"])
def test_any_name_makes_code_that_python_takes(tmp_path, name):
    summary = 'A "quoted" thing\'s {summary} with $dollars and \\backslashes.'
    made = new_plugin("clusterer", name, "--out", tmp_path / "it", "--summary", summary)
    assert made.exit_code == 0, made.output
    package = tmp_path / f"it/src/darkframe_{name.replace('-', '_')}"
    for file in package.glob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec")
    assert tomllib.loads((tmp_path / "it/pyproject.toml").read_text(encoding="utf-8"))["project"]["description"] == summary
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=tmp_path / "it", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", ["plain", "it's", 'a "b"', 'it\'s "b"', "a\\b", 'a\\"b'])
def test_text_is_written_so_that_python_and_toml_read_it_back(text):
    assert tomllib.loads(f"x = {literal(text)}")["x"] == text
    assert eval(literal(text)) == text


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", ">=0.1,<0.2"),
        ("1.9.3", ">=1.9,<1.10"),
        ("0.2.0.dev3+gabc", ">=0.2.0.dev3,<0.3"),
        ("2.0rc1", ">=2.0rc1,<2.1"),
        ("0.1.0.post1", ">=0.1,<0.2"),
    ],
)
def test_it_asks_for_this_minor_version_and_below_the_next(version, expected):
    assert bounds(version) == expected


def test_what_is_printed_shows_the_tree_and_can_be_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = new_plugin("decomposer", "fresh-thing", "--out", "my things")
    lines = [line.strip(" │├└─") for line in told.output.splitlines()]
    for file in (tmp_path / "my things").rglob("*"):
        assert f"{file.name}/" in lines or file.name in lines
    assert "  pip install -e './my things[test]'\n" in told.output
    assert "  pytest './my things'\n" in told.output


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["My_KMeans"], r"'My_KMeans' is not made of lower-case letters.*Try my-kmeans"),
        (["-".join(["a", "", "b"])], r"'a--b' is not made of .* Try a-b"),
        (["ä"], r"is not made of .* Try a name such as my-kmeans"),
        (["darkframe-thing"], r"begins with 'darkframe-'.* Leave it out: thing"),
        (["smart"], r"There is a clusterer 'smart' already: darkframe 0\.1\.0 offers it"),
        (["pca"], r"There is a module darkframe_pca already"),
        (["fresh-thing", "--licence", "MTI"], r"no licence 'MTI' to choose\. Did you mean MIT\? Choose one of MIT, Apache-2\.0"),
        (["fresh-thing", "--license", "GPL-3.0"], r"no licence 'GPL-3\.0' to choose.*Choose one of"),
        (["fresh-thing", "--author", "a\nb"], r"The author 'a\\nb' is not one line"),
        (["fresh-thing", "--summary", "a\x1b[31m"], r"The summary .* is not one line"),
        (["fresh-thing", "--out", "file"], r"There is a file file already"),
        (["fresh-thing", "--out", "folder"], r"There is a folder folder already"),
        (["fresh-thing", "--out", "dangling"], r"There is a link dangling already"),
        (["fresh-thing", "--out", "nowhere/it"], r"nowhere does not exist"),
        (["fresh-thing", "--out", "file/it"], r"file is no folder"),
        (["fresh-thing", "--out", "x" * 300], r"could not be written: File name too long"),
        (["fresh-thing", "--out", "/proc/it"], r"/proc"),
    ],
)
def test_it_refuses_in_a_sentence(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    before = sorted(tmp_path.iterdir())
    told = new_plugin("clusterer", *arguments)
    assert told.exit_code == 2
    assert re.fullmatch(rf"Error: .*{words}.*\n", told.stderr), told.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_names_that_are_installed_are_taken_whatever_is_switched_on(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_PLUGINS", "")
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path / "site")
    site.install("their-plugins", {"theirs": "their_plugins"}, {"their_plugins.py": decomposer_plugin("theirs")})
    site.install("darkframe-taken", {}, {})
    site.install("someone", {}, {"darkframe_importable.py": ""})
    with site.active():
        refused = {name: new_plugin("decomposer", name) for name in ("theirs", "taken", "importable")}
        assert new_plugin("clusterer", "theirs").exit_code == 0  # another kind may have the name
    assert "a decomposer 'theirs' already: their-plugins 1.0 offers it" in refused["theirs"].stderr
    assert "a distribution darkframe-taken already (1.0 is installed)" in refused["taken"].stderr
    assert "a module darkframe_importable already" in refused["importable"].stderr
    assert {told.exit_code for told in refused.values()} == {2}


def test_a_second_one_of_the_same_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_plugin("source", "fresh-thing").exit_code == 0
    assert "There is a folder darkframe-fresh-thing already" in new_plugin("source", "fresh-thing").stderr


def test_an_unknown_kind_is_refused():
    told = new_plugin("clusterers", "fresh-thing")
    assert told.exit_code == 2 and "'clusterers' is not one of" in told.stderr


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write anywhere, and setpriv is not there")
def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path):
    parent = tmp_path / "locked"
    parent.mkdir(mode=0o555)
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []  # root without its powers
    run = [*bare, sys.executable, "-m", "darkframe", "new-plugin", "clusterer", "fresh-thing", "--out", str(parent / "it")]
    told = subprocess.run(run, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert f"{parent} is not writable" in told.stderr
    assert not list(parent.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path):
    with file_size_limit(1500):
        told = new_plugin("clusterer", "fresh-thing", "--out", tmp_path / "it")
    assert told.exit_code == 2 and "disk is full" in told.stderr
    assert list(tmp_path.iterdir()) == []
    assert new_plugin("clusterer", "fresh-thing", "--out", tmp_path / "it").exit_code == 0


def test_what_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(self, *_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    told = new_plugin("clusterer", "fresh-thing", "--out", tmp_path / "it")
    assert told.exit_code == 130
    assert list(tmp_path.iterdir()) == []
