"""A decomposer that keeps its contract, in a few lines: PCA by whitening. Tests break it in one way at a time."""

from dataclasses import dataclass

import numpy as np

from darkframe import Decomposition, Diagnostics
from darkframe.numerics.components import fewer_components, fit_whitening


class Whitener:
    """PCA of unit-variance sources, which reports its passes over the rows."""

    def fit(self, rows, context):
        with context.progress.task("whiten", len(rows), "rows") as task:
            for block in rows.blocks():
                task.advance(len(block))
        whitening = fit_whitening(rows, None, context)
        one = np.eye(whitening.k)
        shares = whitening.variances / whitening.total_variance
        warnings = fewer_components(None, whitening, context)
        diagnostics = Diagnostics(converged=True, iterations=0, warnings=warnings)
        patterns, filters = whitening.patterns(one), whitening.filters(one)
        return Decomposition(rows.mean, patterns, filters, shares, float(min(shares.sum(), 1)), diagnostics)


@dataclass(frozen=True, eq=False)
class Longer(Decomposition):
    """Its directions are as long as its patterns."""

    @property
    def directions(self):
        return self.patterns


@dataclass(frozen=True, eq=False)
class Rectified(Decomposition):
    """Its sources are never negative."""

    def transform(self, block):
        return np.abs(super().transform(block))


def as_kind(kind, result):
    """The same fit as another class of records."""
    return kind(**{name: getattr(result, name) for name in result.__dataclass_fields__})
