"""A finished run in Python: its results, arrays, tables and figures; what ``darkframe.run`` and ``darkframe.load`` return."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import StoreError, UserError
from darkframe.report.shown import Lazy, NotThereError, Shown
from darkframe.report.summary import Summary, numbers_table, summarise
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
