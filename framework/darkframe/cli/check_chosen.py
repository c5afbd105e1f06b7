"""What ``darkframe check`` checks: the plugins that a name stands for, with the parameters that are set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from darkframe.api.deprecations import warn_of_deprecated
from darkframe.config import build, parse_set
from darkframe.config.build import did_you_mean
from darkframe.errors import ParameterError, UnknownPluginError
from darkframe.registry import KINDS, Found, Problem, Registry


@dataclass(frozen=True)
class Target:
    """A plugin and what is set of its parameters."""

    found: Found
    label: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """What is checked.

    Attributes:
        targets: The plugins.
        problems: What the registry found wrong with the distributions they are of, or with all.
        notes: What the user should know of the choice.
    """

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def choose(registry: Registry, name: str | None, kind: str | None, settings: Sequence[str]) -> Chosen:
    """The plugins to check.

    Args:
        registry: What is installed.
        name: A plugin's name, ``distribution:name``, a distribution, or an entry point that gives no plugins; None: all.
        kind: Only these.
        settings: ``KIND.KEY=VALUE``, each for the one plugin of that kind among them.

    Raises:
        UnknownPluginError: The name stands for nothing, or nothing is installed.
        ParameterError: A setting fits no plugin, or several.
    """
    plugins = registry.plugins(kind)
    found = [plugin for plugin in plugins if name in (None, plugin.name, plugin.qualified, plugin.distribution)]
    problems = [problem for problem in registry.problems if name is None or _is_of(problem, name, found)]
    if name is not None and not found and not problems:
        raise UnknownPluginError(_unknown(registry, name, kind, plugins), hint="See 'darkframe list-plugins'.")
    if not found and not problems:  # a check of nothing would read like one that was passed
        raise UnknownPluginError(
            f"There is no {kind or 'plugin'} to check.", hint="See 'darkframe list-plugins'; DARKFRAME_PLUGINS selects plugins."
        )
    values = _values(found, settings, name)
    warn_of_deprecated(found if name is not None else (), values)
    targets = (Target(plugin, _label(registry, plugin), values.get(plugin.kind, {})) for plugin in found)
    return Chosen(tuple(targets), tuple(problems), tuple(_notes(found, name)))


def _label(registry: Registry, found: Found) -> str:
    return found.qualified if registry.clashes(found) else found.name


def _is_of(problem: Problem, name: str, found: Iterable[Found]) -> bool:
    names = {problem.distribution, problem.entry_point, f"{problem.distribution}:{problem.entry_point}"}
    if f" {name!r} " in problem.reason:  # a record that cannot be used is known by its problem alone
        return True
    return name in names or problem.distribution in {plugin.distribution for plugin in found}


def _unknown(registry: Registry, name: str, kind: str | None, plugins: Sequence[Found]) -> str:
    others = [plugin.kind for plugin in registry.plugins() if name in (plugin.name, plugin.qualified)]
    if kind is not None and others:
        return f"{name!r} is no {kind}, but a {' and a '.join(others)}."
    known = {plugin.name for plugin in plugins} | {plugin.distribution for plugin in plugins}
    known |= {problem.entry_point for problem in registry.problems} | {problem.distribution for problem in registry.problems}
    what = f"{kind} or distribution" if kind else "plugin or distribution"
    return f"No {what} {name!r} is installed.{did_you_mean(name, sorted(known - {''}))}"


def _notes(found: Sequence[Found], name: str | None) -> Iterable[str]:
    """Say so where one plugin was perhaps meant, and there are several."""
    same = [plugin for plugin in found if plugin.name == name]
    kinds = [kind for kind in KINDS if any(plugin.kind == kind for plugin in same)]
    if len(kinds) > 1:
        yield f"{name!r} is a {' and a '.join(kinds)}; all are checked (--kind chooses one)."
    for kind in kinds:
        offers = [plugin.qualified for plugin in same if plugin.kind == kind]
        if len(offers) > 1:
            yield f"Several distributions offer a {kind} {name!r}; all are checked ({', '.join(offers)})."


def _values(found: Sequence[Found], settings: Sequence[str], name: str | None) -> dict[str, dict[str, Any]]:
    """Settings by kind, each checked against the plugin it is for."""
    chosen = {kind: values for kind, values in parse_set(settings).items() if values}
    for kind, values in chosen.items():
        first = next(iter(values))
        if kind not in KINDS:
            raise ParameterError(f"{kind}.{first} means nothing here: darkframe check takes parameters of the plugin it checks.")
        of_kind = [plugin for plugin in found if plugin.kind == kind]
        if len(of_kind) != 1:
            many = f"stands for {len(of_kind)} {kind}s" if of_kind else f"is no {kind}"
            what = f"{name!r} {many}" if name else f"all {len(of_kind)} {kind}s are checked"
            raise ParameterError(f"{kind}.{first} is set, but {what}.", hint=f"Name the one {kind} that it belongs to.")
        build(of_kind[0].info.params, values, kind=kind, owner=f"{kind} {of_kind[0].name!r}")
    return chosen
