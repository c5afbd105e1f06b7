"""``ica_dark_matter_results.json``: the notebook's keys with the numbers they were meant to have, and what it left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from darkframe.results import DarkMatterResults

_LAYER = re.compile(r"(?:blocks|layers|h)\.(\d+)")
_DEFINITIONS = {
    "tokens_analyzed": "tokens kept: rows of residuals.npy; every figure but this one leaves massive tokens out",
    "variance_analysis": "sums over dimensions of variances; massive tokens left out",
    "ica.fraction_residual_variance_explained": "of mean + sources @ patterns, closed form",
    "ica_activations.npy": "sources: (residual - mean) @ filters.T, the unmixing of the centred residual",
    "ica_directions.npy": "unit patterns: mixing.T @ (sqrt(eigenvalue)[:, None] * V.T), scaled to length 1",
    "kurtosis": "excess (Fisher) kurtosis; of SAE features over all tokens, zeros included",
}


def notebook_results(results: DarkMatterResults) -> dict[str, Any]:
    """The notebook's nested keys, all of them, and one more: ``darkframe``, with the null's answer and what was left out."""
    source, fit, match, compare = results.source, results.decompose, results.match, results.compare
    hook = str(source.get("hook_point", ""))
    kurtosis, pca = results.diagnose.kurtosis, results.pca.ordinary
    return {
        "model": source.get("model"),
        "sae": source.get("dictionary"),
        "sae_id": hook,
        "layer": _layer(hook),
        "tokens_analyzed": results.collect.tokens_kept,
        "d_model": source.get("d_model"),
        "n_ica_components": fit.n_components,
        "variance_analysis": _variances(results),
        "residual_kurtosis": {"mean": kurtosis.mean, "std": kurtosis.sd, "min": kurtosis.min, "max": kurtosis.max},
        "pca": {f"n_components_{level}pct_variance": n for level, n in ((90, pca.n_90), (95, pca.n_95), (99, pca.n_99))},
        "ica": {
            "n_components": fit.n_components,
            "iterations_to_converge": fit.iterations,
            "fraction_residual_variance_explained": fit.explained_total,
        },
        "ica_sae_similarity": {
            "mean_max_cosine": match.mean,
            "median_max_cosine": match.median,
            f"high_similarity_count_gt_{match.known_cut:g}": match.known,
            f"medium_similarity_count_{match.novel_cut:g}_to_{match.known_cut:g}": match.partial,
            f"low_similarity_count_lt_{match.novel_cut:g}": match.novel,
        },
        "kurtosis_comparison": {
            "ica_component_kurtosis_mean": compare.components.mean,
            "ica_component_kurtosis_median": compare.components.median,
            "sae_feature_kurtosis_mean": compare.features.mean,
            "sae_feature_kurtosis_median": compare.features.median,
        },
        "darkframe": _beyond(results),
    }


def _layer(hook: str) -> int | None:
    found = _LAYER.search(hook)
    return int(found.group(1)) if found else None


def _variances(results: DarkMatterResults) -> dict[str, float]:
    """Σ var(x), Σ var(e) and their ratio, from the ledger's per-dimension entry and the covariance of e."""
    explained = next((entry.ordinary for entry in results.diagnose.ledger if entry.name == "ev_variances"), float("nan"))
    residual, unexplained = results.pca.ordinary.total_variance, 1.0 - explained
    return {
        "total_activation_variance": residual / unexplained if unexplained else float("nan"),
        "residual_variance": residual,
        "fraction_unexplained_by_sae": unexplained,
    }


def _beyond(results: DarkMatterResults) -> Mapping[str, Any]:
    conclusion = results.conclusion
    return {
        "finding": conclusion.finding,
        "headline": conclusion.headline,
        "by_the_cuts_alone": conclusion.by_notebook,
        "components_that_beat_the_null": conclusion.beat_null,
        "expected_novel_by_chance": dict(results.match.expected_novel),
        "converged": results.decompose.converged,
        "massive_tokens_left_out": results.collect.massive.count if results.collect.massive.excluded_from_fit else 0,
        "tokens_fitted": results.decompose.rows,
        "cautions": list(conclusion.cautions),
        "definitions": _DEFINITIONS,
    }
