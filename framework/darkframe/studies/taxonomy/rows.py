"""Steps 4 and 5: which features are clustered, in which order, in which dimensions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DataError, ParameterError, UserError
from darkframe.numerics.spread import SHARES, Axes
from darkframe.results import OrderRecord, PcaLandscape
from darkframe.store.records import record_from_plain
from darkframe.studies.taxonomy.base import TaxonomyStudy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.config import TaxonomyParams
    from darkframe.interfaces import F32, I64


@dataclass(frozen=True, eq=False)
class Clustered:
    """What is clustered. Rows are gathered whenever they are asked for: they are large, and seldom needed together.

    Attributes:
        key: Of the step.
        features: (n,) ids in the order of clustering.
        decoder: (F, d) W_dec.
        axes: Principal axes of all n rows; used with PCA alone.
        order, pca: The records.
        seconds: The step took.
    """

    key: str
    features: I64
    decoder: F32
    axes: Axes
    order: OrderRecord
    pca: PcaLandscape
    seconds: float

    def rows(self, chosen: I64 | None = None) -> F32:
        """(n, d) float32 decoder rows in the order of clustering, or those of some places in it."""
        gathered: F32 = self.decoder[self.features if chosen is None else self.features[chosen]]
        return gathered

    def vectors(self, chosen: I64 | None = None) -> F32:
        """(n, dims) what the clusterer gets: the rows, or their coordinates along principal axes."""
        rows = self.rows(chosen)
        return rows if self.pca.dims is None else self.axes.project(rows, self.pca.dims)


def clustered_rows(study: TaxonomyStudy, kept: I64) -> Clustered:
    """Order or sample the kept features, and find the principal axes of their rows.

    Raises:
        UserError: Fewer than two features are left, or fewer rows than PCA dimensions.
    """
    if len(kept) < 2:
        raise DataError("Only one feature of the dictionary is left to cluster; a taxonomy needs two or more.")
    if study.params.sample is not None and study.params.sample < 2:
        raise UserError("taxonomy.sample is 1; a taxonomy needs two features or more.", hint="Raise it.")

    def compute(_: object) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return _compute(study, kept)

    inputs: dict[str, Any] = {"kept": _digest(kept), "seed": study.config.seed}
    inputs |= {"sample": study.params.sample, "pca_dims": study.params.pca_dims}
    check_dims(study.params, len(kept), study.decoder.shape[1])
    outcome = study.step("rows", inputs, compute)
    features = np.asarray(outcome.arrays["taxonomy_features"])
    components, mean, variances = (np.asarray(outcome.arrays[f"taxonomy_{name}"]) for name in ("axes", "axes_mean", "variances"))
    pca = record_from_plain(PcaLandscape, outcome.record["pca"])
    order = record_from_plain(OrderRecord, outcome.record["order"])
    study.progress.step("features", _told(order, pca, study.decoder.shape[1]))
    axes = Axes(mean, variances, components, pca.of)
    return Clustered(outcome.key, features, study.decoder, axes, order, pca, outcome.seconds)


def check_dims(params: TaxonomyParams, features: int, d: int, which: str = "") -> None:
    """Refuse more PCA dimensions than the rows of so many features, or of the sample of them, have.

    Raises:
        ParameterError: With both numbers.
    """
    dims, n = params.pca_dims, min(features, params.sample or features)
    of = min(n - 1, d)
    if dims is not None and dims > of:
        raise ParameterError(
            f"taxonomy.pca_dims is {dims:,}, but {n:,}{which} rows of {d:,} dimensions have at most {of:,} principal axes.",
            hint=f"Set taxonomy.pca_dims to {of:,} or fewer.",
        )


def check_parameters(params: TaxonomyParams, features: int, d: int) -> None:
    """Refuse, before anything is computed, what rows of so many features in d dimensions cannot give.

    Raises:
        ParameterError: More PCA dimensions than the rows have, or those of ``taxonomy.check_rows``.
    """
    check_dims(params, features, d)
    if params.check_rows is not None and params.check_rows < features:
        check_dims(params, params.check_rows, d, " (taxonomy.check_rows)")


def prepared(study: TaxonomyStudy, rows: NDArray[Any]) -> NDArray[Any]:
    """What becomes of any rows before they are clustered: their own PCA, where the study has one."""
    dims = study.params.pca_dims
    return rows if dims is None else Axes.fit(rows).project(rows, dims)


def _digest(ids: I64) -> str:
    return hashlib.sha256(np.ascontiguousarray(ids, np.int64).data).hexdigest()


def ordered(kept: I64, sample: int | None, seed: int) -> I64:
    """A seeded permutation of the kept features, or a seeded sample of them."""
    rng = np.random.default_rng(seed)
    if sample is not None and sample < len(kept):
        return kept[rng.choice(len(kept), size=sample, replace=False)]
    return kept[rng.permutation(len(kept))]


def _compute(study: TaxonomyStudy, kept: I64) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    params, d = study.params, study.decoder.shape[1]
    features = ordered(kept, params.sample, study.config.seed)
    with study.progress.task("variance landscape", None, "") as task:
        task.note(f"{len(features):,} rows")
        axes = Axes.fit(study.decoder[features])
    dims = params.pca_dims
    pca = PcaLandscape(
        dims=dims,
        share=1.0 if dims is None else axes.share(dims),
        needed={f"{percent} %": axes.needed(percent) for percent in SHARES},
        of=axes.of,
    )
    order = OrderRecord(study.config.seed, len(kept), len(features), len(features) < len(kept))
    return {"order": order, "pca": pca}, {
        "taxonomy_features": features,
        "taxonomy_axes": axes.components[: dims or 0] if dims else np.zeros((0, d)),
        "taxonomy_axes_mean": axes.mean if dims else np.zeros(d),
        "taxonomy_variances": axes.variances[: axes.of],
    }


def _told(order: OrderRecord, pca: PcaLandscape, d: int) -> str:
    which = f"{order.n:,} drawn of {order.kept:,}" if order.sampled else f"{order.n:,} in random order"
    if pca.dims is None:
        return f"{which}, {d:,} dimensions; {pca.needed['90 %']:,} hold 90 % of the variance"
    return f"{which}, {pca.dims:,} of {d:,} dimensions by PCA, {pca.share:.1%} of the variance"
