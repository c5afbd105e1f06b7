"""What a study of a finished run says in one screen: the finding, its numbers beside their nulls, what stands out, the files.

``summarise`` gives the neutral record of the dark-matter study; ``plain_summary`` writes any study's as text, and
``cli/render.py`` in colour.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from darkframe.report.plain import heading, paragraph, table_lines
from darkframe.report.table import Column, Table
from darkframe.report.tables import files_table
from darkframe.report.text import cosine, decimal, share, tenths, token_text, visible
from darkframe.results import ComponentExamples, DarkMatterResults, NullSummary, Stability

FIGURE_NAMES = (
    "overview",
    "components_vs_null",
    "ica_sae_similarity",
    "ica_vs_sae_kurtosis",
    "residual_kurtosis",
    "residual_pca",
    "stability",
)
"""The study's figures, the most telling first."""
LEDGER_SHOWN = {
    "ev_pooled": "SAE explains, pooled variance",
    "ev_per_token": "SAE explains, mean per token",
    "l0": "features per token (L0)",
}


@dataclass(frozen=True)
class Summary:
    """One screen of a study; all text is already inert (``visible``), but markup is not escaped.

    Attributes:
        title: Model, SAE, site and the plugin that did the work.
        finding: The verdict's key; ``headline`` and ``text`` say it in sentences, ``cautions`` what weakens it.
        numbers: Key figures beside their nulls.
        highlights: What stands out, with its tokens: the most novel components, the largest clusters.
        figures: Paths of the plots, the most telling first.
        files: The run's files with sizes.
        pages: The HTML pages that were written.
        path: The run directory.
    """

    title: str
    finding: str
    headline: str
    text: str
    cautions: tuple[str, ...]
    numbers: Table
    highlights: Table
    figures: tuple[Path, ...]
    files: Table
    pages: tuple[Path, ...]
    path: Path

    def labelled_pages(self) -> list[tuple[str, Path]]:
        """Each page beside the label of its line."""
        return [("Page: " if i == 0 else "      ", page) for i, page in enumerate(self.pages)]


def summarise(results: DarkMatterResults, path: Path) -> Summary:
    """The summary of the run in the directory ``path``."""
    conclusion = results.conclusion
    return Summary(
        title=run_title(results),
        finding=conclusion.finding,
        headline=visible(conclusion.headline),
        text=visible(conclusion.text),
        cautions=tuple(visible(caution) for caution in conclusion.cautions),
        numbers=numbers_table(results),
        highlights=novel_table(results),
        figures=existing(path, *(f"figures/{name}.png" for name in FIGURE_NAMES)),
        files=shown_files(path, results.collect.bytes_on_disk),
        pages=existing(path, "report.html"),
        path=path,
    )


def run_title(results: DarkMatterResults) -> str:
    """Which model, SAE, site and decomposer the run is about."""
    source, name = results.source, results.decomposer.get("name", "?")
    model, dictionary, hook = (str(source.get(key, "?")) for key in ("model", "dictionary", "hook_point"))
    site = [] if hook in dictionary else [hook]
    return visible(" · ".join([model, dictionary, *site, str(name), f"{results.collect.tokens_kept:,} tokens"]))


def _find(nulls: Sequence[NullSummary], name: str) -> NullSummary | None:
    return next((null for null in nulls if null.name == name), None)


def _typical(nulls: Sequence[NullSummary], names: Sequence[str]) -> str:
    """Medians of the named nulls, in words."""
    found = [null for name in names if (null := _find(nulls, name))]
    return ", ".join(f"{decimal(null.median)} {null.name}" for null in found)


def numbers_table(results: DarkMatterResults) -> Table:
    """The key figures, each beside the same figure by chance."""
    columns = (Column("measure", "measure"), Column("value", "this run"), Column("chance", "by chance or beside it"))
    rows = [
        *_residual_rows(results),
        *_fit_rows(results),
        *_match_rows(results),
        *_kurtosis_rows(results),
        *_stability_rows(results),
    ]
    return Table("summary", "Key numbers beside their nulls", columns, tuple(rows))


def _residual_rows(results: DarkMatterResults) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    massive = results.collect.massive.count
    for entry in results.diagnose.ledger:
        if entry.name in LEDGER_SHOWN:
            written = share if entry.name.startswith("ev_") else decimal
            beside = f"{written(entry.all)} with massive tokens" if massive else "no massive tokens"
            rows.append((LEDGER_SHOWN[entry.name], written(entry.ordinary), beside))
    kurtosis, dimensions = results.diagnose.kurtosis, results.source.get("d_model", results.diagnose.kurtosis.n)
    rows.append(("residual kurtosis, mean over dims", decimal(kurtosis.mean), "0 for a Gaussian"))
    rows.append(("PCs for 90 % of the residual", f"{results.pca.ordinary.n_90:,}", f"of {dimensions} dimensions"))
    return rows


def _fit_rows(results: DarkMatterResults) -> list[tuple[str, str, str]]:
    fit, massive = results.decompose, results.collect.massive
    outcome = (
        f"{'converged' if fit.converged else 'NOT CONVERGED'}, {fit.iterations:,} iterations" if fit.iterations else "closed form"
    )
    left_out = (
        f"{massive.count:,} massive tokens {'left out' if massive.excluded_from_fit else 'included'}" if massive.count else ""
    )
    return [
        ("components fitted", f"{fit.n_components:,}", outcome),
        ("residual variance they explain", share(fit.explained_total), left_out),
    ]


def _match_rows(results: DarkMatterResults) -> list[tuple[str, str, str]]:
    match, total = results.match, results.decompose.n_components
    expected = ", ".join(
        f"{tenths(match.expected_novel[n])} {n}" for n in ("rotation", "elliptical") if n in match.expected_novel
    )
    return [
        ("beat the elliptical null", f"{results.conclusion.beat_null} of {total}", "none, in 95 % of null runs"),
        (f"novel: max |cos| ≤ {match.novel_cut:g}", f"{match.novel} of {total}", expected),
        ("novel, and beat the null", f"{match.novel_beyond_null} of {total}", ""),
        (f"known: max |cos| > {match.known_cut:g}", f"{match.known} of {total}", ""),
        ("max |cos|, median", cosine(match.median), _typical(match.nulls, ("rotation", "elliptical"))),
    ]


def _kurtosis_rows(results: DarkMatterResults) -> list[tuple[str, str, str]]:
    compare = results.compare
    chance = _typical(compare.nulls, ("rotation", "elliptical"))
    return [
        ("kurtosis of components, median", decimal(compare.components.median), chance),
        ("kurtosis of SAE features, median", decimal(compare.features.median), f"{compare.active_features:,} active features"),
    ]


def _stability_rows(results: DarkMatterResults) -> list[tuple[str, str, str]]:
    stability = results.stability
    rows = []
    if stability.replication:
        cut = f"above {stability.replication_cut:.2f}, the chance cut"
        rows.append(("replicate over document halves", f"{stability.replicated} of {len(stability.replication)}", cut))
    if stability.pairs:
        mean = sum(pair.matched_mean for pair in stability.pairs) / len(stability.pairs)
        rows.append(("seeds agree, matched |cos|", cosine(mean), _null_agreement(stability, "seed")))
    if stability.halves is not None:
        matched = stability.halves.matched_mean
        rows.append(("halves agree, matched |cos|", cosine(matched), _null_agreement(stability, "data")))
    return rows


def _null_agreement(stability: Stability, other: str) -> str:
    """How well two fits of the elliptical null agree: on the same rows with another ``seed``, or on other ``data``."""
    elliptical = [pair for pair in stability.null_pairs if "elliptical" in pair.a + pair.b]
    pair = next((pair for pair in elliptical if pair.b.endswith(f"other {other}")), None)
    pair = pair or next(iter([*elliptical, *stability.null_pairs]), None)
    return "" if pair is None else f"{cosine(pair.matched_mean)} between null fits"


def top_tokens(examples: ComponentExamples) -> str:
    """The tokens among a component's top examples, most frequent first, with how often each."""
    counts = Counter(token_text(example.text) for example in examples.examples)
    ranked = sorted(counts.items(), key=lambda item: -item[1])  # stable: ties stay in order of activation
    return "  ".join(text if n == 1 else f"{text} ×{n}" for text, n in ranked)


def novel_table(results: DarkMatterResults) -> Table:
    """The most novel components with what they fire on."""
    matches = {c.component: c for c in results.match.components}
    columns = (
        Column("component", "#", "number"),
        Column("cosine", "max |cos|", "cosine"),
        Column("kurtosis", "kurtosis", "decimal", priority=1),
        Column("replication", "replication", "cosine", priority=2),
        Column("beats_null", "beats null", "yes-no"),
        Column("tokens", "tokens of largest |activation|"),
    )
    rows = []
    for shown in results.interpret.components:
        match = matches[shown.component]
        rows.append((match.component, match.cosine, match.kurtosis, match.replication, match.beats_null, top_tokens(shown)))
    return Table("novel", "Most novel components", columns, tuple(rows))


def shown_files(path: Path, cached: int | None = None) -> Table:
    """The run's files with sizes, those of a folder together; and the activations it shares in the cache, if it has any."""
    single: list[tuple[str, str, int]] = []
    folders: dict[str, list[tuple[str, int]]] = {}
    for name, size in files_table(path).rows:
        folder, _, file = str(name).rpartition("/")
        if folder:
            folders.setdefault(re.sub(r"^steps/(fit|taxonomy-null)-.*", r"steps/\1-…", folder), []).append((file, size))
        else:
            single.append((file, "", size))
    together = [(f"{folder}/", _holds(files), sum(size for _, size in files)) for folder, files in folders.items()]
    columns = (Column("file", "file"), Column("holds", "holds", priority=1), Column("bytes", "size", "size"))
    shared = [] if cached is None else [("(activation cache)", "residuals, activations, tokens", cached)]
    return Table("files", "Files", columns, (*single, *together, *shared))


def _holds(files: list[tuple[str, int]]) -> str:
    arrays = [name.removesuffix(".npy") for name, _ in files if name.endswith(".npy")]
    if arrays and len(arrays) < 10:
        return ", ".join(arrays)
    return f"{len(arrays)} arrays" if arrays else f"{len(files)} file{'s' if len(files) > 1 else ''}"


def existing(folder: Path, *names: str) -> tuple[Path, ...]:
    """Those of the files ``names`` that lie in ``folder``, in the order given."""
    return tuple(path for name in names if (path := folder / name).is_file())


def plain_summary(*summaries: Summary, width: int = 80) -> str:
    """What each study of a run found, then its files once, as text; no line wider than ``width`` but paths."""
    lines: list[str] = []
    for i, summary in enumerate(summaries):
        lines += ([""] if i else []) + _plain_study(summary, width)
    files = summaries[0].files
    if files.rows:
        lines += [*heading("Files", width), *table_lines(files, width)]
    for summary in summaries:
        lines += _plain_places(summary, width)
    return "\n".join([*lines, "", f"Run directory: {summaries[-1].path}"]) + "\n"


def _plain_study(summary: Summary, width: int) -> list[str]:
    lines = [*paragraph(summary.title, width), ""]
    lines += paragraph(f"FINDING: {summary.headline}", width)
    lines += paragraph(summary.text, width, "  ", "  ")
    for caution in summary.cautions:
        lines += paragraph(caution, width, "! ", "  ")
    for table in (summary.numbers, summary.highlights):
        if table.rows:
            lines += [*heading(table.title, width), *table_lines(table, width)]
    return lines


def _plain_places(summary: Summary, width: int) -> list[str]:
    lines: list[str] = []
    if summary.figures:
        others = ", ".join(path.stem for path in summary.figures[1:])
        lines += ["", f"Plots: {summary.figures[0]}"]
        lines += paragraph(f"and beside it {others}", width, "       ", "       ") if others else []
    return lines + [f"{label} {page}" for label, page in summary.labelled_pages()]
