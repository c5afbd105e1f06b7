"""A taxonomy on the terminal: its levels, one cluster, one feature. All foreign text arrives as ``Text``, never as markup."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from darkframe.cli.render import console, print_table
from darkframe.report.plain import cell_width
from darkframe.report.taxonomy.exploring import feature_table, noise_table, overview_tables, view_tables
from darkframe.report.taxonomy.words import by_chance, cluster_name, level_label
from darkframe.report.text import count, decimal, share, token_text, visible

if TYPE_CHECKING:
    from rich.console import Console

    from darkframe.report.table import Table
    from darkframe.report.taxonomy.exploring import ClusterView, FeatureView, NoiseView
    from darkframe.results import ClusterRecord, TaxonomyResults, Vote


def print_overview(results: TaxonomyResults, out: Console | None = None) -> None:
    """The levels and the largest clusters of level 0."""
    from darkframe.report.taxonomy.summary import taxonomy_title

    out = out or console()
    out.print(Text(taxonomy_title(results), style="bold"))
    out.print(Text(visible(results.conclusion.headline)))
    levels, largest = overview_tables(results)
    _section(levels.only([c.name for c in levels.columns if c.name != "reason"]), out)
    _section(largest, out)
    noise = results.levels[0].noise
    more = results.levels[0].clusters - len(largest.rows) + bool(noise)
    if more > 0:
        out.print(Text(f"and {count(more)} smaller ones", style="dim"))
    if results.clusters:
        out.print(Text(f"One of them: darkframe explore RUN --cluster {largest.rows[0][0]}", style="dim"))
    if noise:
        out.print(Text("What is in no cluster: darkframe explore RUN --cluster L0:noise", style="dim"))


def print_cluster(view: ClusterView, out: Console | None = None) -> None:
    """One cluster: tokens, votes, quality, where it lies, children, members."""
    out, record = out or console(), view.record
    name = cluster_name(record.level, record.cluster)
    children = f" in {count(record.children)} children" if record.children else ""
    features = "1 feature" if record.size == 1 else f"{count(record.size)} features"
    out.print(Text.assemble((name, "bold cyan"), f"  {features}{children}, {share(view.share)} of all; level {_level(view)}"))
    for above in view.above:
        out.print(_within(above))
    out.print()
    out.print(_tokens(record, out.width))
    if record.votes:
        out.print(_votes(record.votes, out.width))
    quality, below, members = view_tables(view)
    _section(quality, out)
    _section(below, out, _more(len(view.children), record.children, "children"))
    _section(members, out, _more(len(view.members), record.size, "features"))


def _level(view: ClusterView) -> str:
    label = level_label(view.level)
    return label if view.level.beats_null or not view.level.nulls else f"{label}, which does not beat its nulls"


def _more(shown: int, total: int, what: str) -> str:
    return f"{count(shown)} of {count(total)}; --{what} N shows more" if shown < total else ""


def _within(record: ClusterRecord) -> Text:
    text = Text.assemble(("within ", "dim"), (cluster_name(record.level, record.cluster), "cyan"), f"  {count(record.size)}  ")
    text.append("  ".join(token_text(token) for token in record.tokens[:5]), style="dim")
    return text


def _tokens(record: ClusterRecord, width: int) -> Text:
    """Tokens by the differential logit lens, each with its logit."""
    if not record.tokens:
        return Text("Not read by the logit lens.", style="dim")
    return _listed("tokens", [(token_text(t), decimal(logit)) for t, logit in zip(record.tokens, record.logits)], width)


def _votes(votes: Iterable[Vote], width: int) -> Text:
    return _listed("votes", [(token_text(vote.text), f"×{count(vote.members)}") for vote in votes], width)


def _listed(label: str, pairs: Iterable[tuple[str, str]], width: int) -> Text:
    """Tokens with a number each, never apart from it, on lines below one another."""
    text, used = Text(f"{label:<8}", style="dim"), 8
    for token, number in pairs:
        needed = cell_width(f"{token} {number}")
        if used > 8 and used + 3 + needed > width:
            text.append("\n" + " " * 8)
            used = 8
        elif used > 8:
            text.append("   ")
            used += 3
        text.append(token, style="not dim bold")
        text.append(f" {number}")
        used += needed
    return text


def print_noise(view: NoiseView, out: Console | None = None) -> None:
    """The features in no cluster of a level."""
    out, level = out or console(), view.level
    features = "1 feature" if view.size == 1 else f"{count(view.size)} features"
    out.print(
        Text.assemble((cluster_name(level.level, -1), "bold cyan"), f"  {features} in no cluster, {share(view.share)} of all")
    )
    if chance := by_chance(level, lambda quality: quality.noise / max(level.rows, 1), share):
        out.print(Text(f"of rows without structure: {chance}", style="dim"))
    _section(noise_table(view), out, _more(len(view.members), view.size, "features"))


def print_feature(view: FeatureView, out: Console | None = None) -> None:
    """One feature: its own tokens, and its cluster at each level."""
    out = out or console()
    said = "  ".join(token_text(token) for token in view.tokens)
    out.print(Text.assemble((f"feature {view.feature}", "bold cyan"), f"  {said}"))
    if not any(view.clusters):
        out.print(Text("Noise: it is in no cluster" + (" of any level." if len(view.clusters) > 1 else ".")))
    _section(feature_table(view), out)


def _section(table: Table, out: Console, note: str = "") -> None:
    """A table under its title, each row on one line, with what is not shown of it."""
    if not table.rows:
        return
    out.print()
    out.print(Text.assemble((visible(table.title), "bold underline"), (f"  {note}" if note else "", "dim")))
    print_table(_told(table), wrap=False, title=False, out=out)


def _told(table: Table) -> Table:
    """The table without the columns that have no value at all."""
    kept = [c.name for i, c in enumerate(table.columns) if any(_is_told(row[i]) for row in table.rows)]
    return table.only(kept or [table.columns[0].name])


def _is_told(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
