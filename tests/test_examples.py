"""The example plugins: each is built, installed beside darkframe in an environment of its own, tested, checked and run."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from support.venvs import Venv, build_wheel

EXAMPLES = Path(__file__).parent.parent / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))
KINDS = {"darkframe-hdbscan": "clusterer", "darkframe-sparsepca": "decomposer"}


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def plugin(folder):
    [name] = project(folder)["entry-points"]["darkframe"]
    return name


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """With every example in it, from its wheel."""
    base = tmp_path_factory.mktemp("examples")
    made = Venv(base / "venv", darkframe=True)
    for folder in FOLDERS:
        made.run("pip", "install", "--quiet", "--no-deps", build_wheel(folder, base / folder.name))
    return made


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    return {"DARKFRAME_CACHE": str(tmp_path_factory.mktemp("cache")), "OMP_NUM_THREADS": "1"}


def test_every_example_is_known_here():
    assert {folder.name for folder in FOLDERS} == set(KINDS)
    for folder in FOLDERS:
        assert project(folder)["name"] == folder.name
        assert any(re.match(r"darkframe>=\d", need) for need in project(folder)["dependencies"])
        assert {"README.md", "LICENSE", ".gitignore", "src", "tests"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_own_tests_pass_without_a_skip(folder, venv, env, tmp_path):
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", folder, "-c", folder / "pyproject.toml"]
    done = venv.run("pytest", *options, folder / "tests", cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1", **env)
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"\d+ passed in .*", last), last
    assert int(last.split()[0]) > 30


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_listed_with_its_distribution_and_passes_the_check(folder, venv, env):
    listed = venv.run("darkframe", "list-plugins", "--json", **env)
    found = [p for p in json.loads(listed.stdout)["plugins"] if p["name"] == plugin(folder)]
    assert [(p["kind"], p["distribution"], p["version"]) for p in found] == [(KINDS[folder.name], folder.name, "0.1.0")]
    checked = venv.run("darkframe", "check", plugin(folder), check=False, **env)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_hdbscan_runs_on_tiny_and_its_noise_is_shown(venv, env, tmp_path):
    settings = {"clusterer.min_samples": 1, "clusterer.cluster_selection_method": "leaf", "taxonomy.sample": 900}
    settings |= {"taxonomy.nulls": 2, "taxonomy.orders": 2, "taxonomy.embedding_rows": 0, "taxonomy.lens_clusters": 5}
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    done = venv.run("darkframe", "run", "--clusterer", "hdbscan", "--out", tmp_path / "run", *given, cwd=tmp_path, **env)
    [level] = json.loads((tmp_path / "run" / "taxonomy.json").read_text())["levels"]
    assert level["clusters"] > 5 and 300 < level["noise"] < 900
    labels = [line.split(",")[1] for line in (tmp_path / "run" / "labels.csv").read_text().splitlines()[1:]]
    assert labels.count("-1") == level["noise"] and len(labels) == 900
    noise = f"{level['noise']} ({level['noise'] / 9:.1f} %)"
    assert re.search(rf"L0 noise, in no cluster +{re.escape(noise)}", done.stdout)
    assert "are noise" in (tmp_path / "run" / "taxonomy.html").read_text()
    shown = venv.run("darkframe", "explore", tmp_path / "run", "--cluster", "L0:noise", **env).stdout
    assert shown.startswith(f"L0 noise  {level['noise']} features in no cluster")


def test_sparsepca_runs_on_tiny(venv, env, tmp_path):
    settings = ["--set", "decomposer.n_components=8", "--set", "study.nulls=2"]
    venv.run("darkframe", "run", "--decomposer", "sparsepca", "--quick", "--tokens", "6000", "--out", tmp_path / "run", *settings,
             cwd=tmp_path, **env)  # fmt: skip
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    fitted = results["decompose"]
    assert fitted["n_components"] == 8 and fitted["converged"] and 0 < fitted["explained_total"] < 0.5
    assert fitted["details"]["zero loadings"].endswith("%") and float(fitted["details"]["zero loadings"][:-1]) > 10
    assert (tmp_path / "run" / "report.html").is_file()
