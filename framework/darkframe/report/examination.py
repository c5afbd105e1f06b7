"""An examination as a neutral table."""

from __future__ import annotations

from darkframe.report.table import Column, Table
from darkframe.results import Examination

_SIGNS = {"wrong": "WRONG", "doubtful": "doubtful", "pass": "pass", "not known": "–"}


def examination_table(examination: Examination) -> Table:
    """Every check: what was found, what was expected and by whom; and the likely cause of what is amiss."""
    columns = (
        Column("name", "key", priority=3),
        Column("title", "check"),
        Column("verdict", "verdict"),
        Column("found", "found"),
        Column("expected", "expected"),
        Column("by", "says who", priority=1),
        Column("cause", "likely cause", priority=2),
    )
    rows = tuple(
        (c.name, c.title, _SIGNS[c.verdict], c.found, c.expected or None, c.by or None, c.cause or None)
        for c in examination.checks
    )
    where = f"on {examination.tokens:,} tokens" if examination.tokens else "without tokens"
    return Table("doctor", f"Is the SAE wired as it was trained? {where}", columns, rows)
