"""``darkframe.api.fetch``: everything a run will read is downloaded, and nothing is computed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.api.guard_sources import open_source
from darkframe.api.places import cache_root
from darkframe.api.plan import DECOMPOSER, Plan, new_plan
from darkframe.config import merge, parse_set, read_file, read_mapping
from darkframe.hub import cache_folder, portable, prepare
from darkframe.interfaces import Fetched, Fetches, SourceContext
from darkframe.progress import Progress, QuietProgress
from darkframe.registry import Registry


@dataclass(frozen=True)
class Fetching:
    """What ``fetch`` left on this machine.

    Attributes:
        source: Name of the source.
        parts: Everything downloaded now or before that the source reads; empty where it never downloads.
        cache: huggingface_hub's cache, in which the downloads lie.
        carry: Folders that take all of it to another machine, by the environment variables that name them there.
    """

    source: str
    parts: tuple[Fetched, ...]
    cache: Path
    carry: Mapping[str, Path]

    @property
    def bytes(self) -> int:
        """Size of all parts together."""
        return sum(part.bytes for part in self.parts)

    def json(self) -> str:
        """The record as JSON."""
        parts = [{**vars(part), "folder": str(part.folder)} for part in self.parts]
        carry = {variable: str(folder) for variable, folder in self.carry.items()}
        record = {"source": self.source, "parts": parts, "bytes": self.bytes, "cache": str(self.cache), "carry": carry}
        return json.dumps(record, indent=2)


def fetch(
    source: str | None = None,
    *,
    tokens: int | str | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    config: str | Path | None = None,
    progress: Progress | None = None,
) -> Fetching:
    """Download what a run on a source reads, into huggingface_hub's own cache; afterwards it needs no network.

    Args:
        source: As for ``run``.
        tokens: As for ``run``: how much of a streamed text is kept; default: as many as the source collects by default.
        set: Parameters of the source, as for ``run``.
        config: As for ``run``.
        progress: Where to report; default: nowhere.

    Returns:
        What there is now, and where.

    Raises:
        UserError: Something cannot be done as asked.
        HubError: Something cannot be had; says why and what to do.
    """
    options = {name: value for name, value in {"source": source, "tokens": tokens}.items() if value is not None}
    file = read_file(Path(config)) if config is not None else {}
    chosen = read_mapping(set) if isinstance(set, Mapping) else parse_set([set] if isinstance(set, str) else set or ())
    registry = Registry.discover()
    usual = DECOMPOSER if any(found.name == DECOMPOSER for found in registry.plugins("decomposer")) else None
    return _fetch(new_plan(merge(file, chosen, {"run": options}), registry, decomposer=usual), progress or QuietProgress())


def _fetch(plan: Plan, progress: Progress) -> Fetching:
    prepare()
    config = plan.config
    context = SourceContext(seed=config.seed, cache=cache_root() / "sources", progress=progress)
    opened = open_source(plan.source, plan.source.load(), config.source.params, context)
    parts = tuple(opened.fetch(config.tokens)) if isinstance(opened, Fetches) else ()
    return Fetching(config.source.name, parts, cache_folder(), _carried(parts))


def _carried(parts: Iterable[Fetched]) -> dict[str, Path]:
    """The caches that the parts lie in, by the variables that name them."""
    (folder, variable), own = portable(), cache_root()
    caches = {variable: folder, "DARKFRAME_CACHE": own}
    return {name: place for name, place in caches.items() if any(part.folder.is_relative_to(place) for part in parts)}
