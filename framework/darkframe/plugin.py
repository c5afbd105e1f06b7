"""What a plugin declares: an Info record for each thing it offers, and its parameters, once, with ``param``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from darkframe.deprecation import Deprecated

API_VERSION = 1
"""Version of the contracts that this darkframe speaks: the hooks, the records and the protocols of ``darkframe.interfaces``.

It rises by one when a plugin written against them has to change. What is only added (a hook, an argument of a hook, a field with
a default, an optional method) leaves it as it is.
"""

OLDEST_API_VERSION = 1
"""The oldest version of the contracts whose plugins still work."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class NoParams:
    """For plugins without parameters."""


def param(
    default: Any,
    *,
    help: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[Any] = (),
    unit: str = "",
    may_be: str = "",
    deprecated: Deprecated | None = None,
) -> Any:
    """Declare one parameter as a field of a frozen dataclass.

    One declaration serves ``--set kind.name=value``, the config file, the Python API and ``darkframe describe``.
    Types understood: int, float, bool, str, ``Path``, ``tuple[T, ...]``, ``Literal[...]`` and unions of them, ``None`` included.

    Args:
        default: The default value; it must itself satisfy the bounds.
        help: One line that says what it does.
        ge: Least value allowed; of a tuple, for each element, as the other bounds.
        gt: Bound that it must lie above.
        le: Greatest value allowed.
        lt: Bound that it must lie below.
        choices: The values allowed, if they are few.
        unit: Such as ``"tokens"``, shown by ``describe``.
        may_be: For ``str``: ``"file"`` or ``"folder"`` where it may be a path instead of a name. What is written as a path or is
            an existing file (with ``"folder"``, also an existing folder) is made absolute when it is set, as a ``Path`` always
            is, so that a run can go on from another working folder; a bare word never is.
        deprecated: Where the parameter is to go: whoever sets it is warned, with the version that removes it.
    """
    if may_be not in ("", "file", "folder"):
        raise ValueError(f"may_be is 'file' or 'folder', not {may_be!r}")
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    said = {"help": help, "choices": tuple(choices), "unit": unit, "may_be": may_be, "deprecated": deprecated}
    metadata = {**said, **bounds}
    return dataclasses.field(default=default, metadata={"darkframe": metadata})


@dataclass(frozen=True)
class PluginInfo:
    """What every kind of plugin declares.

    Attributes:
        name: Lower-case letters, digits and hyphens, such as ``fastica``.
        target: ``"package.module:Class"``, imported only when used.
        summary: One line.
        params: A frozen dataclass type whose fields are made with ``param``.
        install_hint: What to install if importing ``target`` fails, such as ``pip install 'pkg[extra]'``.
        docs: Address of its documentation: whole, or a page of what its distribution's metadata name as its documentation
            (``Documentation`` under ``[project.urls]``); empty: that itself.
        api: Version of the contracts it is written against; 1 where it is not said, whatever this darkframe speaks
            (``darkframe.API_VERSION``).
        expected_failures: Checks of ``darkframe.testing`` that it does not pass with its default parameters, each with the
            reason. They are shown by ``darkframe describe``, and are strict: one that does pass, so set, is an error.
        deprecated: Where the plugin is to go: whoever uses it is warned, with the version that removes it.
    """

    kind: ClassVar[str] = ""

    name: str
    target: str
    summary: str
    params: type[Any] = field(default=NoParams)
    install_hint: str = ""
    docs: str = field(default="", kw_only=True)
    api: int = field(default=1, kw_only=True)
    expected_failures: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    deprecated: Deprecated | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"plugin name {self.name!r} must be lower-case letters, digits and hyphens")
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"target {self.target!r} of plugin {self.name!r} must read 'package.module:Class'")
        if not dataclasses.is_dataclass(self.params):
            raise ValueError(f"params of plugin {self.name!r} must be a dataclass made with darkframe.param")


@dataclass(frozen=True)
class SourceInfo(PluginInfo):
    """Declares a source.

    Attributes:
        capabilities: What it gives: activations, dictionary, unembedding, text.
        partial: Whether it gives each of them only where its parameters name it; then it has ``lacks()``
            (``darkframe.interfaces.Partial``).
        default_tokens: How many tokens a run collects where ``--tokens`` does not say; None: all the text holds.
        over: What ``darkframe track`` goes over where ``--over`` does not say: a parameter of the source that names the
            checkpoint, and its values in training order, such as ``"source.checkpoint=0,1,2"``; empty: it must be said.
    """

    kind: ClassVar[str] = "source"
    capabilities: tuple[str, ...] = ("activations", "dictionary", "unembedding", "text")
    partial: bool = False
    default_tokens: int | None = 1_000_000
    over: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.over and not re.fullmatch(r"source\.\w+=.+", self.over):
            raise ValueError(f"over of plugin {self.name!r} must read 'source.KEY=V1,V2,…', not {self.over!r}")


@dataclass(frozen=True)
class DecomposerInfo(PluginInfo):
    """Declares a decomposer."""

    kind: ClassVar[str] = "decomposer"


@dataclass(frozen=True)
class ClustererInfo(PluginInfo):
    """Declares a clusterer.

    Attributes:
        vigilance: How its parameter ``rho`` works, if it has one: ``rising`` (higher is tighter: more and smaller clusters),
            ``falling`` (lower is tighter, as in Bayesian ART), or empty.
    """

    kind: ClassVar[str] = "clusterer"
    vigilance: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vigilance not in ("", "rising", "falling"):
            raise ValueError(f"vigilance of plugin {self.name!r} must be 'rising', 'falling' or empty, not {self.vigilance!r}")
