"""From an unmixing of whitened rows to components in activation space, in a canonical order, with what must be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import Decomposition, Diagnostics
from darkframe_fastica.kernel import Shape
from darkframe_fastica.optimum import Outcome, pair_curvatures

if TYPE_CHECKING:
    from darkframe.interfaces import F64
    from darkframe.numerics.whitening import Whitening
    from darkframe_fastica.contrasts import Contrast


def decomposition(
    whitening: Whitening,
    outcome: Outcome,
    more: Shape,
    contrast: Contrast,
    iterations: int,
    converged: bool,
    warnings: list[str],
    details: Mapping[str, Any],
) -> Decomposition:
    """Components by the share of variance they explain, largest first, each with its heavy tail on the positive side.

    Sign: positive skewness; where the skewness is within five standard errors of zero, the pattern's largest entry is positive.
    Sources are uncorrelated and of unit variance, so component k explains ‖pattern_k‖² / Σλ, and all together Σλ kept / Σλ.

    Args:
        whitening: How the rows were whitened.
        outcome: The search's end over all rows.
        more: Curvatures and higher moments at its unmixing.
        contrast: The contrast function.
        iterations: Over all stages.
        converged: What the algorithm says.
        warnings: What else the reader should know.
        details: To be added to.
    """
    k, total = whitening.k, whitening.total_variance
    patterns = whitening.patterns(outcome.unmixing.T)  # orthogonal: the mixing is the transpose
    signs = _signs(more, patterns)
    explained = (patterns**2).sum(axis=1) / total
    order = np.argsort(-explained, kind="stable")
    unmixing = (signs[:, None] * outcome.unmixing)[order]
    excess = np.abs(outcome.moments.excess)[order]
    cut = contrast.identifiability_cut(outcome.moments.n)
    arbitrary = int((excess < cut).sum())
    if arbitrary:
        warnings = [*warnings, _arbitrary(arbitrary, k, cut)]
    weakest = pair_curvatures(outcome.moments, more).min(axis=1)[order] if k > 1 else np.full(1, np.inf)
    loose = int(((excess >= cut) & (weakest < contrast.identifiability_cut(more.n))).sum())
    if loose:
        warnings = [*warnings, _loose(loose, k)]
    return Decomposition(
        mean=whitening.mean,
        patterns=whitening.patterns(unmixing.T),
        filters=whitening.filters(unmixing),
        explained=explained[order],
        explained_total=float(min(whitening.variances.sum() / total, 1.0)),
        diagnostics=Diagnostics(
            converged=converged,
            iterations=iterations,
            warnings=tuple(warnings),
            gradient=outcome.gradient,
            identifiability=tuple(excess.tolist()),
            details={
                **details,
                "identifiability_cut": cut,
                "identifiable": k - arbitrary,
                "weakest_curvature": weakest[np.isfinite(weakest)].tolist(),
                "weakest_curvature_cut": contrast.identifiability_cut(more.n),
                "curvature_rows": more.n,
                "super_gaussian": int((_tails(outcome, contrast) > 0).sum()),
                "excess_kurtosis": (more.fourth - 3)[order].tolist(),
            },
        ),
    )


def _signs(more: Shape, patterns: F64) -> F64:
    largest = patterns[np.arange(len(patterns)), np.abs(patterns).argmax(axis=1)]
    clear = np.abs(more.third) > 5 * np.sqrt(more.sixth / more.n)
    return np.where(np.where(clear, more.third, largest) >= 0, 1.0, -1.0)


def _tails(outcome: Outcome, contrast: Contrast) -> F64:
    """Positive for tails heavier than a Gaussian's; ``cube`` grows with them where the others shrink."""
    out: F64 = outcome.moments.excess * (-1.0 if contrast.name == "cube" else 1.0)
    return out


def _arbitrary(count: int, k: int, cut: float) -> str:
    which = "All" if count == k else f"{count} of the"
    return (
        f"{which} {k} components are Gaussian-like (identifiability below {cut:.2g}): "
        "their directions are arbitrary within the space they span together."
    )


def _loose(count: int, k: int) -> str:
    which = f"All {k}" if count == k else f"{count} of the {k}"
    return (
        f"{which} components are not Gaussian, but each can be turned against another at no cost beyond noise "
        "(weakest_curvature), as in rows that merely vary in length: their directions are not determined."
    )
