"""docs/clusterers.md says what the clusterers are; every public class of artlib is a clusterer or listed with the reason."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from pathlib import Path

import artlib
from support.artlib_cases import INFOS

from darkframe import ClustererInfo
from darkframe.config.parameters import parameters
from darkframe.registry import Registry
from darkframe_artlib.left_out import LEFT_OUT, OFFERED
from darkframe_artlib.plugin import left_out

PAGE = Path(__file__).parent.parent / "docs" / "clusterers.md"


def _public_classes() -> set[str]:
    """Names of all public classes in artlib's files, read and not imported: some need what artlib does not install."""
    spec = importlib.util.find_spec("artlib")
    assert spec is not None and spec.origin is not None
    files = Path(spec.origin).parent.rglob("*.py")
    nodes = (node for file in files for node in ast.parse(file.read_text(encoding="utf-8")).body)
    return {node.name for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}


def _built_in() -> list[ClustererInfo]:
    found = Registry.discover().plugins("clusterer")
    return [plugin.info for plugin in found if plugin.distribution == "darkframe"]  # type: ignore[misc]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def clusterer_row(info: ClustererInfo) -> str:
    """The row of a clusterer in the page's first table."""
    declared = parameters(info.params)
    defaults = ", ".join(f"{name} {parameter.default_text or '(empty)'}" for name, parameter in declared.items())
    return f"| `{info.name}` | {_cell(info.summary)} | {defaults} |"


def vigilance_row(info: ClustererInfo) -> str:
    """Its row in the table of what rho is."""
    return f"| `{info.name}` | {info.vigilance} | {_cell(parameters(info.params)['rho'].help)} |"


def left_out_row(name: str, reason: str) -> str:
    """The row of a class that is no clusterer."""
    return f"| `{name}` | {reason} |"


def test_every_public_class_of_artlib_is_a_clusterer_or_listed_with_the_reason() -> None:
    classes = _public_classes()
    named = {name for name in artlib.__all__ if not name.startswith("_") and isinstance(getattr(artlib, name), type)}
    known = set(OFFERED) | set(LEFT_OUT)
    assert classes | named <= known, f"artlib has classes that are neither offered nor left out: {(classes | named) - known}"
    gone = known - classes - named - {"VAT"}
    assert not gone, f"artlib no longer has {gone}"
    assert not set(OFFERED) & set(LEFT_OUT) and set(OFFERED.values()) == set(INFOS)
    assert left_out is LEFT_OUT and all(reason.endswith(".") for reason in LEFT_OUT.values())


def test_artlib_does_not_install_what_alpha_shapes_need() -> None:
    assert not [needed for needed in importlib.metadata.requires("artlib") or [] if "alphashape" in needed]
    assert "pyalphashape" in LEFT_OUT["AlphaART"] and "pyalphashape" in LEFT_OUT["SphericalAlphaART"]


def test_the_page_has_every_clusterer_its_defaults_and_its_vigilance() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    missing = [row for info in _built_in() for row in (clusterer_row(info), vigilance_row(info)) if row not in page]
    assert not missing, "\n".join(["docs/clusterers.md lacks:", *missing])


def test_the_page_has_every_class_left_out() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    missing = [row for name, reason in LEFT_OUT.items() if (row := left_out_row(name, reason)) not in page]
    assert not missing, "\n".join(["docs/clusterers.md lacks:", *missing])
