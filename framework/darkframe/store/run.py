"""A run directory: its manifest, its finished steps, its results.

``RUN/manifest.json``, ``RUN/steps/<name>/{record.json, *.npy}``, ``RUN/results.json``,
``RUN/taxonomy.json``, ``RUN/figures/``, ``RUN/report.html``, ``RUN/taxonomy.html``,
``RUN/log.txt``. A step counts only once its whole folder has been renamed into place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from darkframe.errors import OutputError, StoreError
from darkframe.results import DarkMatterResults, TaxonomyResults
from darkframe.store.arrays import open_array
from darkframe.store.atomic import TEMPORARY, plain, read_json, remove_temporaries, write_json, writing
from darkframe.store.lock import try_lock
from darkframe.store.records import record_from_plain
from darkframe.store.step import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = 1
KIND = "darkframe-run"


def _nothing_in(folder: Path) -> bool:
    """Whether a folder is empty but for what a run that was stopped before its first manifest leaves."""
    return all(path.name == ".lock" or path.name.endswith(TEMPORARY) for path in folder.iterdir())


class RunDir:
    """One run on disk. Reading needs no lock; the first write takes it, and keeps it until ``close`` or the process's end.

    Attributes:
        path: The folder.
        manifest: ``schema``, ``kind``, ``status`` (``running``, ``done`` or ``failed``), ``created``, ``config`` and whatever
            ``update`` has added, such as ``collection``. ``shares``, if there, names the steps (``fit-*``) that this run takes
            over from runs beside it where those have finished them with the same inputs, as the cells of a sweep do.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock: IO[bytes] | None = None

    @classmethod
    def create(cls, path: Path, config_record: Mapping[str, Any]) -> RunDir:
        """Make a new run in a folder that does not exist yet or is empty.

        Raises:
            OutputError: The folder holds something already, or cannot be written.
        """
        path = Path(path).absolute()
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} exists and is not a folder.", hint="Choose another folder with --out.")
        with writing(path, OutputError):
            if path.exists() and not _nothing_in(path):
                advice = "Choose another folder with --out, or finish that run with --resume."
                raise OutputError(f"{path} exists already and is not empty.", hint=advice)
            path.mkdir(parents=True, exist_ok=True)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        run = cls(path, {"schema": SCHEMA, "kind": KIND, "status": "running", "created": created, "config": plain(config_record)})
        run.update()
        return run

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """Open an existing run.

        Raises:
            OutputError: The folder is missing or is not a run.
            StoreError: Its manifest is damaged or of another version.
        """
        path = Path(path).absolute()
        if not (path / "manifest.json").is_file():
            what = "is not a run: it has no manifest.json" if path.is_dir() else "does not exist"
            raise OutputError(f"{path} {what}.", hint="Give the folder that `darkframe run` printed.")
        manifest = read_json(path / "manifest.json")
        if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
            raise OutputError(f"{path} is not a run of darkframe: its manifest.json is something else's.")
        if manifest.get("schema") != SCHEMA:
            raise StoreError(
                f"{path} has schema {manifest.get('schema')}; this darkframe reads schema {SCHEMA}.",
                hint="Use the version of darkframe that wrote it, or run the study again.",
            )
        return cls(path, manifest)

    def own(self) -> None:
        """Take the run's lock, so that no other process writes to it.

        Raises:
            OutputError: Another process is writing to the run.
        """
        if self._lock is None:
            self._lock = try_lock(self.path / ".lock")
            if self._lock is None:
                raise OutputError(
                    f"{self.path} is being written by another process.", hint="Wait until it ends, or choose another --out."
                )
            remove_temporaries(self.path)

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            with suppress(OSError):
                self._lock.close()
            self._lock = None

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

    def update(self, **fields: Any) -> None:
        """Change fields of the manifest, atomically.

        Raises:
            OutputError: The folder cannot be written.
        """
        self.own()
        manifest = {**self.manifest, **plain(fields)}
        write_json(self.path / "manifest.json", manifest)
        self.manifest = manifest

    def log(self, line: str) -> None:
        """Append one line, with the time, to ``log.txt``."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with writing(self.path / "log.txt"), (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {line}\n")
