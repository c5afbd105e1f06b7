"""The reference of hooks, contracts and Python functions, from their signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

import darkframe
from darkframe import api, deprecation, errors, hookspecs, interfaces, plugin, progress
from tools.reference_docstrings import parse
from tools.reference_markdown import code, default, details, doc_of, inline, page, signature, table

SHOWN = ("__call__", "__len__", "__getitem__", "__array__")
"""Special methods that belong to a contract."""

DECLARATIONS = (
    plugin.PluginInfo,
    plugin.SourceInfo,
    plugin.DecomposerInfo,
    plugin.ClustererInfo,
    plugin.param,
    plugin.NoParams,
    deprecation.Deprecated,
)

GROUPS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    (
        "Sources",
        "Constructed as `Class(params, context)`.",
        ("Source", "SourceContext", "SourceCard", "Batch", "Codes", "Dictionary", "Unembedding"),
    ),
    (
        "What some sources can do",
        "Optional methods; a source has them or not.",
        ("Partial", "Wired", "Wiring", "Usage", "PublishedFigures", "Predicts", "Fetches", "Fetched"),
    ),
    (
        "Decomposers",
        "Constructed as `Class(params)`.",
        ("Decomposer", "Rows", "FitContext", "Decomposition", "Diagnostics"),
    ),
    ("Clusterers", "Constructed as `Class(params)`.", ("Clusterer", "ClusterContext", "Clustering")),
    (
        "What some clusterers can do",
        "Optional methods; a clusterer has them or not.",
        ("Grows", "Assigns", "Assignment", "Matches", "Boxed", "Keeps", "ClustererMaker"),
    ),
)


def hooks() -> str:
    """reference/hooks.md."""
    names = [name for name in vars(hookspecs) if name.startswith("darkframe_")]
    intro = parse(hookspecs.__doc__).text
    how = (
        "A distribution offers a module with implementations under the entry-point group `darkframe` "
        "([the plugin guide](../plugin-guide.md)). Implementations are marked with "
        "`@darkframe.hookimpl`, are called once when "
        "plugins are looked up, and must import nothing heavy. What they yield is "
        "[declared](contracts.md#declarations)."
    )
    return page("Hooks", intro, how, *(_function(getattr(hookspecs, name), 2) for name in names))


def contracts() -> str:
    """reference/contracts.md."""
    version = (
        f"Version of the contracts: **{plugin.API_VERSION}** (`darkframe.API_VERSION`); plugins written "
        "against "
        f"{plugin.OLDEST_API_VERSION} or later work. It rises by one when a plugin written against them "
        "has to change. What is "
        "only added (a hook, an argument of a hook, a field with a default, an optional method) leaves "
        "it as it is."
    )
    parts = [parse(interfaces.__doc__).text, version, "## Declarations", parse(plugin.__doc__).text]
    parts += [_thing(thing, 3) for thing in DECLARATIONS]
    for title, text, names in GROUPS:
        parts += [f"## {title}", text, *(_thing(getattr(interfaces, name), 3) for name in names)]
    parts += [
        "## Progress",
        parse(progress.__doc__).text,
        _thing(progress.Progress, 3),
        _thing(progress.Task, 3),
    ]
    parts += ["## Errors", parse(errors.__doc__).text, _errors()]
    parts += [
        "## Array types",
        "For annotations, from `darkframe.interfaces.arrays`, which imports numpy.",
        _arrays(),
    ]
    return page("Contracts", *parts)


def python() -> str:
    """reference/python.md."""
    functions = (
        darkframe.run,
        darkframe.sweep,
        darkframe.track,
        darkframe.load,
        darkframe.doctor,
        darkframe.fetch,
    )
    results = (api.RunResult, api.SweepResult, api.TrackResult)
    intro = "What the command does, from Python; `import darkframe` imports nothing heavy."
    offered = [name for name in darkframe.__all__ if name not in api.__all__]
    others = (
        "What plugins need is offered by `darkframe` too: "
        + ", ".join(map(inline, offered))
        + "; see [contracts](contracts.md)."
    )
    parts = [_function(function, 2, f"darkframe.{function.__name__}") for function in functions]
    return page(
        "Python",
        intro,
        *parts,
        "## Results",
        *(_thing(record, 3) for record in results),
        "## The rest",
        others,
    )


def _function(function: Any, level: int, name: str = "") -> str:
    doc = doc_of(function)
    heading = f"{'#' * level} {name or function.__name__}"
    return "\n\n".join(
        filter(None, [heading, code(signature(function, name), "python"), doc.text, details(doc)])
    )


def _thing(thing: Any, level: int) -> str:
    return _class(thing, level) if isinstance(thing, type) else _function(thing, level)


def _class(cls: type[Any], level: int) -> str:
    doc = doc_of(cls)
    said = doc.definitions()
    parts = [f"{'#' * level} {cls.__name__}", _bases(cls), doc.text]
    if dataclasses.is_dataclass(cls):
        parts.append(_fields(cls, said))
    else:
        rows = [(inline(name), inline(_type(cls, name)), text) for name, text in said.items()]
        parts.append(table(("attribute", "type", ""), rows))
    parts += [
        _property(name, member)
        for name, member in vars(cls).items()
        if isinstance(member, property) and name[0] != "_"
    ]
    parts += [_method(name, member) for name, member in vars(cls).items() if _is_method(name, member)]
    return "\n\n".join(filter(None, parts))


def _type(cls: type[Any], name: str) -> str:
    return str(inspect.get_annotations(cls).get(name, ""))


def _bases(cls: type[Any]) -> str:
    """What a declaration shares with another one."""
    shared = [base.__name__ for base in cls.__mro__[1:] if dataclasses.is_dataclass(base)]
    return f"All of [`{shared[0]}`](#{shared[0].lower()}), and:" if shared else ""


def _fields(cls: type[Any], said: dict[str, str]) -> str:
    own = inspect.get_annotations(cls)
    inherited = {
        field.name
        for base in cls.__mro__[1:]
        if dataclasses.is_dataclass(base)
        for field in dataclasses.fields(base)
    }
    rows = []
    for field in dataclasses.fields(cls):
        if field.name in own and field.name not in inherited:
            if field.name not in said:
                raise ValueError(f"the docstring of {cls.__name__} does not say what {field.name} is")
            rows.append((inline(field.name), inline(str(field.type)), default(field), said[field.name]))
    return table(("field", "type", "default", ""), rows)


def _is_method(name: str, member: Any) -> bool:
    callable_ = isinstance(member, types.FunctionType | classmethod | staticmethod)
    return callable_ and (not name.startswith("_") or name in SHOWN) and bool(inspect.getdoc(member))


def _property(name: str, member: property) -> str:
    returned = inspect.get_annotations(member.fget).get("return", "") if member.fget else ""
    return f"**`{name}`**: `{returned}`. {parse(member.__doc__).text}"


def _method(name: str, member: Any) -> str:
    function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    doc = doc_of(function)
    return "\n\n".join(
        filter(None, [f"**`{name}`**", code(signature(function, name), "python"), doc.text, details(doc)])
    )


def _errors() -> str:
    classes = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.DarkframeError)
    ]
    rows = []
    for cls in classes:
        bases = ", ".join(inline(base.__name__) for base in cls.__bases__)
        rows.append((inline(cls.__name__), bases, str(cls.exit_code), doc_of(cls).summary))
    return table(("error", "is a", "the command exits with", "when"), rows)


def _arrays() -> str:
    from darkframe.interfaces import arrays

    names = (name for name in vars(arrays) if get_origin(getattr(arrays, name)) is not None)
    return table(
        ("name", "numpy array of"), ((inline(name), inline(_dtype(getattr(arrays, name)))) for name in names)
    )


def _dtype(array: Any) -> str:
    (scalar,) = get_args(get_args(array)[1])
    return str(scalar.__name__)


def undocumented() -> Iterable[str]:
    """Names of ``darkframe.interfaces`` that the page leaves out."""
    known = {name for _, _, names in GROUPS for name in names} | {"F32", "F64", "I32", "I64", "Bool"}
    return sorted(set(interfaces.__all__) - known)
