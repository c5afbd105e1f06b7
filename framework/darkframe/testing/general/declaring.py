"""Checks of what a plugin declares beside its parameters: summary, documentation, version of the contracts."""

from __future__ import annotations

from urllib.parse import urlsplit

from darkframe.plugin import API_VERSION, OLDEST_API_VERSION
from darkframe.testing.checks import require
from darkframe.testing.kit import GENERAL
from darkframe.testing.subject import Subject

LONGEST = 160
"""Letters of a summary: what a terminal shows of it in two lines."""


@GENERAL()
def summary_is_one_sentence(plugin: Subject) -> None:
    """Its summary is one line of text with a full stop, short enough for a list."""
    summary = plugin.found.info.summary
    require(isinstance(summary, str) and summary.strip(), "It has no summary.")
    require(summary.isprintable() and summary.strip() == summary, f"Its summary, {summary!r}, is not one line of plain text.")
    require(summary.endswith("."), f"Its summary, {summary!r}, does not end with a full stop.")
    require(len(summary) <= LONGEST, f"Its summary has {len(summary)} letters; a list has room for {LONGEST}.")


@GENERAL()
def docs_lead_somewhere(plugin: Subject) -> None:
    """The address of its documentation, if it gives one, is http(s) or a relative path."""
    docs = plugin.found.info.docs
    if not docs:
        return
    require(docs.isprintable() and " " not in docs, f"Its docs, {docs!r}, are no address.")
    try:
        parts = urlsplit(docs)
    except ValueError:
        require(False, f"Its docs, {docs!r}, are no address.")
    address = parts.scheme in ("http", "https") and bool(parts.netloc)
    path = not parts.scheme and not parts.netloc and not docs.startswith(("/", "\\"))
    require(address or path, f"Its docs, {docs!r}, are neither an http(s) address nor a relative path.")


@GENERAL()
def its_api_is_spoken(plugin: Subject) -> None:
    """It is written against a version of the contracts that this darkframe speaks."""
    api = plugin.found.info.api
    spoken = f"this darkframe speaks {OLDEST_API_VERSION} to {API_VERSION}"
    require(type(api) is int, f"Its api is {api!r}, not a whole number; {spoken}.")
    require(OLDEST_API_VERSION <= api <= API_VERSION, f"It is written against version {api} of the contracts; {spoken}.")
