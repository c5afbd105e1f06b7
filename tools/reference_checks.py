"""The reference of the conformance kit: every check, what it promises and whom it applies to."""

from __future__ import annotations

from collections.abc import Iterable

from darkframe import testing
from darkframe.testing.kit import GENERAL, KINDS, Check
from tools.reference_docstrings import markdown, parse
from tools.reference_markdown import details, doc_of, inline, page, table

TITLES = {"source": "Sources", "decomposer": "Decomposers", "clusterer": "Clusterers"}


def checks() -> str:
    """reference/checks.md."""
    intro = parse(testing.__doc__).text
    parts = [intro, _capabilities(), "## Every plugin", _table(GENERAL)]
    for kind, of in KINDS.items():
        parts += [f"## {TITLES[kind]}", _table(of)]
    return page("Conformance checks", *parts, "## From Python", *_functions())


def _capabilities() -> str:
    said = "; ".join(
        f"a {kind}: {', '.join(map(inline, names)) or 'none'}" for kind, names in testing.CAPABILITIES.items()
    )
    return f"Some checks apply only where a plugin has a capability. There are, of {said}."


def _table(checks_: Iterable[Check]) -> str:
    rows = [(inline(c.name), _promise(c), ", ".join(map(inline, sorted(c.needs)))) for c in checks_]
    return table(("check", "promise", "where the plugin has"), rows) or "None yet."


def _promise(check: Check) -> str:
    return markdown(check.summary)


def _functions() -> list[str]:
    functions = (
        testing.subject,
        testing.parametrize_with_checks,
        testing.checks_of,
        testing.number_of_checks,
        testing.run,
    )
    parts = []
    for function in functions:
        doc = doc_of(function)
        parts += [f"### {function.__name__}", doc.text, details(doc)]
    return parts
