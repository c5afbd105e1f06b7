"""The taxonomy study: cluster the SAE's decoder rows, read the clusters, and hold them against chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.results import Drill, Level, TaxonomyResults
from darkframe.store.atomic import plain
from darkframe.store.taxonomy import Taxonomy
from darkframe.studies.about import environment
from darkframe.studies.taxonomy.base import TaxonomyStudy
from darkframe.studies.taxonomy.conclude import conclude
from darkframe.studies.taxonomy.dictionary import dictionary
from darkframe.studies.taxonomy.fit import Fitted, fit
from darkframe.studies.taxonomy.interpret import interpret, measure
from darkframe.studies.taxonomy.judge import judge
from darkframe.studies.taxonomy.lens import lens, open_lens
from darkframe.studies.taxonomy.pictures import curve, embedding
from darkframe.studies.taxonomy.quality import Checks, checks
from darkframe.studies.taxonomy.rows import clustered_rows

if TYPE_CHECKING:
    from darkframe.config import RunConfig
    from darkframe.interfaces import ClustererMaker, Source
    from darkframe.progress import Progress
    from darkframe.store.run import RunDir

SCHEMA = 1
SHOWN = 200
"""Clusters of level 0 that the results list."""


def run_taxonomy(
    config: RunConfig, source: Source, make_clusterer: ClustererMaker, run: RunDir, *, progress: Progress
) -> TaxonomyResults:
    """Dictionary, lens, order, PCA, clusters, tokens, quality against nulls; every finished step is kept and not taken again.

    Args:
        config: The resolved configuration, with a clusterer.
        source: The opened source; it must give a dictionary.
        make_clusterer: Gives a fresh clusterer for each fit.
        run: The run directory; written: steps ``taxonomy-…`` with the arrays of ``darkframe.results.TAXONOMY_ARRAYS``.
        progress: Receives progress and one line a step.

    Returns:
        The results, ``placement`` left None.

    Raises:
        DarkframeError: Whatever is wrong with the input, the plugin or the disk; finished steps stay.
    """
    study = TaxonomyStudy(config, source, make_clusterer, run, progress)
    described, live = dictionary(study)
    reader = open_lens(study)
    junk, kept, lensed = lens(study, live, reader)
    clustered = clustered_rows(study, kept)
    fitted = fit(study, clustered)
    measured = measure(study, clustered, fitted, lensed)
    sizes, parents = (np.asarray(run.array(f"taxonomy-cluster/cluster_{name}")) for name in ("size", "parent"))
    interpreted = interpret(study, clustered, fitted, measured, sizes, parents, reader)
    checked = checks(study, clustered, fitted)
    curved, curve_seconds = curve(study, clustered, fitted)
    scatter_note, embedding_seconds = embedding(study, clustered)

    levels = tuple(_level(level, fitted, sizes, checked) for level in range(len(fitted.counts)))
    conclusion = conclude(levels, fitted.record, described, junk, clustered.order, curved, study.params.sample, scatter_note)
    taxonomy = Taxonomy(run)
    largest = taxonomy.largest(0, max(SHOWN, study.params.drill))
    return TaxonomyResults(
        **_about(config, source),
        dictionary=described,
        junk=junk,
        order=clustered.order,
        pca=clustered.pca,
        fit=fitted.record,
        levels=levels,
        curve=curved,
        clusters=tuple(taxonomy.cluster(0, cluster) for cluster in largest[:SHOWN]),
        drill=_drill(taxonomy, largest[: study.params.drill], study.params.children),
        conclusion=conclusion,
        seconds={
            "logit lens": lensed.seconds,
            "rows": clustered.seconds,
            "cluster": fitted.seconds,
            "measure": measured.seconds,
            "interpret": interpreted.seconds,
            "orders and nulls": checked.seconds,
            "vigilance curve": curve_seconds,
            "embedding": embedding_seconds,
        },
    )


def _about(config: RunConfig, source: Source) -> dict[str, Any]:
    """What was studied, with what, where."""
    return {
        "schema": SCHEMA,
        "study": "taxonomy",
        "source": {**config.source.record(), **plain(source.card())},
        "clusterer": config.clustering.record(),
        "settings": {name: value for name, value in config.record().items() if name not in ("source", "clusterer")},
        "environment": environment("artlib", "umap-learn"),
    }


def _level(level: int, fitted: Fitted, sizes: Any, checked: Checks) -> Level:
    mine = sizes[fitted.starts[level] : fitted.starts[level + 1]]
    mine, labels, nulls = mine[mine > 0], fitted.labels[level], checked.at(level)
    quality = checked.real.levels[level]
    judged = judge(quality, nulls, rows=checked.rows, levels=len(fitted.counts))
    return Level(
        level=level,
        vigilance=fitted.vigilance[level],
        rows=checked.rows,
        clusters=len(mine),
        noise=int((labels < 0).sum()),
        largest=int(mine.max(initial=0)),
        largest_share=float(mine.max(initial=0)) / len(labels),
        singletons=int((mine == 1).sum()),
        median_size=float(np.median(mine)) if len(mine) else 0.0,
        quality=quality,
        nulls=nulls,
        orders=checked.real.orders[level],
        beats_null=judged.beats,
        reason=judged.reason,
    )


def _drill(taxonomy: Taxonomy, clusters: list[int], children: int) -> tuple[Drill, ...]:
    """The largest clusters of level 0 with their largest children; nothing for a flat clustering."""
    if taxonomy.levels < 2:
        return ()
    return tuple(
        Drill(
            taxonomy.cluster(0, cluster), tuple(taxonomy.cluster(1, child) for child in taxonomy.children(0, cluster)[:children])
        )
        for cluster in clusters
    )
