"""The tables of a dark-matter run, as neutral records: ``tables(results)`` for all of them, ``files_table`` for its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from darkframe.report.examination import examination_table
from darkframe.report.table import Column, Table
from darkframe.report.tables_match import component_tables, match_table, nulls_table
from darkframe.report.text import share
from darkframe.results import DarkMatterResults, KurtosisSummary, PairStability, PcaSummary

__all__ = ["Column", "Table", "files_table", "tables"]

SUBSETS = {"ordinary": "without massive tokens", "all": "all kept tokens"}
KURTOSIS = "Excess (Fisher) kurtosis E[(y − ȳ)⁴] / Var(y)² − 3: 0 for a Gaussian."


def tables(results: DarkMatterResults) -> list[Table]:
    """Every table of the study, in the order of its steps."""
    return [
        *([examination_table(results.doctor)] if results.doctor else []),
        collect_table(results),
        ledger_table(results),
        massive_table(results),
        kurtosis_table(results),
        pca_table(results),
        fit_table(results),
        stability_table(results),
        match_table(results),
        nulls_table(results),
        *component_tables(results),
        examples_table(results),
        compare_table(results),
        seconds_table(results),
    ]


def collect_table(results: DarkMatterResults) -> Table:
    """Step 1: what was read and kept."""
    collect = results.collect
    rows: list[tuple[str, str]] = [
        ("tokens kept", f"{collect.tokens_kept:,}"),
        ("tokens asked for", "all the text holds" if collect.tokens_requested is None else f"{collect.tokens_requested:,}"),
        ("documents read", f"{collect.documents_read:,}"),
        ("documents skipped", f"{collect.documents_skipped:,}"),
        ("context", f"{collect.context_size:,} tokens" if collect.context_size else "not known"),
        ("packing", collect.packing),
        ("tokens per second", f"{collect.tokens_per_second:,.0f}"),
        ("reused from the cache", "yes" if collect.reused else "no"),
    ]
    rows += [("note", note) for note in collect.notes]
    columns = (Column("what", "collected"), Column("value", ""))
    return Table(
        "collect", "What was collected", columns, tuple(rows), "Special tokens (BOS, EOS, padding) are left out of everything."
    )


def ledger_table(results: DarkMatterResults) -> Table:
    """The metric ledger, each entry beside its formula."""
    columns = (
        Column("name", "key", priority=3),
        Column("title", "metric"),
        Column("formula", "formula", priority=2),
        Column("ordinary", "without massive", "decimal", SUBSETS["ordinary"]),
        Column("all", "all tokens", "decimal", SUBSETS["all"], 1),
        Column("with_position_0", "and position 0", "decimal", "all kept tokens and the first position of every row", 1),
    )
    rows = tuple((e.name, e.title, e.formula, e.ordinary, e.all, e.with_position_0) for e in results.diagnose.ledger)
    caption = "x is an activation, x̂ = decode(encode(x)) the SAE's reconstruction, e = x − x̂ the residual."
    return Table("ledger", "Metric ledger", columns, rows, caption)


def massive_table(results: DarkMatterResults) -> Table:
    """The massive tokens of largest norm."""
    massive = results.collect.massive
    columns = (
        Column("text", "token", "token"),
        Column("token", "id", "number"),
        Column("document", "document", "number"),
        Column("position", "position", "number"),
        Column("norm", "‖x‖", "decimal"),
    )
    rows = tuple((t.text, t.token, t.document, t.position, t.norm) for t in massive.tokens)
    caption = (
        f"{massive.count:,} of {results.collect.tokens_kept:,} tokens have ‖x‖ > {massive.cut:.4g} "
        f"({massive.definition}; median {massive.median:.4g}). They hold {share(massive.share_of_variance)} of the activations' "
        f"variance and {share(massive.share_of_residual)} of the residual's; "
        + ("fits and headlines leave them out." if massive.excluded_from_fit else "fits and headlines include them.")
    )
    return Table("massive", "Massive tokens", columns, rows, caption)


_KURTOSIS_COLUMNS = (
    Column("n", "n", "count"),
    Column("mean", "mean", "decimal"),
    Column("median", "median", "decimal"),
    Column("sd", "sd", "decimal", priority=2),
    Column("min", "min", "decimal", priority=1),
    Column("max", "max", "decimal", priority=1),
    Column("over_1", "> 1", "count", priority=2),
    Column("over_3", "> 3", "count", priority=2),
)


def _kurtosis_row(k: KurtosisSummary) -> tuple[Any, ...]:
    return (k.n, k.mean, k.median, k.sd, k.min, k.max, k.over_1, k.over_3)


def kurtosis_table(results: DarkMatterResults) -> Table:
    """Step 2: kurtosis of the residual's dimensions."""
    diagnose = results.diagnose
    rows = (
        (SUBSETS["ordinary"], *_kurtosis_row(diagnose.kurtosis)),
        (SUBSETS["all"], *_kurtosis_row(diagnose.kurtosis_all)),
    )
    columns = (Column("tokens", "residual dimensions"), *_KURTOSIS_COLUMNS)
    return Table("kurtosis", "Kurtosis of the residual, per dimension", columns, rows, f"{KURTOSIS} {diagnose.verdict}")


def compare_table(results: DarkMatterResults) -> Table:
    """Step 8: kurtosis of components beside that of active SAE features."""
    compare = results.compare
    rows = (
        ("components", SUBSETS["ordinary"], *_kurtosis_row(compare.components)),
        ("components", SUBSETS["all"], *_kurtosis_row(compare.components_all)),
        ("active SAE features", SUBSETS["ordinary"], *_kurtosis_row(compare.features)),
        ("active SAE features", SUBSETS["all"], *_kurtosis_row(compare.features_all)),
    )
    columns = (Column("what", "kurtosis of"), Column("tokens", "tokens", priority=1), *_KURTOSIS_COLUMNS)
    rate = f"{100 * compare.active_rate:.3g} % of tokens"
    caption = f"{KURTOSIS} {compare.active_features:,} features are active: they fire on more than {rate}; zeros are included."
    return Table("compare", "Kurtosis of components and of SAE features", columns, rows, caption)


def pca_table(results: DarkMatterResults) -> Table:
    """Step 3: components needed for a share of the residual's variance."""

    def row(label: str, pca: PcaSummary) -> tuple[Any, ...]:
        return (label, pca.n_90, pca.n_95, pca.n_99, pca.first_10, pca.first_50, pca.total_variance)

    columns = (
        Column("tokens", "residual"),
        Column("n_90", "for 90 %", "count"),
        Column("n_95", "for 95 %", "count"),
        Column("n_99", "for 99 %", "count"),
        Column("first_10", "first 10 hold", "share", priority=1),
        Column("first_50", "first 50 hold", "share", priority=1),
        Column("total_variance", "total variance", "decimal", priority=2),
    )
    rows = (row(SUBSETS["ordinary"], results.pca.ordinary), row(SUBSETS["all"], results.pca.all))
    needed = "Principal components needed for a share of the residual's variance"
    caption = f"{needed}; {results.pca.recommended} recommended: min(n for 90 %, cap)."
    return Table("pca", "PCA of the residual", columns, rows, caption)


def fit_table(results: DarkMatterResults) -> Table:
    """Step 4: what the decomposer says of its fit."""
    fit = results.decompose
    rows: list[tuple[str, str]] = [
        ("decomposer", str(results.decomposer.get("name", ""))),
        ("components", f"{fit.n_components:,}"),
        ("rows fitted", f"{fit.rows:,}"),
        ("converged", "yes" if fit.converged else "NO"),
        ("iterations", f"{fit.iterations:,}"),
        ("residual variance explained", f"{100 * fit.explained_total:.1f} %"),
    ]
    if fit.gradient is not None:
        rows.append(("final gradient", f"{fit.gradient:.2e}"))
    if fit.identifiable is not None:
        cut = "" if fit.identifiability_cut is None else f" (|E[g′(y)] − E[y g(y)]| > {fit.identifiability_cut:.2g})"
        rows.append(("identifiable components", f"{fit.identifiable:,} of {fit.n_components:,}{cut}"))
    rows += [("warning", warning) for warning in fit.warnings]
    return Table("fit", "The fit", (Column("what", "decomposer"), Column("value", "")), tuple(rows))


def _pair_row(kind: str, pair: PairStability) -> tuple[Any, ...]:
    best = (pair.best_mean, pair.best_min, pair.best_over_90)
    return (kind, pair.a, pair.b, pair.matched_mean, pair.matched_min, pair.matched_over_90, *best, pair.n)


def stability_table(results: DarkMatterResults) -> Table:
    """Step 5: pairs of seeds, halves of the documents, and the same for the nulls."""
    stability = results.stability
    rows = [_pair_row("seeds", pair) for pair in stability.pairs]
    rows += [] if stability.halves is None else [_pair_row("halves", stability.halves)]
    rows += [_pair_row("chance", pair) for pair in stability.null_pairs]
    columns = (
        Column("kind", "compared"),
        Column("a", "a"),
        Column("b", "b"),
        Column("matched_mean", "matched mean", "cosine", "one-to-one"),
        Column("matched_min", "matched min", "cosine", priority=1),
        Column("matched_over_90", "matched > 0.9", "count", priority=1),
        Column("best_mean", "best mean", "cosine", "many to one", 2),
        Column("best_min", "best min", "cosine", priority=3),
        Column("best_over_90", "best > 0.9", "count", priority=2),
        Column("n", "of", "count", priority=1),
    )
    caption = (
        "|cos| between the directions of two fits. matched: optimal one-to-one assignment; best: each component's best match, "
        "many may share one (the notebook's figure). chance: the same for fits of null data."
    )
    return Table("stability", "Stability", columns, tuple(rows), caption)


def examples_table(results: DarkMatterResults) -> Table:
    """Step 7: top-activating tokens of the most novel components, in their context."""
    columns = (
        Column("component", "component", "number"),
        Column("rank", "rank", "number"),
        Column("activation", "activation", "signed"),
        Column("text", "token", "token"),
        Column("before", "before", priority=1),
        Column("after", "after", priority=1),
        Column("token", "id", "number", priority=3),
        Column("document", "document", "number", priority=2),
        Column("position", "position", "number", priority=2),
    )
    rows = tuple(
        (c.component, rank, e.activation, e.text, e.before, e.after, e.token, e.document, e.position)
        for c in results.interpret.components
        for rank, e in enumerate(c.examples, 1)
    )
    caption = "Largest |activation| of each component's source; context stays inside the token's document."
    return Table("examples", "Top examples of the most novel components and of those that beat the null", columns, rows, caption)


def seconds_table(results: DarkMatterResults) -> Table:
    """Where the time went."""
    columns = (Column("step", "step"), Column("seconds", "time", "seconds"))
    return Table("seconds", "Time", columns, tuple((name, float(value)) for name, value in results.seconds.items()))


def files_table(path: Path) -> Table:
    """Every file of a run directory with its size."""
    every = sorted(path.rglob("*")) if path.is_dir() else []
    files = [p for p in every if p.is_file() and not any(part.startswith(".") for part in p.relative_to(path).parts)]
    rows = tuple((p.relative_to(path).as_posix(), p.stat().st_size) for p in files)
    return Table("files", "Files", (Column("file", "file"), Column("bytes", "size", "size")), rows)
