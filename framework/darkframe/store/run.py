"""A run directory: its manifest, its finished steps, its results.

``RUN/manifest.json``, ``RUN/steps/<name>/{record.json, *.npy}``, ``RUN/results.json``,
``RUN/taxonomy.json``, ``RUN/figures/``, ``RUN/report.html``, ``RUN/taxonomy.html``,
``RUN/log.txt``. A step counts only once its whole folder has been renamed into place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import OutputError, StoreError
from darkframe.results import DarkMatterResults, TaxonomyResults
from darkframe.store.arrays import open_array
from darkframe.store.atomic import plain, read_json, write_json
from darkframe.store.manifest import ManifestDir
from darkframe.store.records import record_from_plain
from darkframe.store.step import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RunDir(ManifestDir):
    """One run on disk.

    Attributes:
        path: The folder.
        manifest: ``schema``, ``kind``, ``status`` (``running``, ``done`` or ``failed``), ``created``, ``config`` and whatever
            ``update`` has added, such as ``collection``. ``shares``, if there, names the steps (``fit-*``) that this run takes
            over from runs beside it where those have finished them with the same inputs, as the cells of a sweep do.
    """

    NOUN, KIND, MANIFEST, SCHEMA = "run", "darkframe-run", "manifest.json", 1

    @classmethod
    def create(cls, path: Path, config_record: Mapping[str, Any]) -> RunDir:
        """Make a new run in a folder that does not exist yet or is empty.

        Raises:
            OutputError: The folder holds something already, or cannot be written.
        """
        return cls._create(path, {"config": config_record})

    def step(self, name: str, inputs: Mapping[str, Any]) -> Step:
        """The step of that name; it is ``done`` if it was saved with the same inputs, here or where this run may take it from."""
        step = Step(self.path / "steps" / name, name, plain(inputs), self.own)
        if any(fnmatch(name, pattern) for pattern in self.manifest.get("shares", ())) and not step.done:
            step.adopt(self._elsewhere(name))
        return step

    def _elsewhere(self, name: str) -> Iterator[Path]:
        """Finished steps of that name of the runs beside this one that were made from the same source on the same device."""
        own = self.manifest.get("config") or {}
        for record in sorted(self.path.parent.glob(f"*/steps/{name}/record.json")):
            run = record.parents[2]
            try:
                other = read_json(run / "manifest.json").get("config") or {}
            except (OSError, StoreError):
                continue
            if run != self.path and all(other.get(key) == own.get(key) for key in ("source", "device")):
                yield record.parent

    def arrays(self) -> dict[str, Path]:
        """Every array of the finished steps, by ``step/name`` in order."""
        found = {}
        for record in sorted((self.path / "steps").glob("*/record.json")):
            for name in sorted(read_json(record).get("arrays", {})):
                found[f"{record.parent.name}/{name}"] = record.parent / f"{name}.npy"
        return found

    def array(self, name: str) -> NDArray[Any]:
        """Memory map of an array of a finished step, by its name or by ``step/name``.

        Raises:
            StoreError: No finished step has it, several have it, or its file is damaged.
        """
        arrays = self.arrays()
        matches = [key for key in arrays if name in (key, key.split("/", 1)[1])]
        if not matches:
            raise StoreError(f"{self.path} has no array {name!r}; it has {', '.join(arrays) or 'none yet'}.")
        if len(matches) > 1:
            raise StoreError(f"Several steps of {self.path} have an array {name!r}: say which of {', '.join(matches)}.")
        return open_array(arrays[matches[0]])

    def write_results(self, results: DarkMatterResults) -> None:
        """Write ``results.json``."""
        self.own()
        write_json(self.path / "results.json", results)

    def results(self) -> DarkMatterResults:
        """Read ``results.json``.

        Raises:
            OutputError: The run has not finished.
            StoreError: The file is damaged or of another version.
        """
        path = self.path / "results.json"
        if not path.is_file():
            raise OutputError(f"{self.path} has no results yet.", hint=f"Finish it with `darkframe run --resume {self.path}`.")
        return record_from_plain(DarkMatterResults, read_json(path))

    def write_taxonomy(self, results: TaxonomyResults) -> None:
        """Write ``taxonomy.json``."""
        self.own()
        write_json(self.path / "taxonomy.json", results)

    def taxonomy(self) -> TaxonomyResults | None:
        """Read ``taxonomy.json``; None where the run has no taxonomy study, or it has not finished.

        Raises:
            StoreError: The file is damaged or of another version.
        """
        path = self.path / "taxonomy.json"
        return record_from_plain(TaxonomyResults, read_json(path)) if path.is_file() else None
