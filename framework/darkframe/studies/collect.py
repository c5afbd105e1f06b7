"""Step 1: every token through the model and the SAE once; arrays on disk and all statistics from the same pass.

An entry of the activation cache is keyed by everything it depends on. A complete one is reused, an unfinished one goes on from
its last checkpoint to the same bytes (see ``passing``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import UserError
from darkframe.results import Collect, Massive, MassiveToken
from darkframe.store.atomic import content_key
from darkframe.store.collection import SCHEMA, Collection
from darkframe.store.lock import locked
from darkframe.studies import passing
from darkframe.studies.passing import Pass, no_tokens

if TYPE_CHECKING:
    from darkframe.config import StudyParams
    from darkframe.interfaces import Source, SourceCard
    from darkframe.progress import Progress


def collect(
    source: Source, *, tokens: int | None, study: StudyParams, strict: bool, cache: Path, progress: Progress
) -> tuple[Collection, Collect]:
    """Collect activations and residuals, or reuse what is there.

    Args:
        source: Where the text, the model and the SAE come from.
        tokens: Kept tokens to collect; None: all the text holds.
        study: ``keep_activations`` and ``massive`` matter here.
        strict: Fail where the text holds fewer tokens than asked for; what was collected is kept.
        cache: Root of the cache.
        progress: Where to report.

    Returns:
        The collection, and the record of step 1.

    Raises:
        UserError: The text is too short and ``strict`` is set, or ``tokens`` is below 1.
        DataError: The text holds no tokens, or activations hold NaN or infinity.
        StoreError: The cache cannot be written or is damaged.
    """
    if tokens is not None and tokens < 1:
        raise UserError(f"{tokens} tokens cannot be collected.", hint="Ask for at least 1 with --tokens.")
    available = source.available_tokens()
    if strict and tokens is not None and available is not None and available < tokens:
        raise _too_short(available, tokens)
    target = _target(available, tokens)
    if target == 0:
        raise no_tokens()
    inputs = _key_inputs(source.card(), target, study)
    folder = _folder(cache, inputs)
    reused = True
    if not (folder / "meta.json").is_file():
        waiting = "waiting for another process that is collecting the same activations"
        with locked(folder.with_suffix(".lock"), lambda: progress.step("collect", waiting)):
            if not (folder / "meta.json").is_file():
                Pass(source, target, study, folder, inputs, progress).run()
                reused = False
    collection = Collection(folder)
    if strict and tokens is not None and collection.n_tokens < tokens:
        raise _too_short(collection.n_tokens, tokens)
    return collection, collect_record(collection, tokens, reused=reused)


def find_collection(source: Source, *, tokens: int | None, study: StudyParams, cache: Path) -> Collection | None:
    """The complete collection that ``collect`` would reuse, or None."""
    target = _target(source.available_tokens(), tokens)
    folder = _folder(cache, _key_inputs(source.card(), target, study))
    return Collection(folder) if (folder / "meta.json").is_file() else None


def _target(available: int | None, tokens: int | None) -> int | None:
    """Kept tokens to collect; None: the end of the text."""
    return available if tokens is None else tokens if available is None else min(tokens, available)


def _folder(cache: Path, inputs: dict[str, Any]) -> Path:
    return Path(cache) / "collections" / content_key(inputs)


def _too_short(held: int, asked: int) -> UserError:
    return UserError(
        f"The text holds only {held:,} tokens; {asked:,} were asked for.", hint="Ask for fewer, or leave out --strict."
    )


def _key_inputs(card: SourceCard, target: int | None, study: StudyParams) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": card.fingerprint,
        "d_model": card.d_model,
        "n_features": card.n_features,
        "tokens": target,
        "keep_activations": study.keep_activations,
        "massive": study.massive,
        "pilot": passing.PILOT_TOKENS,
    }


def collect_record(collection: Collection, requested: int | None, *, reused: bool) -> Collect:
    """The record of step 1 from a complete collection."""
    meta = collection.meta
    notes = list(meta["notes"])
    if requested is not None and collection.n_tokens < requested:
        notes.insert(0, f"The text holds only {collection.n_tokens:,} tokens; {requested:,} were asked for.")
    massive = meta["massive"]
    share_x, share_e = collection.statistics.massive_shares()
    return Collect(
        tokens_requested=requested,
        tokens_kept=collection.n_tokens,
        documents_read=meta["documents_read"],
        documents_skipped=meta["documents_skipped"],
        context_size=meta["card"]["context_size"],
        packing=meta["card"]["packing"],
        seconds=meta["seconds"],
        tokens_per_second=collection.n_tokens / max(meta["seconds"], 1e-9),
        bytes_on_disk=meta["bytes_on_disk"],
        reused=reused,
        key=collection.key,
        massive=Massive(
            cut=massive["cut"],
            median=massive["median"],
            definition=massive["definition"],
            count=massive["count"],
            share_of_variance=share_x,
            share_of_residual=share_e,
            excluded_from_fit=meta["massive_mode"] == "exclude",
            tokens=tuple(MassiveToken(**token) for token in massive["tokens"]),
        ),
        notes=tuple(notes),
    )
