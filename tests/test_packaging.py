"""What is built carries everything; see ``test_lifting`` for each plugin built alone."""

import zipfile
from pathlib import Path

import pytest
from support.venvs import build_wheel

import darkframe

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


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
    templates = [path for path in (ROOT / "framework/darkframe/scaffold/templates").rglob("*") if path.is_file()]
    assert templates and {path.relative_to(ROOT / "framework").as_posix() for path in templates} <= names
    assert "darkframe = darkframe.cli:main" in entry_points
    assert not [name for name in names if name.startswith(("tests/", "tools/", "plugins/")) or name.endswith(".pyc")]


def test_the_shipped_model_stays_small() -> None:
    files = [file for file in (ROOT / "plugins/sources/darkframe_tiny/assets").rglob("*") if file.is_file()]
    assert 1e6 < sum(file.stat().st_size for file in files) <= 15e6


def test_every_public_name_is_there():
    assert all(getattr(darkframe, name) is not None for name in darkframe.__all__)
