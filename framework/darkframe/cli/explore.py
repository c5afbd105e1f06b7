"""``darkframe explore RUN``: the taxonomy of a finished run, cluster by cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from darkframe.cli.complete import complete_run
from darkframe.cli.state import debug_option

if TYPE_CHECKING:
    from darkframe.result import RunResult
    from darkframe.results import TaxonomyResults
    from darkframe.store.taxonomy import Taxonomy

_OFFERED = 60  # clusters after <Tab>, the largest of the level


def complete_cluster(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the run's largest clusters, with their tokens."""
    from darkframe.errors import DarkframeError

    try:
        typed = ctx.params.get("run") or next(iter(ctx.args))  # click leaves it in args while --cluster has no value yet
        return _cluster_names(Path(typed), incomplete)
    except (DarkframeError, StopIteration):
        return []


def _cluster_names(path: Path, incomplete: str) -> list[CompletionItem]:
    from darkframe.report.taxonomy.summary import said_by
    from darkframe.result import load

    taxonomy, wanted = load(path).clusters, incomplete.upper()
    levels = [f"L{level}:" for level in range(taxonomy.levels)]
    chosen = [level for level, name in enumerate(levels) if wanted.startswith(name)] or ([] if wanted.strip("L") else [0])
    offered = [CompletionItem(name, help="level") for name in levels if name.startswith(wanted) and len(wanted) < len(name)]
    for level in chosen:
        for cluster in taxonomy.largest(level, 10 * _OFFERED):
            name = f"L{level}:{cluster}"
            if name.startswith(wanted) and len(offered) < _OFFERED:
                offered.append(CompletionItem(name, help=said_by(taxonomy.cluster(level, cluster), 4)))
        if f"L{level}:NOISE".startswith(wanted) and len(taxonomy.noise(level)):
            offered.append(CompletionItem(f"L{level}:noise", help="in no cluster"))
    return offered


@click.command(name="explore", short_help="Look into a taxonomy: levels, one cluster, one feature.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--cluster",
    metavar="NAME",
    shell_complete=complete_cluster,
    help="Show this cluster: L0:3, or 3 for level 0; L0:noise: what is in none.",
)
@click.option("--feature", metavar="ID", type=int, help="Show where this feature of the SAE lies.")
@click.option("--children", type=click.IntRange(min=0), metavar="N", default=10, help="Children to show.  [default: 10]")
@click.option("--features", type=click.IntRange(min=0), metavar="N", default=10, help="Members to show.  [default: 10]")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable on stdout.")
@debug_option
def command(run: Path, cluster: str | None, feature: int | None, children: int, features: int, as_json: bool) -> None:
    r"""Look into the taxonomy of the finished run in the directory RUN.

    \b
    darkframe explore RUN                     its levels and its largest clusters
    darkframe explore RUN --cluster L0:3      one cluster: tokens, quality, children, members
    darkframe explore RUN --cluster L0:noise  the features in no cluster of a level
    darkframe explore RUN --feature 123       where a feature lies at each level
    """
    from darkframe.result import load

    if cluster is not None and feature is not None:
        raise click.UsageError("Give --cluster or --feature, not both.")
    result = load(run)
    taxonomy = result.clusters  # says so where there is no taxonomy
    assert result.taxonomy is not None
    from darkframe.report.taxonomy import exploring

    if cluster is not None:
        at = exploring.parse_cluster(taxonomy, cluster)
        _say(result, _view(result.taxonomy, taxonomy, at, children, features), as_json)
    elif feature is not None:
        _say(result, exploring.explore_feature(result.taxonomy, taxonomy, feature), as_json)
    else:
        _say(result, None, as_json)


def _view(results: TaxonomyResults, taxonomy: Taxonomy, at: tuple[int, int], children: int, features: int) -> Any:
    """A cluster, or the noise of a level."""
    from darkframe.report.taxonomy import exploring

    if at[1] == exploring.NOISE:
        return exploring.explore_noise(results, taxonomy, at[0], features)
    return exploring.explore_cluster(results, taxonomy, at, children, features)


def _say(result: RunResult, view: Any, as_json: bool) -> None:
    """Print a view of a cluster or a feature, or without one the overview."""
    from darkframe.report.taxonomy.exploring import ClusterView, NoiseView

    assert result.taxonomy is not None
    if as_json:
        click.echo(_json(result, view))
        return
    from darkframe.cli import render_taxonomy

    if view is None:
        render_taxonomy.print_overview(result.taxonomy)
    elif isinstance(view, ClusterView):
        render_taxonomy.print_cluster(view)
    elif isinstance(view, NoiseView):
        render_taxonomy.print_noise(view)
    else:
        render_taxonomy.print_feature(view)


def _json(result: RunResult, view: Any) -> str:
    from darkframe.store.atomic import plain

    assert result.taxonomy is not None
    shown = {"levels": result.taxonomy.levels, "clusters": result.taxonomy.clusters} if view is None else view
    return json.dumps({"run": str(result.path), **plain(shown)}, indent=1, allow_nan=False, ensure_ascii=True)
