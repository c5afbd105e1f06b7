"""Tables of the match with the dictionary: counts against the nulls, the nulls themselves, and the components."""

from __future__ import annotations

from typing import Any

from darkframe.report.table import Column, Table
from darkframe.results import ComponentMatch, DarkMatterResults, NullSummary

NULLS = ("isotropic", "rotation", "elliptical")


def match_table(results: DarkMatterResults) -> Table:
    """Step 6: how many components are novel, partial and known, and how many a null of as many directions would show."""
    match = results.match
    total = len(match.components)
    names = [name for name in NULLS if name in match.expected_novel]
    columns = (
        Column("label", "label"),
        Column("rule", "max |cos|"),
        Column("components", "components", "count"),
        Column("share", "share", "share", priority=2),
        *(
            Column(f"expected_{name}", f"{name} null", "tenths", "expected number under this null", _priority(name))
            for name in names
        ),
        Column("beyond_null", "beyond null", "count", "and not explained by the null"),
    )
    rows = (
        (
            "novel",
            f"≤ {match.novel_cut:g}",
            match.novel,
            _of(match.novel, total),
            *(match.expected_novel[name] for name in names),
            match.novel_beyond_null,
        ),
        (
            "partial",
            f"{match.novel_cut:g}–{match.known_cut:g}",
            match.partial,
            _of(match.partial, total),
            *(None for _ in names),
            None,
        ),
        (
            "known",
            f"> {match.known_cut:g}",
            match.known,
            _of(match.known, total),
            *(None for _ in names),
            match.known_beyond_null,
        ),
    )
    caption = (
        "max |cos| of each component's direction over every decoder direction. Null columns: how many of as many directions "
        f"would be novel by chance. Beyond null: novel and beating the null, or known beyond the null's cut. {match.null_note}"
    )
    return Table("match", "Components against the dictionary", columns, rows, caption)


def _of(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def nulls_table(results: DarkMatterResults) -> Table:
    """What chance gives, for every figure that has nulls."""
    columns = (
        Column("figure", "figure"),
        Column("null", "null"),
        Column("title", "what it is", priority=2),
        Column("draws", "draws", "count", priority=1),
        Column("mean", "mean", "decimal", priority=1),
        Column("median", "median", "decimal"),
        Column("q05", "5 %", "decimal"),
        Column("q95", "95 %", "decimal"),
        Column("min", "min", "decimal", priority=3),
        Column("max", "max", "decimal", priority=3),
    )

    def row(figure: str, n: NullSummary) -> tuple[Any, ...]:
        return (figure, n.name, n.title, n.draws, n.mean, n.median, n.q05, n.q95, n.min, n.max)

    rows = [row("max |cos|", null) for null in results.match.nulls] + [row("kurtosis", null) for null in results.compare.nulls]
    return Table("nulls", "What chance gives", columns, tuple(rows), "Distribution of each figure under each null.")


def component_tables(results: DarkMatterResults) -> list[Table]:
    """All components, the most novel and the most known."""
    match = results.match
    by_number = {c.component: c for c in match.components}
    novel = [by_number[i] for i in match.most_novel]
    known = [by_number[i] for i in match.most_known]
    return [
        component_table(results, list(match.components), "components", "All components"),
        component_table(results, novel, "most_novel", "Most novel components"),
        component_table(results, known, "most_known", "Most known components"),
    ]


def component_table(results: DarkMatterResults, components: list[ComponentMatch], name: str, title: str) -> Table:
    """Components with their similarity, kurtosis and stability, each beside its quantile in the nulls."""
    cosine_nulls = [null for null in NULLS if any(null in c.quantiles for c in results.match.components)]
    kurtosis_nulls = [null for null in NULLS if any(null in c.kurtosis_quantiles for c in results.match.components)]
    columns = (
        Column("component", "#", "number"),
        Column("label", "label"),
        Column("cosine", "max |cos|", "cosine"),
        Column("feature", "feature", "number", "the decoder row it is closest to"),
        Column("sign", "sign", "number", priority=4),
        *(
            Column(
                f"cosine_quantile_{null}",
                f"q {null}",
                "cosine",
                f"share of the {null} null's max |cos| at or below",
                _priority(null),
            )
            for null in cosine_nulls
        ),
        Column("kurtosis", "kurtosis", "decimal"),
        *(
            Column(
                f"kurtosis_quantile_{null}",
                f"kurtosis q {null}",
                "cosine",
                f"share of the {null} null's kurtosis at or below",
                _priority(null),
            )
            for null in kurtosis_nulls
        ),
        Column("replication", "replication", "cosine", "|correlation| of the document halves' own components", 1),
        Column("stability", "stability", "cosine", "Icasso's index Iq", 2),
        Column("explained", "variance", "share", "share of the residual's variance", 1),
        Column("beats_null", "beats null", "yes-no"),
        Column("reason", "why", priority=5),
    )
    rows = tuple(_component_row(c, cosine_nulls, kurtosis_nulls) for c in components)
    caption = (
        "max |cos|: the largest |cos| with a decoder direction, of the feature named. q: share of that null's draws at or "
        "below the value. Replication: agreement of what the two halves of the documents find by themselves. "
        "Stability: Icasso's Iq over seeds and document halves, mean |cos| within a cluster minus between clusters."
    )
    return Table(name, title, columns, rows, caption)


def _priority(null: str) -> int:
    return 2 if null == "elliptical" else 3


def _component_row(c: ComponentMatch, cosine_nulls: list[str], kurtosis_nulls: list[str]) -> tuple[Any, ...]:
    return (
        c.component,
        c.label,
        c.cosine,
        c.feature,
        c.sign,
        *(c.quantiles.get(null) for null in cosine_nulls),
        c.kurtosis,
        *(c.kurtosis_quantiles.get(null) for null in kurtosis_nulls),
        c.replication,
        c.stability,
        c.explained,
        c.beats_null,
        c.reason,
    )
