"""A folder that belongs to one process at a time and says in a manifest what it is: what runs and sweeps have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar, Self

from darkframe.errors import OutputError, StoreError
from darkframe.store.atomic import TEMPORARY, plain, read_json, remove_temporaries, write_json, writing
from darkframe.store.lock import try_lock


def _nothing_in(folder: Path) -> bool:
    """Whether a folder is empty but for what a process that was stopped before its first manifest leaves."""
    return all(path.name == ".lock" or path.name.endswith(TEMPORARY) for path in folder.iterdir())


class ManifestDir:
    """Reading needs no lock; the first write takes it, and keeps it until ``close`` or the process's end.

    Attributes:
        path: The folder.
        manifest: ``schema``, ``kind``, ``status`` (``running``, ``done``, ``failed`` or ``interrupted``), ``created`` and what
            else it was made with or ``update`` has added.
    """

    NOUN: ClassVar[str]
    """What it is, such as ``run``; also the command that makes one."""
    KIND: ClassVar[str]
    MANIFEST: ClassVar[str]
    """File name of the manifest."""
    SCHEMA: ClassVar[int]

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock: IO[bytes] | None = None

    @classmethod
    def _create(cls, path: Path, fields: Mapping[str, Any]) -> Self:
        """Make a new one, with these fields in its manifest, in a folder that does not exist yet or is empty.

        Raises:
            OutputError: The folder holds something already, or cannot be written.
        """
        path = Path(path).absolute()
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} exists and is not a folder.", hint="Choose another folder with --out.")
        with writing(path, OutputError):
            if path.exists() and not _nothing_in(path):
                advice = f"Choose another folder with --out, or finish that {cls.NOUN} with --resume."
                raise OutputError(f"{path} exists already and is not empty.", hint=advice)
            path.mkdir(parents=True, exist_ok=True)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        made = cls(path, {"schema": cls.SCHEMA, "kind": cls.KIND, "status": "running", "created": created, **plain(fields)})
        made.update()
        return made

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing one.

        Raises:
            OutputError: The folder is missing or is something else.
            StoreError: Its manifest is damaged or of another version.
        """
        path, noun = Path(path).absolute(), cls.NOUN
        if not (path / cls.MANIFEST).is_file():
            what = f"is not a {noun}: it has no {cls.MANIFEST}" if path.is_dir() else "does not exist"
            raise OutputError(f"{path} {what}.", hint=f"Give the folder that `darkframe {noun}` printed.")
        manifest = read_json(path / cls.MANIFEST)
        if not isinstance(manifest, dict) or manifest.get("kind") != cls.KIND:
            raise OutputError(f"{path} is not a {noun} of darkframe: its {cls.MANIFEST} is something else's.")
        if manifest.get("schema") != cls.SCHEMA:
            raise StoreError(
                f"{path} has schema {manifest.get('schema')}; this darkframe reads schema {cls.SCHEMA}.",
                hint=f"Use the version of darkframe that wrote it, or make the {noun} again.",
            )
        return cls(path, manifest)

    def own(self) -> None:
        """Take the lock, so that no other process writes to it.

        Raises:
            OutputError: Another process is writing to it.
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

    def update(self, **fields: Any) -> None:
        """Change fields of the manifest, atomically.

        Raises:
            OutputError: The folder cannot be written.
        """
        self.own()
        manifest = {**self.manifest, **plain(fields)}
        write_json(self.path / self.MANIFEST, manifest)
        self.manifest = manifest

    def log(self, line: str) -> None:
        """Append one line, with the time, to ``log.txt``."""
        stamp, path = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), self.path / "log.txt"
        with writing(path), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{stamp} {' '.join(line.split())}\n")
