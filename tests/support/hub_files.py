"""What a loopback hub holds: files with the ids a hub gives them, commits and their listing; faults, and what was asked."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

LFS = (".safetensors", ".parquet", ".bin", ".gz", ".gguf", ".npz")
LFS_SIZE = 10 << 20
BLOCK = 1 << 16


class File:
    """One file of a commit."""

    def __init__(self, content):
        self.content = content
        self.size = content.stat().st_size if isinstance(content, Path) else len(content)
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % self.size)
        for block in self.blocks(0, self.size):
            sha256.update(block)
            sha1.update(block)
        self.sha256, self.oid = sha256.hexdigest(), sha1.hexdigest()
        self.lfs = self.size > LFS_SIZE or (isinstance(content, Path) and content.name.endswith(LFS))

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.oid

    def blocks(self, start, stop):
        """The bytes from ``start`` to ``stop``."""
        if not isinstance(self.content, Path):
            yield from (self.content[at : min(at + BLOCK, stop)] for at in range(start, stop, BLOCK))
            return
        with self.content.open("rb") as file:
            file.seek(start)
            while start < stop:
                block = file.read(min(BLOCK, stop - start))
                start += len(block)
                yield block


@dataclass
class Repository:
    """Commits (name → File) and what branches, tags and commits stand for."""

    id: str
    kind: str
    commits: dict = field(default_factory=dict)
    refs: dict = field(default_factory=dict)
    gated: int = 0

    def commit_of(self, revision):
        found = self.refs.get(revision) or (revision if revision in self.commits else None)
        return found or next((c for c in self.commits if len(revision) >= 7 and c.startswith(revision)), None)


@dataclass
class Fault:
    """What happens to the answers to requests whose path matches ``pattern``, ``times`` times (None: always)."""

    pattern: str
    kind: str
    amount: float = 0
    times: int | None = None
    methods: tuple = ("GET",)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict

    @property
    def range(self):
        return self.headers.get("range")


def make_file(name, content):
    file = File(content.encode() if isinstance(content, str) else content)
    file.lfs = file.lfs or name.endswith(LFS)
    return file


def tree(files, folder, recursive):
    """Entries below ``folder``, as ``/api/…/tree`` lists them."""
    entries, folders = [], set()
    prefix = f"{folder}/" if folder else ""
    for name, file in files.items():
        if not name.startswith(prefix):
            continue
        below = name[len(prefix) :].split("/")[:-1]
        folders |= {prefix + "/".join(below[: i + 1]) for i in range(len(below) if recursive else min(1, len(below)))}
        if recursive or not below:
            lfs = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 134}} if file.lfs else {}
            entries.append({"type": "file", "path": name, "size": file.size, "oid": file.oid, **lfs})
    return entries + [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(folders)]
