"""What ``darkframe describe`` tells of an installed plugin: what it declares, what its class can do, where its code lies."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from darkframe.errors import PluginError
from darkframe.output import captured_output
from darkframe.plugin import ClustererInfo, SourceInfo

if TYPE_CHECKING:
    from darkframe.registry import Found

CAN: Mapping[str, Mapping[str, str]] = {
    "source": {
        "lacks": "says which parts it lacks as it is set",
        "wiring": "says how it uses its SAE, for 'darkframe doctor'",
        "losses": "predicts tokens, for the spliced loss of 'darkframe doctor'",
        "fetch": "downloads beforehand, with 'darkframe fetch'",
    },
    "decomposer": {},
    "clusterer": {
        "partial_fit": "goes on learning, for 'darkframe track'",
        "predict": "places new vectors",
        "matches": "says how well vectors match each cluster",
        "state": "gives its fitted model, to be kept",
        "restore": "opens a kept model again",
        "boxes": "gives the boxes of its clusters",
    },
}
"""Optional methods by kind, in words."""

_DOCS = ("documentation", "docs")
_HOME = ("homepage", "home-page", "source", "source code", "repository")
"""Labels of project URLs, the best first."""


def describe(found: Found) -> dict[str, Any]:
    """Everything but the parameters; whatever fails in the plugin is said under ``fault``."""
    info = found.info
    record: dict[str, Any] = {"kind": found.kind, "name": found.name, "summary": info.summary}
    if info.deprecated is not None:
        record["deprecated"] = info.deprecated.sentence(f"The {found.kind} {found.name!r}", found.distribution)
    record["from"] = f"{found.distribution} {found.version}, entry point {found.entry_point}"
    record |= {"distribution": found.distribution, "version": found.version, "entry_point": found.entry_point}
    record |= {"class": info.target, "api": info.api}
    record |= _declared(found)
    record |= _loaded(found)
    record["hooks"] = _hooks(found.module)
    record["docs"] = docs_of(info.docs, found.distribution)
    if info.install_hint:
        record["needs"] = info.install_hint
    record["expected_failures"] = dict(info.expected_failures)
    return record


def _declared(found: Found) -> dict[str, Any]:
    """What only one kind of plugin declares."""
    info = found.info
    if isinstance(info, ClustererInfo) and info.vigilance:
        tighter = {"rising": "higher", "falling": "lower"}[info.vigilance]
        return {"vigilance": f"{info.vigilance}: {tighter} rho is tighter"}
    if not isinstance(info, SourceInfo):
        return {}
    where = ", each where its parameters name it" if info.partial else ""
    tokens = "all the text holds" if info.default_tokens is None else f"{info.default_tokens:,}"
    record = {"gives": ", ".join(info.capabilities) + where, "tokens by default": tokens}
    return record | ({"tracked over": info.over} if info.over else {})


def _loaded(found: Found) -> dict[str, Any]:
    """What only the class can say: its optional methods, and where its code is; or why it cannot be loaded."""
    try:
        target = found.load()
    except PluginError as error:
        return {"fault": error.message}
    with captured_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        able = _able(found, target)
        can = {name: words for name, words in CAN[found.kind].items() if callable(getattr(able, name, None))}
        return {"can": can, "code": _code(target)}


def _able(found: Found, target: type[Any]) -> Any:
    """Whose methods count: a clusterer may have some only where its parameters say so; else the class's."""
    if found.kind == "clusterer":
        with suppress(Exception, SystemExit):
            return target(found.info.params())
    return target


def _code(target: type[Any]) -> str:
    """``file:line`` of a class; empty where that is not to be had."""
    with suppress(Exception, SystemExit):
        return f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"
    return ""


def _hooks(module: str) -> str:
    """The module of the hooks, and its file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        with suppress(Exception):
            file = getattr(importlib.util.find_spec(module), "origin", None)
    return f"{module} ({Path(file)})" if file else module


def docs_of(docs: str, distribution: str) -> str:
    """Where a plugin's documentation is: its own address, a page of its distribution's documentation, or that itself."""
    if "://" in docs:
        return docs
    base = _address(distribution, _DOCS)
    if not docs:
        return base or _address(distribution, _HOME)
    return urljoin(f"{base.rstrip('/')}/", docs) if base else f"{docs} in the documentation of {distribution}"


def _address(distribution: str, labels: Sequence[str]) -> str:
    """The address that the metadata of a distribution give under one of some labels; empty where there is none."""
    try:
        told = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:
        return ""
    pages = [*(told.get_all("Project-URL") or []), *(f"home-page,{page}" for page in told.get_all("Home-page") or [])]
    urls = {label.strip().lower(): url.strip() for label, _, url in (page.partition(",") for page in pages)}
    return next((urls[label] for label in labels if label in urls), "")


LABELS: tuple[tuple[str, str], ...] = (
    ("summary", ""),
    ("deprecated", ""),
    ("from", "from"),
    ("class", "class"),
    ("code", "code"),
    ("fault", "FAULT"),
    ("needs", "needs"),
    ("hooks", "hooks"),
    ("docs", "docs"),
    ("api", "contracts"),
    ("gives", "gives"),
    ("tokens by default", "tokens by default"),
    ("tracked over", "tracked over"),
    ("vigilance", "vigilance"),
    ("can", "can"),
    ("expected_failures", "expected failures"),
)
"""Entries of the record in the order in which they are printed, and what stands before each."""


def lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(key, text) of what is printed, before it is wrapped; empty entries are left out."""
    told = []
    for key, label in LABELS:
        value = record.get(key)
        if value in (None, "", {}):
            continue
        told.append((key, f"{label}: {_text(key, value)}" if label else str(value)))
    return told


def _text(key: str, value: Any) -> str:
    if key == "api":
        return f"version {value}"
    if key == "can":
        return "; ".join(f"{words} ({name})" for name, words in value.items())
    if key == "expected_failures":
        return "; ".join(f"{name} ({reason})" for name, reason in value.items())
    return str(value)
