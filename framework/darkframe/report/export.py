"""A finished run under the notebook's file names, copied in blocks: no array is ever held in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.errors import OutputError, StoreError
from darkframe.progress import QuietProgress
from darkframe.report.notebook_json import notebook_results
from darkframe.report.plots import draw
from darkframe.report.style import save_bytes
from darkframe.report.table import Column, Table
from darkframe.store.atomic import replacing, write_bytes, write_json, writing

if TYPE_CHECKING:
    from darkframe.progress import Progress, Task
    from darkframe.results import DarkMatterResults
    from darkframe.store.collection import Collection
    from darkframe.store.run import RunDir

COLLECTED = {"residuals.npy": "residuals", "activations.npy": "activations", "tokens.npy": "tokens"}
FITTED = {"ica_directions.npy": "directions", "ica_activations.npy": "sources"}
PLOTS = ("residual_kurtosis", "residual_pca", "ica_sae_similarity", "ica_vs_sae_kurtosis")
JSON = "ica_dark_matter_results.json"
NAMES = (*COLLECTED, *FITTED, *(f"{name}.png" for name in PLOTS), JSON)
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        path: The folder.
        files: Names and sizes in bytes.
        missing: For each file that could not be written, a sentence that says why.
    """

    path: Path
    files: tuple[tuple[str, int], ...]
    missing: tuple[str, ...] = field(default=())

    def table(self) -> Table:
        """The files as a table."""
        return Table("exported", "Exported files", (Column("file", "file"), Column("bytes", "size", "size")), self.files)


def export(
    results: DarkMatterResults, run: RunDir, folder: Path, *, force: bool = False, progress: Progress | None = None
) -> Exported:
    """Write the notebook's files into ``folder``, which is made if need be.

    ``ica_directions.npy`` are the unit patterns and ``ica_activations.npy`` the sources (unmixing of the centred residual):
    what the notebook meant by both.

    Raises:
        OutputError: The folder holds such files and ``force`` is not set, or cannot be written.
        StoreError: The disk is full.
    """
    folder = Path(folder).absolute()
    _prepare(folder, force)
    sources, missing = _sources(run)
    total = sum(path.stat().st_size for path in sources.values())
    with (progress or QuietProgress()).task("export", total, "B") as task:
        for name, path in sources.items():
            task.note(name)
            _copy(path, folder / name, task)
    _plots(results, run, folder)
    write_json(folder / JSON, notebook_results(results))
    written = tuple(
        (name, (folder / name).stat().st_size) for name in NAMES if name in sources or name not in {**COLLECTED, **FITTED}
    )
    return Exported(folder, written, tuple(missing))


def _prepare(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists and is not a folder.", hint="Choose another folder with --out.")
    with writing(folder, OutputError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder} cannot be written to.", hint="Choose another folder with --out.")
    present = [name for name in NAMES if (folder / name).exists()]
    if present and not force:
        raise OutputError(
            f"{folder} already holds {', '.join(present)}.",
            hint="Choose another folder with --out, or overwrite them with --force.",
        )


def open_collection(run: RunDir) -> Collection:
    """The collected activations of a run.

    Raises:
        StoreError: The cache entry was deleted or is damaged.
    """
    from darkframe.store.collection import Collection

    recorded = (run.manifest.get("collection") or {}).get("path")
    path = Path(str(recorded))
    if recorded is None or not (path / "meta.json").is_file():
        raise StoreError(
            f"The collected activations of {run.path} are gone: there is no complete cache entry {path}.",
            hint="Run the study with the same options again to collect them.",
        )
    return Collection.open(path)


def _sources(run: RunDir) -> tuple[dict[str, Path], list[str]]:
    """Which file each name is copied from, and why others are missing."""
    found: dict[str, Path] = {}
    missing: list[str] = []
    try:
        collection = open_collection(run)
    except StoreError as error:
        missing.append(f"{', '.join(COLLECTED)} were not written. {error}")
    else:
        for name, array in COLLECTED.items():
            try:
                collection.array(array)
                found[name] = collection.path / f"{array}.npy"
            except StoreError as error:
                missing.append(f"{name} was not written. {error}")
    arrays = {key.split("/", 1)[1]: path for key, path in run.arrays().items()}
    for name, array in FITTED.items():
        if array in arrays:
            found[name] = arrays[array]
        else:
            missing.append(f"{name} was not written. {run.path} keeps no array {array!r}.")
    return found, missing


def _copy(source: Path, target: Path, task: Task) -> None:
    with replacing(target) as temporary, source.open("rb") as reader, temporary.open("wb") as writer:
        while block := reader.read(_BLOCK):
            writer.write(block)
            task.advance(len(block))


def _plots(results: DarkMatterResults, run: RunDir, folder: Path) -> None:
    data = None
    for name in PLOTS:
        saved = run.path / "figures" / f"{name}.png"
        if saved.is_file():
            content = saved.read_bytes()
        else:
            from darkframe.report.data import gather

            data = data or gather(results, run)
            content = save_bytes(draw(name, results, data), "png")
        write_bytes(folder / f"{name}.png", content)
