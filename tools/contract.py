"""The contracts as they are recorded in ``tests/contract_v<API_VERSION>.json``, and what changes break them.

python tools/contract.py          record what was added; refuses where something breaks
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import darkframe
import darkframe.progress
from darkframe import hookspecs, interfaces, plugin

Signature = list[list[Any]]
"""Each parameter's name, ``positional`` or ``keyword``, and its default as Python writes it (None: none)."""

RECORD = Path(__file__).parents[1] / "tests" / f"contract_v{plugin.API_VERSION}.json"
PUBLIC = ("darkframe", "darkframe.interfaces", "darkframe.adapters", "darkframe.errors", "darkframe.testing")
"""Modules whose names plugins and their tests may use."""

OURS = ("Rows", "ClustererMaker", "Progress", "Task")
"""Protocols that the framework implements; plugins implement the others, and lack what is added to those."""

_SPECIAL = ("__len__", "__getitem__", "__array__", "__call__")


def contract() -> dict[str, Any]:
    """Everything that a plugin can rely on, as plain data."""
    classes = [getattr(interfaces, name) for name in interfaces.__all__ if hasattr(interfaces, name)]
    classes += [darkframe.SourceInfo, darkframe.DecomposerInfo, darkframe.ClustererInfo, darkframe.Deprecated]
    classes += [darkframe.progress.Progress, darkframe.progress.Task]
    found = [each for each in classes if inspect.isclass(each)]
    hooks = {name: spec for name, spec in vars(hookspecs).items() if name.startswith("darkframe_")}
    return {
        "api": plugin.API_VERSION,
        "names": {module: _names(module) for module in PUBLIC},
        "hooks": {name: [parameter[0] for parameter in _signature(spec)] for name, spec in hooks.items()},
        "functions": {"darkframe.param": _signature(darkframe.param)},
        "records": {c.__name__: _record(c) for c in found if dataclasses.is_dataclass(c)},
        "protocols": {c.__name__: _protocol(c) for c in found if not dataclasses.is_dataclass(c)},
    }


def _names(module: str) -> list[str]:
    loaded = importlib.import_module(module)
    own = [name for name, value in vars(loaded).items() if getattr(value, "__module__", None) == module]
    return sorted(name for name in getattr(loaded, "__all__", own) if not name.startswith("_"))


def _signature(function: Any) -> Signature:
    parameters = inspect.signature(function).parameters.values()
    return [[p.name, _kind(p), None if p.default is p.empty else repr(p.default)] for p in parameters]


def _kind(parameter: inspect.Parameter) -> str:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return "any"
    return "keyword" if parameter.kind is parameter.KEYWORD_ONLY else "positional"


def _record(cls: type[Any]) -> dict[str, Any]:
    return {"fields": _signature(cls), "members": _members(cls)}


def _protocol(cls: type[Any]) -> dict[str, Any]:
    return {"attributes": sorted(inspect.get_annotations(cls)), "members": _members(cls)}


def _members(cls: type[Any]) -> dict[str, Signature | str]:
    """Public methods with their signatures, and properties, of a class and of ours that it is made of."""
    members: dict[str, Signature | str] = {}
    for part in reversed(cls.__mro__):
        if part.__module__.startswith("darkframe"):
            members |= dict(_own_members(part))
    return dict(sorted(members.items()))


def _own_members(cls: type[Any]) -> Iterator[tuple[str, Signature | str]]:
    for name, value in vars(cls).items():
        if name.startswith("_") and name not in _SPECIAL:
            continue
        if isinstance(value, property):
            yield name, "property"
        elif isinstance(value, classmethod | staticmethod) or inspect.isfunction(value):
            yield name, _signature(getattr(cls, name))


# ---------------------------------------------------------------- comparing


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What no longer works for a plugin that was written against ``old``, in sentences."""
    told = []
    for module, names in old["names"].items():
        told += [f"{module}.{name} is gone." for name in names if name not in new["names"].get(module, ())]
    for hook, arguments in old["hooks"].items():
        if hook not in new["hooks"]:
            told.append(f"The hook {hook} is gone.")
            continue
        lost = [name for name in arguments if name not in new["hooks"][hook]]
        told += [f"The hook {hook} no longer gives {name!r}." for name in lost]
    for name, signature in old["functions"].items():
        told += _changed(f"{name}()", signature, new["functions"].get(name))
    for name, record in old["records"].items():
        told += _record_breaks(name, record, new["records"].get(name))
    for name, protocol in old["protocols"].items():
        told += _protocol_breaks(name, protocol, new["protocols"].get(name))
    return told


def _record_breaks(name: str, old: dict[str, Any], new: dict[str, Any] | None) -> list[str]:
    if new is None:
        return [f"The record {name} is gone."]
    return _changed(name, old["fields"], new["fields"]) + _member_breaks(name, old["members"], new["members"])


def _protocol_breaks(name: str, old: dict[str, Any], new: dict[str, Any] | None) -> list[str]:
    if new is None:
        return [f"The protocol {name} is gone."]
    told = [f"{name}.{each} is gone." for each in old["attributes"] if each not in new["attributes"]]
    told += _member_breaks(name, old["members"], new["members"])
    if name in OURS:
        return told
    added = [
        *(set(new["attributes"]) - set(old["attributes"])),
        *(new["members"].keys() - old["members"].keys()),
    ]
    told += [f"{name}.{each} was added, which plugins written before have not." for each in sorted(added)]
    for member, signature in old["members"].items():
        before, after = {p[0] for p in signature}, {p[0] for p in new["members"].get(member, ())}
        told += [f"{name}.{member}() is called with {each!r} too." for each in sorted(after - before)]
    return told


def _member_breaks(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    told = []
    for member, signature in old.items():
        if member not in new:
            told.append(f"{name}.{member} is gone.")
        elif isinstance(signature, str) or isinstance(new[member], str):
            told += [] if signature == new[member] else [f"{name}.{member} is another kind of member."]
        else:
            told += _changed(f"{name}.{member}()", signature, new[member])
    return told


def _changed(what: str, old: Signature, new: Signature | None) -> list[str]:
    """What no longer works for those who call something with ``old`` parameters."""
    if new is None:
        return [f"{what} is gone."]
    told, now = [], {parameter[0]: parameter for parameter in new}
    for name, kind, default in old:
        if name not in now:
            told.append(f"{what} no longer takes {name!r}.")
            continue
        _, kind_now, default_now = now[name]
        if default is not None and default_now is None:
            told.append(f"{what} cannot be used without {name!r} any more.")
        elif default is not None and default_now != default:
            told.append(f"{what} has another default for {name!r}: {default_now}, not {default}.")
        if kind == "positional" and kind_now != "positional":
            told.append(f"{what} takes {name!r} by keyword only.")
    before, after = _positional(old), _positional(new)
    if set(before) <= set(after) and after[: len(before)] != before:
        told.append(
            f"{what} takes its arguments in another order: {', '.join(after)}, not {', '.join(before)}."
        )
    needed = [p[0] for p in new if p[2] is None and p[1] != "any" and p[0] not in {q[0] for q in old}]
    return told + [f"{what} cannot be used without {name!r}, which is new." for name in needed]


def _positional(signature: Signature) -> list[str]:
    return [name for name, kind, _ in signature if kind == "positional"]


def text(record: dict[str, Any]) -> str:
    """The record as JSON with one parameter a line."""
    written = json.dumps(record, indent=1)
    return (
        re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", written)
        + "\n"
    )


def main() -> None:
    """Record the contracts as they are."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    now = json.loads(json.dumps(contract()))
    if RECORD.is_file():
        broken = breaks(json.loads(RECORD.read_text(encoding="utf-8")), now)
        if broken:
            advice = "Put that right, or raise darkframe.API_VERSION."
            raise SystemExit("\n".join(["This breaks plugins:", *broken, advice]))
    RECORD.write_text(text(now), encoding="utf-8")
    print(f"Recorded in {RECORD}.")


if __name__ == "__main__":
    main()
