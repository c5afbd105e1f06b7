"""A finished run in Python: its results, arrays, tables and figures; what ``darkframe.run`` and ``darkframe.load`` return."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from darkframe.errors import StoreError, UserError
from darkframe.report.summary import Summary, numbers_table, plain_summary, summarise
from darkframe.report.table import Table
from darkframe.report.tables import files_table, tables
from darkframe.results import DarkMatterResults, TaxonomyResults
from darkframe.store.run import RunDir
from darkframe.store.tracking import is_tracking

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from darkframe.progress import Progress
    from darkframe.report.export import Exported
    from darkframe.store.collection import Collection
    from darkframe.store.taxonomy import Taxonomy

T = TypeVar("T")


class NotThereError(UserError, KeyError):
    """A run has no array, table or figure of that name."""


class Lazy(Mapping[str, T], Generic[T]):
    """A read-only mapping whose values are made when first asked for.

    Args:
        what: What a value is, for messages: ``array``.
        names: Of the values there are.
        make: Gives the value of a name.
        excuse: Says of a name why its value is not there, or gives an empty string.
    """

    def __init__(
        self, what: str, names: list[str], make: Callable[[str], T], excuse: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._what, self._names, self._make, self._excuse = what, names, make, excuse
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise NotThereError(self._excuse(name) or f"This run has no {self._what} {name!r}.", hint=self._hint(name))
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s: {', '.join(self._names)}>"

    def _hint(self, name: str) -> str:
        near = get_close_matches(str(name), self._names, 1)
        return f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(self._names)}."


class Shown(ABC):
    """What finished studies of every kind show of themselves: tables, a summary, HTML for notebooks."""

    NOUN: ClassVar[str]
    """What it is, such as ``run``."""

    path: Path

    @property
    @abstractmethod
    def neutral_tables(self) -> Mapping[str, Table]:
        """Every table as a neutral record, by name."""

    @abstractmethod
    def summaries(self) -> list[Summary]:
        """One screen of each study, as neutral records."""

    def table(self, name: str) -> Table:
        """One neutral table.

        Raises:
            UserError: There is no such table; names those there are.
        """
        if name not in self.neutral_tables:
            near = get_close_matches(name, self.neutral_tables, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UserError(f"A {self.NOUN} has no table {name!r}.", hint=f"{hint}Tables: {', '.join(self.neutral_tables)}.")
        return self.neutral_tables[name]

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        from darkframe.report.frames import frame

        return Lazy("table", list(self.neutral_tables), lambda name: frame(self.neutral_tables[name]))

    def summary(self, width: int = 80) -> str:
        """What the command prints at the end, as plain text."""
        return plain_summary(*self.summaries(), width=width)

    def _json(self, record: Mapping[str, Any]) -> str:
        """A record and the files as strict ASCII JSON (NaN is null)."""
        from darkframe.store.atomic import plain

        files = {str(name): size for name, size in files_table(self.path).rows}
        whole = {"run": str(self.path), **plain(record), "files": files}
        return json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=True)

    def _repr_html_(self) -> str:
        """Compact, for notebooks: each study's finding, its numbers and what stands out."""
        from darkframe.report.html import escaped

        shown = "".join(_summary_html(summary) for summary in self.summaries())
        return f"<div>{shown}<p><code>{escaped(self.path)}</code></p></div>"


class RunResult(Shown):
    """One finished run, of the dark-matter study, of the taxonomy study, or of both.

    Attributes:
        path: The run directory.
        results: Every figure of the dark-matter study, as frozen records.
        taxonomy: Every figure of the taxonomy study; None where the run has none.
        clusters: The taxonomy's clusters, one by one, with their tokens, children and members.
        arrays: Name to read-only memory map: the run's own (``darkframe.results.ARRAYS``), and while the cache holds them the
            collected ones: ``residuals``, ``activations``, ``tokens``, ``documents``, ``positions``, ``norms``, ``massive``,
            ``half``.
        tables: Name to pandas DataFrame.
        figures: Name to matplotlib Figure, drawn when asked for.
    """

    NOUN = "run"

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self.path = run.path
        config = run.manifest.get("config") or {}
        self._dark = run.results() if "decomposer" in config or "clusterer" not in config else None
        self.taxonomy: TaxonomyResults | None = run.taxonomy()

    @property
    def results(self) -> DarkMatterResults:
        if self._dark is None:
            raise NotThereError(
                f"The run {self.path} has no dark-matter study.",
                hint="Its taxonomy is in .taxonomy; name a decomposer to have both.",
            )
        return self._dark

    @cached_property
    def clusters(self) -> Taxonomy:
        """The taxonomy's clusters.

        Raises:
            UserError: The run has no taxonomy study.
        """
        from darkframe.store.taxonomy import Taxonomy

        if self.taxonomy is None:
            raise NotThereError(f"The run {self.path} has no taxonomy study.", hint="Run one with --clusterer smart.")
        return Taxonomy(self._run)

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        own = [key.split("/", 1)[1] for key in self._run.arrays()]
        collected = self._collected_names()
        return Lazy("array", [*own, *(n for n in collected if n not in own)], self._array, self._array_excuse)

    def _collected_names(self) -> list[str]:
        from darkframe.store.collection import ARRAYS

        try:
            collection = self.collection
        except StoreError:
            return []
        return [name for name in ARRAYS if name != "activations" or collection.has_activations]

    def _array(self, name: str) -> NDArray[Any]:
        own = any(key.split("/", 1)[1] == name for key in self._run.arrays())
        return self._run.array(name) if own else self.collection.array(name)

    def _array_excuse(self, name: str) -> str:
        from darkframe.store.collection import ARRAYS

        if name not in ARRAYS:
            return ""
        try:
            self.collection.array(name)
        except StoreError as error:
            return str(error)
        return ""

    @cached_property
    def collection(self) -> Collection:
        """The collected activations.

        Raises:
            StoreError: They are no longer in the cache.
        """
        from darkframe.report.export import open_collection

        return open_collection(self._run)

    @cached_property
    def neutral_tables(self) -> Mapping[str, Table]:
        """Every table as a neutral record, by name."""
        every: list[Table] = []
        if self._dark is not None:
            every += [numbers_table(self._dark), *tables(self._dark)]
        if self.taxonomy is not None:
            from darkframe.report.taxonomy.tables import taxonomy_tables

            every += taxonomy_tables(self.taxonomy, self.clusters)
        return {table.name: table for table in [*every, files_table(self.path)]}

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        from darkframe.report.plots import FIGURES

        makers: dict[str, Callable[[], Figure]] = {}
        if self._dark is not None:
            makers |= {name: partial(_dark_figure, name, self._dark, self._run) for name in FIGURES}
        if self.taxonomy is not None:
            from darkframe.report.taxonomy.figures import TAXONOMY_FIGURES, draw_taxonomy

            makers |= {name: partial(draw_taxonomy, name, self.taxonomy, self._run) for name in TAXONOMY_FIGURES}
        return Lazy("figure", list(makers), lambda name: makers[name]())

    def components(self) -> pd.DataFrame:
        """Every component with its match, kurtosis and stability beside the nulls; top tokens of the interpreted ones."""
        from darkframe.report.summary import top_tokens

        out = self.tables["components"].set_index("component").copy()
        tokens = {shown.component: top_tokens(shown) for shown in self.results.interpret.components}
        out["top_tokens"] = [tokens.get(int(number)) for number in out.index]
        out["top_tokens"] = out["top_tokens"].astype("string")
        return out

    def summaries(self) -> list[Summary]:
        """One screen of each study of the run, as neutral records."""
        summaries = [] if self._dark is None else [summarise(self._dark, self.path)]
        if self.taxonomy is not None:
            from darkframe.report.taxonomy.summary import summarise_taxonomy

            summaries.append(summarise_taxonomy(self.taxonomy, self.path))
        return summaries

    def json(self) -> str:
        """Results and files as strict ASCII JSON (NaN is null)."""
        from darkframe.store.atomic import plain

        studies = {} if self._dark is None else plain(self._dark)
        if self.taxonomy is not None:
            organised = plain(self.taxonomy)
            studies = organised if self._dark is None else {**studies, "taxonomy": organised}
        return self._json(studies)

    def export(self, folder: str | Path, *, force: bool = False, progress: Progress | None = None) -> Exported:
        """Write the run under the notebook's file names; see ``darkframe.report.export.export``."""
        from darkframe.report.export import export

        return export(self.results, self._run, Path(folder), force=force, progress=progress)

    def __repr__(self) -> str:
        said = [of.conclusion.headline for of in (self._dark, self.taxonomy) if of is not None]
        return f"RunResult({str(self.path)!r}: {' '.join(said)})"


def _dark_figure(name: str, results: DarkMatterResults, run: RunDir) -> Figure:
    from darkframe.report.data import gather
    from darkframe.report.plots import draw

    return draw(name, results, gather(results, run))


def _summary_html(shown: Summary) -> str:
    from darkframe.report.html import escaped, table_html

    parts = [f"<p><b>{escaped(shown.headline)}</b><br>{escaped(shown.text)}</p>"]
    parts += [f"<p>⚠ {escaped(caution)}</p>" for caution in shown.cautions]
    parts += [
        f"<details open><summary>{escaped(t.title)}</summary>{table_html(t)}</details>"
        for t in (shown.numbers, shown.highlights)
        if t.rows
    ]
    return "".join([f"<p>{escaped(shown.title)}</p>", *parts])


def table_json(table: Table) -> str:
    """A table's rows as strict ASCII JSON: a list of objects by column name."""
    from darkframe.store.atomic import plain

    names = [column.name for column in table.columns]
    return json.dumps([dict(zip(names, plain(list(row)))) for row in table.rows], indent=1, allow_nan=False, ensure_ascii=True)


def load(path: str | Path) -> RunResult:
    """A finished run from its directory.

    Raises:
        OutputError: The folder is missing or is not a run.
        UserError: The run has not finished, says how to go on with it; or it is a tracking.
        StoreError: It is damaged, or of another version.
    """
    run = RunDir.open(Path(path))
    if is_tracking(run):
        raise UserError(f"{run.path} is a tracking, no run of a study.", hint=f"See it with `darkframe show {run.path}`.")
    status = run.manifest.get("status")
    if status != "done":
        raise UserError(
            f"{run.path} has not finished (status: {status}).", hint=f"Finish it with `darkframe run --resume {run.path}`."
        )
    return RunResult(run)
