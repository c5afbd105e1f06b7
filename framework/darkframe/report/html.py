"""HTML from neutral tables; every text that came from elsewhere goes through ``escaped``."""

from __future__ import annotations

import base64
import html

from darkframe.report.table import Column, Table
from darkframe.report.text import visible


def escaped(text: object) -> str:
    """Text as HTML text or attribute value: inert, control characters visible."""
    return html.escape(visible(str(text)), quote=True)


def cell(column: Column, text: str) -> str:
    """One table cell; its text isolated, so that right-to-left writing stays inside."""
    kind = "n" if column.is_numeric else "t" if column.format == "token" else "w" if len(text) > 40 else ""
    opening = f'<td class="{kind}">' if kind else "<td>"
    return f"{opening}<bdi>{escaped(text)}</bdi></td>"


def table_html(table: Table) -> str:
    """A table with its header; titles and captions are the caller's."""
    heads = []
    for column in table.columns:
        kind = ' class="n"' if column.is_numeric else ""
        hint = f' title="{escaped(column.help)}"' if column.help else ""
        heads.append(f'<th scope="col"{kind}{hint}>{escaped(column.title)}</th>')
    rows = ["<tr>" + "".join(cell(c, text) for c, text in zip(table.columns, row)) + "</tr>" for row in table.formatted()]
    return f'<div class="scroll"><table><thead><tr>{"".join(heads)}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def image(data: bytes, mime: str, alt: str) -> str:
    """A picture within the page itself."""
    return f'<img alt="{escaped(alt)}" src="data:{mime};base64,{base64.b64encode(data).decode("ascii")}">'
