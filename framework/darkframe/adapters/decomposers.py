"""A scikit-learn decomposition as a decomposer plugin."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from darkframe.adapters.estimators import arguments, heard, iterations, load, told
from darkframe.errors import DataError, PluginError, UserError
from darkframe.interfaces import Decomposition, Diagnostics, FitContext, Rows

if TYPE_CHECKING:
    from darkframe.interfaces import F64

_TOLERANCE = 1e-6  # of the sources' spread: float64 transforms agree to about 1e-10
_CHECKED_ROWS = 2048


class SklearnDecomposer:
    """Fits a scikit-learn decomposition estimator to all rows, centred, in float64 and in memory (N × d × 8 bytes).

    The estimator's constructor gets every field of the plugin's parameters, ``n_components`` (where the parameter is None or not
    declared: the study's recommendation) and ``random_state`` (the fit's seed), as far as it takes them.

    The framework wants the linear maps, not the estimator, so they are read off it, column by column:

    - **filters** F (k, d): ``transform`` of the centred rows is ``(e − mean) Fᵀ``, so column j of F is
      ``transform(1_j) − transform(0)``. For FactorAnalysis, say, F is the posterior mean's ``(I + W Ψ⁻¹ Wᵀ)⁻¹ W Ψ⁻¹``. That
      ``transform`` is linear in fact is then checked on rows; one that is not is refused, or, with
      ``filters_from = "pinv"``, replaced by the least-squares filters of the patterns, ``(P Pᵀ)⁻¹ P``, which the result's
      warnings then say.
    - **patterns** P (k, d): what ``inverse_transform`` adds for a unit of each source; without that method, ``components_``.
    - **explained**, with C the rows' exact covariance: ``(2 f C p − (f C f) (p·p)) / tr C`` for each component alone, the
      share of variance that taking ``p (f·e)`` away removes (it may be negative where components overlap);
      ``explained_total = (2 tr(F C Pᵀ) − tr(F C Fᵀ P Pᵀ)) / tr C`` for all together.

    Attributes:
        estimator: ``"package.module:Class"`` or the class itself.
        fixed: Arguments of its constructor that are not the user's to set.
        filters_from: ``"transform"``, or ``"pinv"`` for estimators whose ``transform`` is not linear (sparse coding).
    """

    estimator: ClassVar[str | type[Any]]
    fixed: ClassVar[Mapping[str, Any]] = {}
    filters_from: ClassVar[Literal["transform", "pinv"]] = "transform"

    def __init__(self, params: Any = None) -> None:
        self.params = params

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows.

        Raises:
            UserError: More components than the rows have dimensions or rows.
            DataError: The rows hold NaN or infinite values, or are all the same.
            PluginError: The estimator does not take a parameter, or what it learned is not a linear decomposition.
        """
        import numpy as np

        centred = np.array(rows, np.float64)
        centred -= rows.mean  # here, exactly: a huge mean would eat the estimator's digits
        if not np.isfinite(centred).all():
            raise DataError("The rows hold NaN or infinite values.")
        if not np.trace(rows.covariance) > 0:
            raise DataError(f"All {len(rows)} rows are the same: there is no variance to decompose.")
        model = self._class()(**self._arguments(rows, context))
        _, caught = heard(model, lambda: model.fit(centred))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows that are none, but probes
            patterns = self._patterns(model, centred.shape[1])
            filters, note = self._filters(model, patterns, centred, context.seed)
        self._check(patterns, filters, centred.shape[1])
        explained, total = _explained(patterns, filters, rows.covariance)
        said = (*caught.sentences, *((note,) if note else ()))
        diagnostics = Diagnostics(caught.converged, iterations(model), said, details=told(model))
        return Decomposition(rows.mean, patterns, filters, explained, total, diagnostics)

    def _class(self) -> type[Any]:
        return load(self.estimator)

    def _arguments(self, rows: Rows, context: FitContext) -> dict[str, Any]:
        given = arguments(self._class(), self.params, self.fixed, n_components=context.n_components, random_state=context.seed)
        if "n_components" in given and given["n_components"] is None:
            given["n_components"] = context.n_components
        n, limit = given.get("n_components"), min(rows.shape)
        if isinstance(n, int) and n > limit:
            raise UserError(
                f"{n} components were asked for, but {rows.shape[0]} rows of {rows.shape[1]} dimensions have {limit} at most."
            )
        return given

    def _patterns(self, model: Any, d: int) -> F64:
        import numpy as np

        if not hasattr(model, "inverse_transform"):
            return np.array(model.components_, np.float64)
        k = model.transform(np.zeros((2, d))).shape[1]  # two: SparsePCA flattens a single row
        probes = np.vstack([np.zeros(k), np.eye(k)])
        answers = np.asarray(model.inverse_transform(probes), np.float64)
        patterns: F64 = answers[1:] - answers[0]
        return patterns

    def _filters(self, model: Any, patterns: F64, centred: F64, seed: int) -> tuple[F64, str]:
        """Filters (k, d), and what there is to say about them."""
        import numpy as np

        if self.filters_from == "pinv":
            sentence = "Sources are the least-squares ones of the patterns, not those of the estimator's own transform."
            return np.asarray(np.linalg.pinv(patterns).T, np.float64), sentence
        d, scale = centred.shape[1], float(np.sqrt(np.mean(centred**2))) or 1.0
        answers = np.asarray(model.transform(np.vstack([np.zeros(d), scale * np.eye(d)])), np.float64)
        filters = ((answers[1:] - answers[0]) / scale).T.copy()
        chosen = np.random.default_rng(seed).choice(len(centred), min(_CHECKED_ROWS, len(centred)), replace=False)
        actual = np.asarray(model.transform(centred[chosen]), np.float64)
        error, spread = np.abs(actual - centred[chosen] @ filters.T).max(), actual.std()
        if not error <= _TOLERANCE * max(spread, np.finfo(np.float64).tiny):
            raise PluginError(
                f"{type(model).__name__}.transform is not linear in the centred rows: it is off by {error:.2g}, "
                f"where sources spread {spread:.2g}.",
                hint="Set filters_from = 'pinv' on the decomposer to use the least-squares filters of its patterns.",
            )
        return filters, ""

    def _check(self, patterns: F64, filters: F64, d: int) -> None:
        import numpy as np

        name = self._class().__name__
        if patterns.ndim != 2 or patterns.shape[1] != d or patterns.shape != filters.shape:
            raise PluginError(
                f"{name} gave patterns of shape {patterns.shape} and filters of shape {filters.shape} in {d} dimensions."
            )
        if not (np.isfinite(patterns).all() and np.isfinite(filters).all()):
            raise PluginError(f"{name} gave NaN or infinite components.")


def _explained(patterns: F64, filters: F64, covariance: F64) -> tuple[F64, float]:
    """Share of variance each component explains alone, (k,), and all of them together; formulas in ``SklearnDecomposer``."""
    import numpy as np

    total = max(float(np.trace(covariance)), np.finfo(np.float64).tiny)
    read = filters @ covariance
    alone: F64 = 2 * np.einsum("kd,kd->k", read, patterns)
    alone = alone - np.einsum("kd,kd->k", read, filters) * np.einsum("kd,kd->k", patterns, patterns)
    together = 2 * np.einsum("kd,kd->", read, patterns) - np.sum((read @ filters.T) * (patterns @ patterns.T))
    return alone / total, float(together / total)
