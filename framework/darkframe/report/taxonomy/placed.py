"""Where the dark components fall in the taxonomy, as tables."""

from __future__ import annotations

from darkframe.report.table import Column, Table
from darkframe.report.taxonomy.words import cluster_name
from darkframe.results import Placement


def placement_table(placement: Placement) -> Table:
    """Level by level, beside what random directions give."""
    names = list(dict.fromkeys(name for level in placement.outside_by_chance for name in level))
    columns = (
        Column("level", "level"),
        Column("outside", "outside", "count", "components that pass no cluster's vigilance"),
        Column("outside_share", "share", "share"),
        *(Column(f"outside_{name}", f"{name} null", "share", f"random directions outside, {name} null") for name in names),
        Column("cosine", "|cos| with nearest", "cosine", "median over the components"),
        *(Column(f"cosine_{name}", f"{name} null", "cosine", f"the same of random directions, {name} null", 1) for name in names),
    )
    total, rows = max(len(placement.components), 1), []
    for level, outside in enumerate(placement.outside):
        away, near = placement.outside_by_chance[level], placement.cosine_by_chance[level]
        beside = ([away.get(name) for name in names], [near.get(name) for name in names])
        rows.append((f"L{level}", outside, outside / total, *beside[0], placement.cosine[level], *beside[1]))
    text = placement.text if not placement.note else f"{placement.text} {placement.note}".strip()
    return Table("placement", "Where the dark components fall", columns, tuple(rows), text)


def placed_table(placement: Placement) -> Table:
    """Component by component: its nearest cluster at each level."""
    levels = len(placement.components[0].levels) if placement.components else 0
    columns = [Column("component", "component", "number"), Column("beats_null", "beats null", "yes-no")]
    for level in range(levels):
        columns += [
            Column(f"cluster_{level}", f"L{level}"),
            Column(f"cosine_{level}", "|cos|", "cosine", "of its direction with the cluster's"),
            Column(f"passes_{level}", "passes", "yes-no", "whether it passes that cluster's vigilance", 1),
            Column(f"known_{level}", "known to", "count", "clusters of the level whose vigilance it passes", 2),
        ]
    columns.append(Column("outside", "outside", "yes-no", "passes no cluster's vigilance at the finest level"))
    rows = []
    for component in placement.components:
        placed: list[object] = []
        for at in component.levels:
            placed += [cluster_name(at.level, at.cluster) if at.cluster >= 0 else "none", at.cosine, at.passes, at.known]
        rows.append((component.component, component.beats_null, *placed, component.outside))
    return Table("placed", "Each dark component's nearest clusters", tuple(columns), tuple(rows))
