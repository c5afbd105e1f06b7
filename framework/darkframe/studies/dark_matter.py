"""The dark-matter study: decompose what an SAE leaves behind, and hold what comes out against chance."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.results import DarkMatterResults
from darkframe.store.atomic import plain
from darkframe.studies.collect import collect
from darkframe.studies.steps.base import Study
from darkframe.studies.steps.compare import compare
from darkframe.studies.steps.conclude import conclude
from darkframe.studies.steps.decompose import check_components, decompose, other_fits, wanted_components
from darkframe.studies.steps.diagnose import diagnose
from darkframe.studies.steps.fits import decompose_record
from darkframe.studies.steps.interpret import interpret
from darkframe.studies.steps.match import match, nulls
from darkframe.studies.steps.pca import pca
from darkframe.studies.steps.project import project
from darkframe.studies.steps.stability import stability

if TYPE_CHECKING:
    from darkframe.config import RunConfig
    from darkframe.interfaces import Decomposer, Source
    from darkframe.progress import Progress
    from darkframe.store.run import RunDir

SCHEMA = 1
PACKAGES = ("darkframe", "numpy", "scipy", "numba", "torch", "scikit-learn", "transformers", "sae-lens")


def run_dark_matter(
    config: RunConfig,
    source: Source,
    make_decomposer: Callable[[], Decomposer],
    run: RunDir,
    *,
    cache: Path,
    progress: Progress,
) -> DarkMatterResults:
    """Collect, diagnose, decompose, judge; every finished step is kept in ``run`` and not taken again.

    Args:
        config: The resolved configuration.
        source: The opened source.
        make_decomposer: Gives a fresh decomposer for each fit.
        run: The run directory; written: steps, ``results.json``, the manifest's ``collection``.
        cache: Where collected activations are kept between runs.
        progress: Receives progress and one line a step.

    Raises:
        DarkframeError: Whatever is wrong with the input, the plugin or the disk; finished steps stay.
    """
    check_components(config, source.card().d_model)
    collection, collected = collect(
        source, tokens=config.tokens, study=config.study, strict=config.strict, cache=cache, progress=progress
    )
    run.update(collection={"key": collection.key, "path": str(collection.path)})
    study = Study(config, source, collection, make_decomposer, run, progress)
    check_components(config, collection.d_model, len(study.rows))
    began = time.perf_counter()

    diagnosed, diagnose_seconds = diagnose(study)
    components, pca_seconds = pca(study)
    k = wanted_components(config) or components.recommended
    main = decompose(study, k)
    projected = project(study, main)
    fits = other_fits(study, main, k)
    stable, stability_seconds = stability(study, fits)
    null = nulls(study, fits)
    matched, match_seconds = match(study, fits, projected, null, stable)
    interpreted, interpret_seconds = interpret(study, matched, projected, main.key)
    compared, compare_seconds = compare(study, projected, null)
    fitted = decompose_record(main)
    conclusion = conclude(collected, fitted, stable, matched, len(study.rows))

    results = DarkMatterResults(
        schema=SCHEMA,
        study="dark-matter",
        source=_source_record(config, source),
        decomposer=_choice_record(config.decomposer),
        settings=_settings(config),
        environment=_environment(),
        collect=collected,
        diagnose=diagnosed,
        pca=components,
        decompose=fitted,
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
            "stability": stability_seconds,
            "nulls": null.seconds,
            "match": match_seconds,
            "interpret": interpret_seconds,
            "compare": compare_seconds,
            "after collecting": time.perf_counter() - began,
        },
    )
    run.write_results(results)
    progress.step("conclude", conclusion.headline)
    return results


def _choice_record(choice: Any) -> Mapping[str, Any]:
    return {"name": choice.name, "distribution": choice.distribution, "version": choice.version, "params": plain(choice.params)}


def _source_record(config: RunConfig, source: Source) -> Mapping[str, Any]:
    return {**_choice_record(config.source), **plain(source.card())}


def _settings(config: RunConfig) -> Mapping[str, Any]:
    study = {field.name: getattr(config.study, field.name) for field in dataclasses.fields(config.study)}
    record: Mapping[str, Any] = plain(
        {
            "tokens": config.tokens,
            "seed": config.seed,
            "device": config.device,
            "strict": config.strict,
            "quick": config.quick,
            "study": study,
        }
    )
    return record


def _environment() -> Mapping[str, Any]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": found}
