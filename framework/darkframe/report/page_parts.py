"""What the pages of all studies are made of: the document, the finding, tables, pictures, files, settings. No scripts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from darkframe.report.html import escaped, image, table_html
from darkframe.report.page_style import CSS
from darkframe.report.table import Table
from darkframe.report.tables import files_table
from darkframe.report.text import format_value, visible
from darkframe.store.atomic import plain

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # no scripts, nothing fetched, whatever the corpus says


def document(title: str, body: Iterable[str]) -> str:
    """A whole page; ``title`` is escaped here, ``body`` is HTML already."""
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escaped(title)}</title><style>{CSS}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def finding(headline: str, text: str, cautions: Iterable[str]) -> str:
    """The verdict in its box, with what weakens it."""
    said = "".join(f'<p class="caution">⚠ {escaped(caution)}</p>' for caution in cautions)
    return f'<div class="finding"><strong>{escaped(headline)}</strong><p>{escaped(text)}</p>{said}</div>'


def navigation(links: Iterable[tuple[str, str]]) -> str:
    """Links (address, heading) in a row."""
    return "<nav>" + " ".join(f'<a href="{escaped(address)}">{escaped(heading)}</a>' for address, heading in links) + "</nav>"


def section(anchor: str, heading: str, text: str, parts: Iterable[str], pictures: Sequence[str]) -> str:
    """A section: its caption, its tables, its pictures side by side where there are several."""
    opening = f'<h2 id="{anchor}">{heading}</h2>' + (f'<p class="caption">{text}</p>' if text else "")
    drawn = f'<div class="two">{"".join(pictures)}</div>' if len(pictures) > 1 else "".join(pictures)
    return opening + "".join(parts) + drawn


def titled(table: Table, *, folded: Collection[str] = (), few: Collection[str] = (), bare: Collection[str] = ()) -> str:
    """A table under its title.

    Args:
        table: What to show.
        folded: Names of tables shown only when clicked on.
        few: Of those shown without their least important columns.
        bare: Of those whose section's heading is title enough.
    """
    caption = f'<p class="caption">{escaped(table.caption)}</p>' if table.caption else ""
    if table.name in few:
        table = table.only([column.name for column in table.columns if column.priority < 3])
    if table.name in folded:
        return f"<details><summary>{escaped(table.title)}</summary>{caption}{table_html(table)}</details>"
    title = "" if table.name in bare else f"<h3>{escaped(table.title)}</h3>"
    return f"{title}{caption}{table_html(table)}"


def picture(path: Path, name: str) -> str:
    """A figure of the run in ``path``, within the page itself; nothing where it was not drawn."""
    for kind, mime in (("svg", "image/svg+xml"), ("png", "image/png")):
        file = path / "figures" / f"{name}.{kind}"
        if file.is_file():
            return image(file.read_bytes(), mime, name.replace("_", " "))
    return ""


def files(path: Path, *but: str) -> str:
    """Links to the run's files."""
    rows = []
    for name, size in files_table(path).rows:
        if name not in but:
            link = f'<a href="{escaped(quote(str(name)))}">{escaped(name)}</a>'
            rows.append(f'<tr><td>{link}</td><td class="n">{format_value("size", size)}</td></tr>')
    table = f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div>'
    where = escaped(visible(str(path)))
    folded = f"<details><summary>{len(rows)} files</summary>{table}</details>"
    return f'<h2 id="files">Files</h2><p class="caption">In {where}</p>{folded}'


def provenance(record: Mapping[str, Any]) -> str:
    """Source, plugin, settings, environment and time, as JSON."""
    lines = json.dumps(plain(record), indent=2, ensure_ascii=False).splitlines()
    text = "\n".join(escaped(line) for line in lines)
    folded = f"<details><summary>Everything that determined the numbers</summary><pre>{text}</pre></details>"
    return f'<h2 id="settings">Settings and environment</h2>{folded}'
