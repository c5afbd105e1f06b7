"""What is built carries everything, and a built-in plugin is laid out as an outside one: built alone, unchanged, it works."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import darkframe

ROOT = Path(__file__).parent.parent

FRAMEWORK_ALONE = """
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

PLUGIN_ALONE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "lifted-pca"
version = "7.0"
[project.entry-points.darkframe]
lifted = "darkframe_pca.plugin"
[tool.hatch.build.targets.wheel]
packages = ["darkframe_pca"]
"""

USE_IT = """
import json, numpy as np
from darkframe.interfaces import FitContext
from darkframe.numerics.rows import ArrayRows
from darkframe.registry import Registry
import darkframe
found = Registry.discover().get("decomposer", "pca")
rows = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32) * np.arange(1, 7)
fit = found.load()(found.info.params()).fit(ArrayRows(rows), FitContext(n_components=2))
largest = int(abs(fit.directions[0]).argmax())
print(json.dumps([found.distribution, found.version, darkframe.__file__, fit.patterns.shape, largest]))
"""


def build(folder: Path, into: Path) -> Path:
    """Build the wheel of ``folder`` without network or build isolation."""
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "-w", str(into), str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    [wheel] = into.glob("*.whl")
    return wheel


def alone(folder: Path, package: Path, pyproject: str) -> Path:
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(pyproject)
    return build(folder, folder / "dist")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_carries_the_model_and_the_plugins(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read("darkframe-0.1.0.dist-info/entry_points.txt").decode()
    for part in (
        "model/model.safetensors",
        "model/tokenizer.json",
        "sae/sae_weights.safetensors",
        "sae/cfg.json",
        "MODEL_CARD.md",
    ):
        assert f"darkframe_tiny/assets/{part}" in names
    assert {"darkframe/__init__.py", "darkframe/py.typed", "darkframe_pca/plugin.py", "darkframe_fastica/plugin.py"} <= names
    assert "darkframe = darkframe.cli:main" in entry_points
    assert not [name for name in names if name.startswith(("tests/", "tools/", "plugins/")) or name.endswith(".pyc")]


def test_the_shipped_model_stays_small() -> None:
    files = [file for file in (ROOT / "plugins/sources/darkframe_tiny/assets").rglob("*") if file.is_file()]
    assert 1e6 < sum(file.stat().st_size for file in files) <= 15e6


def test_a_built_in_plugin_works_as_a_package_of_its_own(tmp_path: Path) -> None:
    wheels = [
        alone(tmp_path / "framework", ROOT / "framework/darkframe", FRAMEWORK_ALONE),
        alone(tmp_path / "plugin", ROOT / "plugins/decomposers/darkframe_pca", PLUGIN_ALONE),
    ]
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, *map(str, wheels)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "DARKFRAME_PLUGINS": "lifted-pca"}

    listed = subprocess.run(
        [sys.executable, "-m", "darkframe", "list-plugins", "--json"], env=environment, check=True, capture_output=True, text=True
    )
    assert "lifted-pca" in listed.stdout
    used = subprocess.run([sys.executable, "-c", USE_IT], env=environment, check=True, capture_output=True, text=True)
    distribution, version, origin, shape, largest = json.loads(used.stdout)
    assert (distribution, version) == ("lifted-pca", "7.0")
    assert Path(origin).is_relative_to(site)
    assert shape == [2, 6]
    assert largest == 5


def test_every_public_name_is_there():
    assert all(getattr(darkframe, name) is not None for name in darkframe.__all__)
