"""Steps 7 and 8, cluster by cluster: directions, cohesion, separation, votes, and tokens by the differential logit lens."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.clusters import blocks, cohesions, direction_sums, member_cosines, separations, votes
from darkframe.studies.steps.base import Outcome
from darkframe.studies.taxonomy.base import TaxonomyStudy
from darkframe.studies.taxonomy.fit import Fitted
from darkframe.studies.taxonomy.lens import Lens, lens_identity, texts_of
from darkframe.studies.taxonomy.rows import Clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64, I64


def measure(study: TaxonomyStudy, clustered: Clustered, fitted: Fitted, lensed: Outcome) -> Outcome:
    """Directions, cohesion, separation and votes of every cluster (arrays ``cluster_…``), and each row's ``taxonomy_cosine``."""

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        parts: dict[str, list[NDArray[Any]]] = {}
        tokens = np.asarray(lensed.arrays["feature_tokens"])[clustered.features]
        rows = clustered.rows()
        with study.progress.task("clusters", len(fitted.counts), "levels") as task:
            for labels, count in zip(fitted.labels, fitted.counts):
                for name, values in _measured(rows, labels, count, tokens, study.params.cluster_tokens).items():
                    parts.setdefault(name, []).append(values)
                task.advance()
        cosines = np.stack(parts.pop("taxonomy_cosine"))
        return {}, {"taxonomy_cosine": cosines, **{name: np.concatenate(values) for name, values in parts.items()}}

    inputs = {"depends": [fitted.key, lensed.key], "votes": study.params.cluster_tokens}
    return study.step("measure", inputs, compute)


def _measured(rows: F32, labels: I64, count: int, tokens: NDArray[Any], top: int) -> dict[str, NDArray[Any]]:
    sums, sizes = direction_sums(rows, labels, count), np.bincount(labels[labels >= 0], minlength=count)
    chosen, counted = votes(labels, tokens, count, top)
    return {
        "cluster_cohesion": cohesions(sums, sizes),
        "cluster_separation": separations(sums),
        "cluster_votes": chosen,
        "cluster_vote_counts": counted,
        "taxonomy_cosine": member_cosines(rows, labels, sums),
        "cluster_directions": sums / np.maximum(sizes, 1).astype(np.float32)[:, None],
    }


def wanted(study: TaxonomyStudy, fitted: Fitted, sizes: I64, parents: I64) -> I64:
    """Which clusters are read: the largest of each level, and those of the drill-down; ascending among all clusters."""
    starts, chosen = fitted.starts, set()
    for start, stop in pairwise(starts):
        chosen |= set((start + largest(sizes[start:stop], study.params.lens_clusters)).tolist())
    for top in largest(sizes[: starts[1]], study.params.drill).tolist():
        chosen.add(top)
        if len(starts) > 2:
            inside = starts[1] + np.flatnonzero(parents[starts[1] : starts[2]] == top)
            chosen |= set(inside[largest(sizes[inside], study.params.children)].tolist())
    return np.array(sorted(chosen), np.int64)


def largest(sizes: I64, count: int) -> I64:
    """Places of the largest clusters that have members, largest first; the older of equal ones first."""
    order = np.argsort(-sizes, kind="stable")
    out: I64 = order[sizes[order] > 0][:count]
    return out


def interpret(
    study: TaxonomyStudy, clustered: Clustered, fitted: Fitted, measured: Outcome, sizes: I64, parents: I64, lens: Lens | None
) -> Outcome:
    """Tokens of clusters (``cluster_tokens``, ``cluster_logits``), and in the record the text of every token id that occurs.

    A cluster's direction here is the mean of its members' decoder rows, as they are, less the mean of all live decoder rows of
    the dictionary, clustered or not: what distinguishes it within the SAE.
    """

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        total, top = fitted.starts[-1], study.params.cluster_tokens
        tokens, logits = np.full((total, top), -1, np.int32), np.full((total, top), np.nan, np.float32)
        if lens is not None:
            _read(study, clustered, fitted, wanted(study, fitted, sizes, parents), lens, (tokens, logits))
        features = study.run.array("taxonomy-lens/feature_tokens")
        every = np.unique(
            np.concatenate([tokens.ravel(), np.asarray(measured.arrays["cluster_votes"]).ravel(), features.ravel()])
        )
        texts = texts_of(study, every[every >= 0].tolist())
        return {"texts": {str(token): text for token, text in texts.items()}}, {
            "cluster_tokens": tokens,
            "cluster_logits": logits,
        }

    params = study.params
    inputs = {
        "depends": [measured.key],
        "counts": [params.lens_clusters, params.cluster_tokens, params.drill, params.children],
        **lens_identity(study, lens),
    }
    outcome = study.step("interpret", inputs, compute)
    if lens is not None:
        read = int((np.asarray(outcome.arrays["cluster_tokens"])[:, 0] >= 0).sum())
        study.progress.step("interpret", f"tokens of {read:,} of {fitted.starts[-1]:,} clusters")
    return outcome


def _read(
    study: TaxonomyStudy, clustered: Clustered, fitted: Fitted, chosen: I64, lens: Lens, into: tuple[NDArray[np.int32], F32]
) -> None:
    """Fill in the tokens and logits of the chosen clusters, a chunk at a time."""
    centre = global_mean(study.decoder)
    with study.progress.task("differential logit lens", len(chosen), "clusters") as task:
        for level, (start, stop) in enumerate(pairwise(fitted.starts)):
            mine = chosen[(chosen >= start) & (chosen < stop)]
            order = np.argsort(fitted.labels[level], kind="stable")
            edges = np.searchsorted(fitted.labels[level][order], np.arange(stop - start + 1))
            for part in blocks(len(mine), lens.chunk):
                members = (clustered.features[order[edges[c - start] : edges[c - start + 1]]] for c in mine[part])
                means = np.stack([mean_row(study.decoder, features) - centre for features in members])
                ids, logits = lens.top(means.astype(np.float32), into[0].shape[1])
                into[0][mine[part], : ids.shape[1]], into[1][mine[part], : ids.shape[1]] = ids, logits
                task.advance(len(means))


def mean_row(rows: F32, chosen: I64) -> F64:
    """(d,) float64 mean of some rows, gathered block by block."""
    total = np.zeros(rows.shape[1])
    for part in blocks(len(chosen)):
        total += rows[chosen[part]].sum(axis=0, dtype=np.float64)
    out: F64 = total / len(chosen)
    return out


def global_mean(decoder: F32) -> F64:
    """(d,) float64 mean of all decoder rows that are not zero."""
    total, live = np.zeros(decoder.shape[1]), 0
    for part in blocks(len(decoder)):
        total += decoder[part].sum(axis=0, dtype=np.float64)
        live += int(decoder[part].any(axis=1).sum())
    out: F64 = total / live
    return out
