"""A plan's plugins, opened; and the studies it asks for, taken one after another into the run directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.api.clusterers import Maker
from darkframe.api.doctoring import check_before
from darkframe.api.guard_decomposers import decomposer_factory
from darkframe.api.guard_sources import open_source
from darkframe.api.parts import DARK_MATTER, TAXONOMY, require_parts
from darkframe.api.places import cache_root
from darkframe.api.plan import Plan
from darkframe.interfaces import Decomposer, Fetches, Source, SourceContext
from darkframe.lm.memory import memory_words

if TYPE_CHECKING:
    from darkframe.progress import Progress
    from darkframe.results import DarkMatterResults, TaxonomyResults
    from darkframe.store.run import RunDir


@dataclass(frozen=True)
class Opened:
    """A plan and its plugins, opened; None for those it does not have."""

    plan: Plan
    source: Source
    make_decomposer: Callable[[], Decomposer] | None
    make_clusterer: Maker | None


def open_plan(plan: Plan, progress: Progress) -> Opened:
    """Load and open the plugins: what they refuse, they refuse before there is a run directory."""
    config = plan.config
    source_class = plan.source.load()
    make_decomposer, make_clusterer = _make_decomposer(plan), _make_clusterer(plan)
    context = SourceContext(device=config.device, seed=config.seed, cache=cache_root() / "sources", progress=progress)
    source = open_source(plan.source, source_class, config.source.params, context)
    if make_decomposer is not None:
        require_parts(source, plan.source.name, "dark-matter study", DARK_MATTER)
    if make_clusterer is not None:
        require_parts(source, plan.source.name, "taxonomy study", TAXONOMY)
    if isinstance(source, Fetches):
        source.card()  # what the hub refuses, or does not answer, is said before anything heavy is imported
    return Opened(plan, source, make_decomposer, make_clusterer)


def _make_decomposer(plan: Plan) -> Callable[[], Decomposer] | None:
    if plan.decomposer is None:
        return None
    make = decomposer_factory(plan.decomposer, plan.decomposer.load(), plan.config.decomposing.params)
    make()
    return make


def _make_clusterer(plan: Plan) -> Maker | None:
    if plan.clusterer is None:
        return None
    make = Maker(plan.clusterer, plan.config.clustering.params, plan.registry)
    make()
    return make


def take_studies(opened: Opened, run: RunDir, progress: Progress) -> None:
    """Take the studies of the plan, and write their results, figures and pages into the run directory."""
    if opened.make_clusterer is not None:
        from darkframe.studies.taxonomy.rows import check_parameters

        card = opened.source.card()
        check_parameters(opened.plan.config.taxonomy, card.n_features, card.d_model)  # before anything is computed
    found = _dark_matter(opened, run, progress) if opened.make_decomposer is not None else None
    organised = _taxonomy(opened, run, progress, found) if opened.make_clusterer is not None else None
    written = 0
    with progress.task("plots and pages", None, "") as task:
        task.note("plots")
        if found is not None:
            written += _dark_matter_pictures(found, run)
        if organised is not None:
            written += _taxonomy_pictures(organised, run)
    pages = [name for name, there in (("report.html", found), ("taxonomy.html", organised)) if there is not None]
    progress.step("report", f"{written} plots and {' and '.join(pages)} in {run.path}")


def _dark_matter(opened: Opened, run: RunDir, progress: Progress) -> DarkMatterResults:
    from darkframe.studies.dark_matter import run_dark_matter
    from darkframe.studies.steps.decompose import check_components

    assert opened.make_decomposer is not None
    config, cache = opened.plan.config, cache_root()
    check_components(config, opened.source.card().d_model)
    source, examined = check_before(config, opened.source, run, cache=cache, progress=progress)
    with memory_words("a step of the study was computed", "Free memory, or collect fewer tokens with --tokens."):
        return run_dark_matter(config, source, opened.make_decomposer, run, cache=cache, progress=progress, doctor=examined)


def _taxonomy(opened: Opened, run: RunDir, progress: Progress, found: DarkMatterResults | None) -> TaxonomyResults:
    from darkframe.studies.placement import place
    from darkframe.studies.taxonomy.run import run_taxonomy

    assert opened.make_clusterer is not None
    config, make = opened.plan.config, opened.make_clusterer
    with memory_words("a step of the taxonomy was computed", "Free memory, or cluster fewer features with taxonomy.sample."):
        results = run_taxonomy(config, opened.source, make, run, progress=progress)
        if found is not None:
            results = replace(results, placement=place(config, found, results, make, run, progress=progress))
    run.write_taxonomy(results)
    progress.step("conclude", results.conclusion.headline)
    return results


def _dark_matter_pictures(results: DarkMatterResults, run: RunDir) -> int:
    from darkframe.report.page import write_page
    from darkframe.report.plots import save_figures
    from darkframe.store.collection import Collection

    figures = save_figures(results, run, Collection.open(Path(run.manifest["collection"]["path"])))
    write_page(results, run)
    return len(figures)


def _taxonomy_pictures(results: TaxonomyResults, run: RunDir) -> int:
    from darkframe.report.taxonomy.figures import save_taxonomy_figures
    from darkframe.report.taxonomy.page import write_taxonomy_page
    from darkframe.report.taxonomy.tables import write_tables

    write_tables(run, results)
    figures = save_taxonomy_figures(results, run)
    write_taxonomy_page(results, run)
    return len(figures)
