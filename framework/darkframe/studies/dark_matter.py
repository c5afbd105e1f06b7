"""The dark-matter study: decompose what an SAE leaves behind, and hold what comes out against chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.results import Collect, DarkMatterResults, Examination
from darkframe.store.atomic import plain
from darkframe.studies.about import environment
from darkframe.studies.collect import collect
from darkframe.studies.steps.base import Study
from darkframe.studies.steps.compare import compare
from darkframe.studies.steps.conclude import conclude
from darkframe.studies.steps.decompose import check_components, decompose, other_fits, wanted_components
from darkframe.studies.steps.diagnose import diagnose
from darkframe.studies.steps.fits import decompose_record, scratch
from darkframe.studies.steps.interpret import interpret
from darkframe.studies.steps.match import Material, match
from darkframe.studies.steps.nulls import nulls
from darkframe.studies.steps.pca import pca
from darkframe.studies.steps.project import project
from darkframe.studies.steps.stability import stability

if TYPE_CHECKING:
    from darkframe.config import RunConfig
    from darkframe.interfaces import Decomposer, Source
    from darkframe.progress import Progress
    from darkframe.store.run import RunDir

SCHEMA = 1


def run_dark_matter(
    config: RunConfig,
    source: Source,
    make_decomposer: Callable[[], Decomposer],
    run: RunDir,
    *,
    cache: Path,
    progress: Progress,
    doctor: Examination | None = None,
) -> DarkMatterResults:
    """Collect, diagnose, decompose, judge; every finished step is kept in ``run`` and not taken again.

    Args:
        config: The resolved configuration.
        source: The opened source.
        make_decomposer: Gives a fresh decomposer for each fit.
        run: The run directory; written: steps, ``results.json``, the manifest's ``source`` and ``collection``.
        cache: Where collected activations are kept between runs.
        progress: Receives progress and one line a step.
        doctor: What was found before the run; it is kept with the results, and what is amiss is among the cautions.

    Raises:
        DarkframeError: Whatever is wrong with the input, the plugin or the disk; finished steps stay.
    """
    check_components(config, source.card().d_model)
    _note_source(run, source, progress)
    collection, collected = collect(
        source, tokens=config.tokens, study=config.study, strict=config.strict, cache=cache, progress=progress
    )
    progress.step("collect", _told(collected))
    run.update(collection={"key": collection.key, "path": str(collection.path)})
    study = Study(config, source, collection, make_decomposer, run, progress)
    check_components(config, collection.d_model, len(study.rows))

    diagnosed, diagnose_seconds = diagnose(study)
    components, pca_seconds = pca(study)
    k = wanted_components(config) or components.recommended
    with scratch(study):
        main = decompose(study, k)
        fits = other_fits(study, main, k)
    projected = project(study, main)
    null = nulls(study, fits, projected)
    stable, stability_seconds = stability(study, fits, null)
    matched, match_seconds = match(study, Material(fits, projected, null, stable))
    interpreted, interpret_seconds = interpret(study, matched, projected, main.key)
    compared, compare_seconds = compare(study, projected, null)
    conclusion = conclude(collected, decompose_record(main), stable, matched, len(study.rows))
    if doctor is not None:
        conclusion = replace(conclusion, cautions=(*doctor.cautions(), *conclusion.cautions))

    results = DarkMatterResults(
        **_about(config, source),
        collect=collected,
        diagnose=diagnosed,
        pca=components,
        decompose=decompose_record(main),
        stability=stable,
        match=matched,
        interpret=interpreted,
        compare=compared,
        conclusion=conclusion,
        seconds={
            "collect": collected.seconds,
            "diagnose": diagnose_seconds,
            "pca": pca_seconds,
            "decompose": main.seconds,
            "sources": projected.seconds,
            "other fits": fits.seconds,
            "nulls": null.seconds,
            "stability": stability_seconds,
            "match": match_seconds,
            "interpret": interpret_seconds,
            "compare": compare_seconds,
        },
        doctor=doctor,
    )
    run.write_results(results)
    progress.step("conclude", conclusion.headline)
    return results


def _note_source(run: RunDir, source: Source, progress: Progress) -> None:
    """Keep the source's card, commits included, in the manifest; say so where it is not what the run was begun with."""
    card = plain(source.card())
    begun = run.manifest.get("source")
    if begun is not None and begun.get("fingerprint") != card["fingerprint"]:
        progress.step(
            "source", "has changed since this run was begun (its files, its commit or a library): nothing of it is reused"
        )
    run.update(source=card)


def _told(collected: Collect) -> str:
    """The outcome of step 1 in a line."""
    what = f"{collected.tokens_kept:,} tokens of {collected.documents_read:,} documents"
    if collected.reused:
        return f"{what}, from the activation cache"
    return f"{what}, {collected.tokens_per_second:,.0f} tokens/s, {collected.bytes_on_disk / 1e6:,.0f} MB in the activation cache"


def _about(config: RunConfig, source: Source) -> dict[str, Any]:
    """What was studied, with what, where."""
    return {
        "schema": SCHEMA,
        "study": "dark-matter",
        "source": {**config.source.record(), **plain(source.card())},
        "decomposer": config.decomposing.record(),
        "settings": {name: value for name, value in config.record().items() if name not in ("source", "decomposer")},
        "environment": environment(),
    }
