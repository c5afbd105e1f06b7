"""A finished tracking in Python: its results, arrays, tables and figures; what ``darkframe.track`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import UserError
from darkframe.report.shown import Lazy, Shown
from darkframe.report.summary import Summary
from darkframe.report.tables import files_table
from darkframe.report.tracking.data import gather_tracking
from darkframe.report.tracking.summary import summarise_tracking
from darkframe.report.tracking.tables import tracking_tables
from darkframe.store.run import RunDir
from darkframe.store.tracking import is_tracking, read_tracking

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from darkframe.report.table import Table
    from darkframe.report.tracking.data import TrackData
    from darkframe.results import TrackingResults


class TrackResult(Shown):
    """A finished tracking.

    Attributes:
        path: The run directory.
        results: Every figure, as frozen records.
        arrays: Name to read-only memory map: those of ``darkframe.results.TRACKING_ARRAYS``, and the model as ``model_<name>``.
        tables: Name to pandas DataFrame; ``categories`` has every category.
        figures: Name to matplotlib Figure, drawn when asked for.
    """

    NOUN = "tracking"

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self.path = run.path
        self.results: TrackingResults = read_tracking(run)

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        found = {key.split("/", 1)[1]: key for key in self._run.arrays()}
        names = [name for name in found if name.startswith(("track_", "model_", "feature_"))]
        return Lazy("array", names, lambda name: self._run.array(found[name]))

    @cached_property
    def _data(self) -> TrackData:
        return gather_tracking(self._run)

    @cached_property
    def neutral_tables(self) -> Mapping[str, Table]:
        """Every table as a neutral record, by name."""
        return {table.name: table for table in [*tracking_tables(self.results, self._data), files_table(self.path)]}

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        from darkframe.report.tracking.figures import TRACKING_FIGURES, draw_tracking

        return Lazy("figure", list(TRACKING_FIGURES), lambda name: draw_tracking(name, self.results, self._data))

    def summaries(self) -> list[Summary]:
        """One screen of it, as a neutral record."""
        return [summarise_tracking(self.results, self.path)]

    def json(self) -> str:
        """Results and files as strict ASCII JSON (NaN is null)."""
        return self._json(vars(self.results))

    def __repr__(self) -> str:
        return f"TrackResult({str(self.path)!r}: {self.results.conclusion.headline})"


def load_tracking(path: str | Path) -> TrackResult:
    """A finished tracking from its directory.

    Raises:
        OutputError: The folder is missing or is not a run.
        UserError: The run is another study's, or has not finished; says how to go on with it.
        StoreError: It is damaged, or of another version.
    """
    run = RunDir.open(Path(path))
    if not is_tracking(run):
        raise UserError(f"The run {run.path} is no tracking.", hint=f"Open it with darkframe.load({str(path)!r}).")
    status = run.manifest.get("status")
    if status != "done":
        raise UserError(
            f"{run.path} has not finished (status: {status}).", hint=f"Finish it with `darkframe track --resume {run.path}`."
        )
    return TrackResult(run)
