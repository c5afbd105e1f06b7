"""The reference of the built-in plugins and of the studies: every parameter, as it is declared."""

from __future__ import annotations

from typing import Any

from darkframe.config import Parameter, RunOptions, StudyParams, TaxonomyParams, grouped, parameters
from darkframe.config.parameters import as_text
from darkframe.config.quick import QUICK_STUDY, QUICK_TAXONOMY, QUICK_TOKENS
from darkframe.registry import Found, Registry
from tools.reference_markdown import inline, page, table

KINDS = ("source", "decomposer", "clusterer")
DISTRIBUTION = "darkframe"


def plugins() -> str:
    """reference/plugins.md."""
    found = Registry.discover({"DARKFRAME_PLUGINS": DISTRIBUTION})
    intro = (
        "Every parameter of the studies and of the plugins that come with darkframe, as `darkframe "
        "describe` lists them. One is "
        "set with `--set kind.name=value`, in the `[kind]` table of a config file, or with "
        '`set={"kind.name": value}` in Python.'
    )
    parts = [intro, *_studies()]
    for kind in KINDS:
        parts.append(f"## {kind.capitalize()}s")
        for plugin in found.plugins(kind):
            parts += _plugin(plugin)
    return page("Parameters", *parts)


def _studies() -> list[str]:
    quick = "; ".join(
        f"`{kind}.{name}={as_text(value)}`"
        for kind, of in (("study", QUICK_STUDY), ("taxonomy", QUICK_TAXONOMY))
        for name, value in of.items()
    )
    return [
        "## Studies",
        f"`--quick` lowers what is not set: at most {QUICK_TOKENS:,} tokens, {quick}.",
        "### run",
        "Options of the run itself, also the `[run]` table of a config file.",
        *_parameters("run", RunOptions),
        "### study",
        "The dark-matter study: [figure by figure](../dark-matter-study.md).",
        *_parameters("study", StudyParams),
        "### taxonomy",
        "The taxonomy study: [figure by figure](../taxonomy-study.md).",
        *_parameters("taxonomy", TaxonomyParams),
    ]


def _plugin(found: Found) -> list[str]:
    info: Any = found.info
    facts = [f"Class `{info.target}`."]
    if found.kind == "source":
        facts.append(
            "Gives "
            f"{', '.join(info.capabilities)}{', each where its parameters name it' if info.partial else ''}."
        )
        tokens = info.default_tokens
        facts.append(f"Tokens by default: {'all the text holds' if tokens is None else f'{tokens:,}'}.")
        if info.over:
            facts.append(f"Tracked over `{info.over}`.")
    if found.kind == "clusterer" and info.vigilance:
        facts.append(f"Tighter when `rho` is {info.vigilance}.")
    if info.install_hint:
        facts.append(f"Needs: {info.install_hint}.")
    facts += [
        f"Does not pass the check `{name}`: {reason}" for name, reason in info.expected_failures.items()
    ]
    declared = _parameters(found.kind, info.params) or ["No parameters."]
    return [f"### {found.kind} {found.name}", info.summary, " ".join(facts), *declared]


def _parameters(kind: str, params: type[Any]) -> list[str]:
    declared = parameters(params)
    parts = []
    for group in grouped(params):
        if group.title:
            parts.append(f"*{group.title}:*")
        rows = (_row(kind, declared[name]) for name in group.names)
        parts.append(table(("parameter", "default", "accepts", ""), rows))
    return [part for part in parts if part]


def _row(kind: str, parameter: Parameter) -> tuple[str, str, str, str]:
    unit = f" ({parameter.unit})" if parameter.unit else ""
    default = inline(parameter.default_text) or "(empty)"
    return inline(f"{kind}.{parameter.name}"), default, parameter.accepts + unit, parameter.help
