"""Steps 2 and 3: the logit lens over every decoder row, and the features that it reads as junk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError, PluginError, UserError
from darkframe.results import JunkRecord
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Outcome
from darkframe.studies.taxonomy.base import TaxonomyStudy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, I64, Unembedding

CHUNK_BYTES = 64 * 2**20
"""Logits held at once, whatever the number of features."""

MOST_ROWS = 256
REPLACEMENT, SPECIAL = "\N{REPLACEMENT CHARACTER}", "<|"


def is_junk(text: str) -> bool:
    """Whether a token says nothing: part of a character (U+FFFD), or a special token (``<|``)."""
    return REPLACEMENT in text or SPECIAL in text


def texts_of(study: TaxonomyStudy, tokens: Sequence[int]) -> dict[int, str]:
    """Text of each distinct token."""
    distinct = sorted(set(tokens))
    texts = study.source.decode_tokens(distinct) if distinct else []
    if len(texts) != len(distinct):
        name = study.config.source.name
        raise PluginError(f"The source {name!r} gave {len(texts)} texts for {len(distinct)} tokens; one for each was expected.")
    return dict(zip(distinct, texts))


class Lens:
    """Top tokens of directions: final norm, then unembedding, in chunks of bounded memory.

    Args:
        unembedding: The source's.
        d_model: Dimensions of a direction.
    """

    def __init__(self, unembedding: Unembedding, d_model: int) -> None:
        import torch

        self._unembedding, self._torch = unembedding, torch
        first = self._logits(np.ones((1, d_model), np.float32))
        if first.ndim != 2 or len(first) != 1 or not first.shape[1]:
            raise DataError(f"The source's unembedding gave logits of shape {tuple(first.shape)}, not (1, vocabulary).")
        self.vocabulary = int(first.shape[1])
        self.chunk = max(1, min(MOST_ROWS, CHUNK_BYTES // (4 * self.vocabulary)))

    def _logits(self, directions: F32) -> Any:
        with self._torch.no_grad():
            return self._unembedding.logits(self._torch.from_numpy(np.ascontiguousarray(directions)))

    def top(self, directions: NDArray[Any], count: int) -> tuple[NDArray[np.int32], F32]:
        """(n, count) ids and logits of the tokens of largest logit, largest first; at most as many as there are tokens."""
        parts = list(self.chunks(directions, count))
        k = min(count, self.vocabulary)
        ids = np.concatenate([part[0] for part in parts]) if parts else np.empty((0, k), np.int32)
        return ids, np.concatenate([part[1] for part in parts]) if parts else np.empty((0, k), np.float32)

    def chunks(self, directions: NDArray[Any], count: int) -> Iterator[tuple[NDArray[np.int32], F32]]:
        """The same, chunk after chunk of ``self.chunk`` rows."""
        for start in range(0, len(directions), self.chunk):
            values, ids = self._logits(directions[start : start + self.chunk]).topk(min(count, self.vocabulary), dim=1)
            yield ids.cpu().numpy().astype(np.int32), values.float().cpu().numpy()

    def probe(self, d_model: int) -> list[list[int]]:
        """Token ids that tell one unembedding from another: the top ones of fixed directions."""
        directions = np.random.default_rng(0).standard_normal((4, d_model), dtype=np.float32)
        return [sorted(row.tolist()) for row in self.top(directions, 20)[0]]


def open_lens(study: TaxonomyStudy) -> Lens | None:
    """The source's logit lens; None where it has no unembedding."""
    unembedding = study.source.unembedding()
    return None if unembedding is None else Lens(unembedding, study.decoder.shape[1])


def lens(study: TaxonomyStudy, live: I64, reader: Lens | None) -> tuple[JunkRecord, I64, Outcome]:
    """Read every live feature, and leave junk out.

    Args:
        study: The study.
        live: Ids of the features that are not dead.
        reader: The logit lens; None: nothing is read, and nothing left out.

    Returns:
        The record, the ids of the features kept, ascending, and the step (arrays ``feature_tokens``, ``feature_junk``).

    Raises:
        UserError: Every feature is junk.
    """

    def compute(_: object) -> tuple[JunkRecord, dict[str, NDArray[Any]]]:
        return _compute(study, live, reader)

    params = {"top": study.params.lens_tokens, "threshold": study.params.junk_tokens, "lacks": sorted(study.lacks)}
    outcome = study.step("lens", {**params, **lens_identity(study, reader)}, compute)
    junk = record_from_plain(JunkRecord, outcome.record)
    kept = live
    if junk.applied and junk.threshold:
        kept = live[np.asarray(outcome.arrays["feature_junk"])[live] < junk.threshold]
    if not len(kept):
        raise UserError(
            f"All {len(live):,} features are junk: {junk.threshold} or more of their top {junk.top} tokens are special tokens or "
            "parts of characters.",
            hint="Set taxonomy.junk_tokens=0 to leave none out.",
        )
    told = f"{junk.kept:,} of {junk.total:,} features kept, {junk.filtered:,} junk" if junk.applied else junk.note
    study.progress.step("logit lens", told)
    return junk, kept, outcome


def lens_identity(study: TaxonomyStudy, reader: Lens | None) -> dict[str, Any]:
    """What the tokens of a direction depend on."""
    probe = None if reader is None else [reader.vocabulary, reader.probe(study.decoder.shape[1])]
    return {"unembedding": {"source": study.source.card().fingerprint, "probe": probe}}


def _compute(study: TaxonomyStudy, live: I64, reader: Lens | None) -> tuple[JunkRecord, dict[str, NDArray[Any]]]:
    n, top, threshold = len(study.decoder), study.params.lens_tokens, study.params.junk_tokens
    tokens, junk = np.full((n, top), -1, np.int32), np.full(n, -1, np.int8)
    if reader is None:
        return _left_out(study, live, _no_unembedding(study)), {"feature_tokens": tokens, "feature_junk": junk}
    _read(study, live, reader, tokens)
    if "text" in study.lacks:
        note = "The source cannot tell what tokens read, so that junk cannot be told and every feature is kept."
        return _left_out(study, live, f"{note} {study.lacks['text']}"), {"feature_tokens": tokens, "feature_junk": junk}
    distinct = np.unique(tokens[live])
    bad = np.array(
        [token for token, text in texts_of(study, distinct[distinct >= 0].tolist()).items() if is_junk(text)], np.int64
    )
    junk[live] = np.isin(tokens[live], bad).sum(axis=1)
    kept = int((junk[live] < threshold).sum()) if threshold else len(live)
    counts = tuple(int(count) for count in np.bincount(junk[live], minlength=top + 1))
    record = JunkRecord(True, "", top, threshold, n, kept, len(live) - kept, counts)
    return record, {"feature_tokens": tokens, "feature_junk": junk}


def _read(study: TaxonomyStudy, live: I64, reader: Lens, tokens: NDArray[np.int32]) -> None:
    """Fill in the tokens of live features, chunk by chunk."""
    with study.progress.task("logit lens", len(live), "features") as task:
        for start in range(0, len(live), reader.chunk):
            chosen = live[start : start + reader.chunk]
            ids, _ = reader.top(study.decoder[chosen], tokens.shape[1])
            tokens[chosen, : ids.shape[1]] = ids
            task.advance(len(chosen))


def _no_unembedding(study: TaxonomyStudy) -> str:
    note = "The source has no unembedding, so that features and clusters have no tokens and no feature is left out as junk."
    return f"{note} {study.lacks.get('unembedding', '')}".strip()


def _left_out(study: TaxonomyStudy, live: I64, note: str) -> JunkRecord:
    top, threshold = study.params.lens_tokens, study.params.junk_tokens
    return JunkRecord(False, note, top, threshold, len(study.decoder), len(live), 0, ())
