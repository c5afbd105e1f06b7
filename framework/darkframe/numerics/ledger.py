"""The metric ledger: what "explained variance" means, each meaning with its formula, from sums over one pass.

x is an activation, x̂ the SAE's reconstruction, e = x − x̂, x̄ and ē their means over the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkframe.results import LedgerEntry

if TYPE_CHECKING:
    from darkframe.interfaces import F64, I64

#: What each token adds up: ‖e‖², ‖x‖², ‖x̂‖², x·x̂, ‖e‖/‖x‖, cos(x, x̂), ‖e‖²/‖x‖², ‖e‖²/‖x − m‖², active features.
TERMS = ("ee", "xx", "hh", "xh", "norm_ratio", "cosine", "error_share", "error_share_about_m", "l0")


@dataclass(frozen=True, eq=False)
class LedgerSums:
    """Everything the ledger needs of one set of tokens.

    Attributes:
        n: Tokens.
        terms: (9,) float64 sums of ``TERMS``.
        variance_x, variance_e: (d,) float64 variances per dimension (divided by n).
        fire_count: (F,) int64.
        pilot: Tokens that the fixed point m is the mean of.
    """

    n: int
    terms: F64
    variance_x: F64
    variance_e: F64
    fire_count: I64
    pilot: int

    def sum(self, term: str) -> float:
        """Sum over the tokens of one of ``TERMS``."""
        return float(self.terms[TERMS.index(term)])

    def mean(self, term: str) -> float:
        """Mean over the tokens of one of ``TERMS``."""
        return _ratio(self.sum(term), self.n)


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _fvu(s: LedgerSums) -> float:
    return _ratio(s.sum("ee"), s.n * float(s.variance_x.sum()))


_ENTRIES: tuple[tuple[str, str, str, Callable[[LedgerSums], float]], ...] = (
    ("ev_pooled", "Explained variance, pooled", "1 − Σ‖e‖² / Σ‖x − x̄‖²", lambda s: 1.0 - _fvu(s)),
    (
        "ev_variances",
        "Explained variance, from variances per dimension (blind to bias)",
        "1 − Σ_j var(e_j) / Σ_j var(x_j)",
        lambda s: 1.0 - _ratio(float(s.variance_e.sum()), float(s.variance_x.sum())),
    ),
    (
        "ev_per_token",
        "Explained variance, mean of the per-token ratio",
        "mean_i(1 − ‖e_i‖² / ‖x_i − m‖²), m = mean of x over the first {pilot} tokens that are not massive",
        lambda s: 1.0 - s.mean("error_share_about_m"),
    ),
    (
        "ev_about_zero",
        "Explained variance, denominator about zero",
        "1 − Σ‖e‖² / Σ‖x‖²",
        lambda s: 1.0 - _ratio(s.sum("ee"), s.sum("xx")),
    ),
    (
        "ev_per_token_about_zero",
        "Explained variance, mean of the per-token ratio about zero",
        "mean_i(1 − ‖e_i‖² / ‖x_i‖²)",
        lambda s: 1.0 - s.mean("error_share"),
    ),
    ("fvu", "Fraction of variance unexplained, pooled", "Σ‖e‖² / Σ‖x − x̄‖²", _fvu),
    ("l0", "Features active on a token (L0)", "mean_i #{f : a_if ≠ 0}", lambda s: s.mean("l0")),
    (
        "dead_features",
        "Features that never fire",
        "#{f : a_if = 0 for every token i}",
        lambda s: float((s.fire_count == 0).sum()),
    ),
    ("norm_ratio", "Norm of the residual over the norm of x", "mean_i ‖e_i‖ / ‖x_i‖", lambda s: s.mean("norm_ratio")),
    (
        "relative_reconstruction_bias",
        "Relative reconstruction bias (1: none, below 1: shrinkage)",
        "E‖x̂‖² / E[x·x̂]",
        lambda s: _ratio(s.sum("hh"), s.sum("xh")),
    ),
    ("cosine", "Cosine of x and its reconstruction", "mean_i cos(x_i, x̂_i), 0 where x̂_i = 0", lambda s: s.mean("cosine")),
)


def ledger(ordinary: LedgerSums, everything: LedgerSums, with_position_0: LedgerSums) -> tuple[LedgerEntry, ...]:
    """Every metric on the three sets of tokens."""
    sets = (ordinary, everything, with_position_0)
    return tuple(
        LedgerEntry(name, title, formula.replace("{pilot}", f"{ordinary.pilot:,}"), *(float(value(s)) for s in sets))
        for name, title, formula, value in _ENTRIES
    )
